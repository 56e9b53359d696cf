"""Neural networks: modules with parameters, activations, initializers, losses."""

# Lists of names, not one a line.
# fmt: off
# isort: skip_file
from . import init
from .activations import (
    ACTIVATIONS, ELU, GELU, Activation, Identity, LeakyReLU, ReLU, Sigmoid, SiLU, Softplus, Tanh, activation,
)
from .attention import (
    LearnedPositions, MultiheadAttention, SinusoidalPositions, TransformerBlock, scaled_dot_product_attention,
)
from .containers import ModuleDict, ModuleList, Sequential
from .conv import AvgPool2d, Conv2d, MaxPool2d
from .ctc import CTCLoss
from .dropout import Dropout
from .embedding import Embedding
from .init import INITIALIZERS, initializer
from .layers import Flatten, Linear
from .losses import (
    LOSSES, BCEWithLogitsLoss, CrossEntropyLoss, FunctionLoss, HingeLoss, HuberLoss, L1Loss, Loss, MSELoss, loss,
)
from .mlp import mlp
from .module import Module, evaluating
from .norm import BatchNorm1d, BatchNorm2d, LayerNorm
from .parameter import Parameter
from .recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, Recurrent, RecurrentCell, RNNCell, truncated_bptt
from .residual import Residual

__all__ = [
    "ACTIVATIONS", "ELU", "GELU", "GRU", "INITIALIZERS", "LOSSES", "LSTM", "RNN", "Activation", "AvgPool2d",
    "BCEWithLogitsLoss", "BatchNorm1d", "BatchNorm2d", "CTCLoss", "Conv2d", "CrossEntropyLoss", "Dropout", "Embedding",
    "Flatten", "FunctionLoss", "GRUCell", "HingeLoss", "HuberLoss", "Identity", "L1Loss", "LSTMCell", "LayerNorm",
    "LeakyReLU", "LearnedPositions", "Linear", "Loss", "MSELoss", "MaxPool2d", "Module", "ModuleDict", "ModuleList",
    "MultiheadAttention", "Parameter", "RNNCell", "ReLU", "Recurrent", "RecurrentCell", "Residual", "Sequential",
    "SiLU", "Sigmoid", "SinusoidalPositions", "Softplus", "Tanh", "TransformerBlock", "activation", "evaluating",
    "init", "initializer", "loss", "mlp", "scaled_dot_product_attention", "truncated_bptt",
]
