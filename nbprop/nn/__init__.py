"""Neural networks: modules with parameters, activations, initializers, losses."""

# Lists of names, not one a line.
# fmt: off
# isort: skip_file
from . import init
from .activations import (
    ACTIVATIONS, ELU, GELU, SELU, Activation, Hardsigmoid, Hardswish, Hardtanh, Identity, LeakyReLU, LogSoftmax, Mish,
    PReLU, ReLU, ReLU6, Sigmoid, SiLU, Softmax, Softplus, Softsign, Tanh, activation,
)
from .attention import (
    LearnedPositions, MultiheadAttention, SinusoidalPositions, TransformerBlock, scaled_dot_product_attention,
)
from .containers import ModuleDict, ModuleList, Sequential
from .conv import (
    AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool1d, AvgPool2d, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d,
    MaxPool1d, MaxPool2d, Upsample,
)
from .ctc import CTCLoss
from .dropout import Dropout, Dropout2d
from .embedding import Embedding
from .init import INITIALIZERS, initializer
from .layers import Flatten, Linear, Unflatten
from .losses import (
    LOSSES, BCEWithLogitsLoss, CrossEntropyLoss, FunctionLoss, HingeLoss, HuberLoss, L1Loss, Loss, MSELoss, loss,
)
from .mlp import mlp
from .module import Module, evaluating
from .norm import BatchNorm1d, BatchNorm2d, GroupNorm, InstanceNorm2d, LayerNorm, RMSNorm
from .parameter import Parameter
from .recurrent import GRU, LSTM, RNN, Recurrent, truncated_bptt
from .residual import Residual

__all__ = [
    "ACTIVATIONS", "ELU", "GELU", "GRU", "INITIALIZERS", "LOSSES", "LSTM", "RNN", "SELU", "Activation",
    "AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "AvgPool1d", "AvgPool2d", "BCEWithLogitsLoss", "BatchNorm1d",
    "BatchNorm2d", "CTCLoss", "Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d", "CrossEntropyLoss", "Dropout",
    "Dropout2d", "Embedding", "Flatten", "FunctionLoss", "GroupNorm", "Hardsigmoid", "Hardswish", "Hardtanh",
    "HingeLoss", "HuberLoss", "Identity", "InstanceNorm2d", "L1Loss", "LayerNorm", "LeakyReLU", "LearnedPositions",
    "Linear", "LogSoftmax", "Loss", "MSELoss", "MaxPool1d", "MaxPool2d", "Mish", "Module", "ModuleDict", "ModuleList",
    "MultiheadAttention", "PReLU", "Parameter", "RMSNorm", "ReLU", "ReLU6", "Recurrent", "Residual", "Sequential",
    "SiLU", "Sigmoid", "SinusoidalPositions", "Softmax", "Softplus", "Softsign", "Tanh", "TransformerBlock",
    "Unflatten", "Upsample", "activation", "evaluating", "init", "initializer", "loss", "mlp",
    "scaled_dot_product_attention", "truncated_bptt",
]
