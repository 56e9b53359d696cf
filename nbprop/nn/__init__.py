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
from .criterion import Loss
from .function_loss import FunctionLoss
from .losses import (
    LOSSES, BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, HingeLoss, HuberLoss, KLDivLoss, L1Loss, MSELoss,
    MultiMarginLoss, NLLLoss, PoissonNLLLoss, SmoothL1Loss, loss,
)
from .pairs import CosineEmbeddingLoss, GaussianNLLLoss, MarginRankingLoss, TripletMarginLoss, cosine_similarity
from .mlp import mlp
from .module import Module, evaluating
from .norm import BatchNorm1d, BatchNorm2d, LayerNorm
from .parameter import Parameter
from .recurrent import GRU, LSTM, RNN, Recurrent, truncated_bptt
from .residual import Residual

__all__ = [
    "ACTIVATIONS", "ELU", "GELU", "GRU", "INITIALIZERS", "LOSSES", "LSTM", "RNN", "Activation", "AvgPool2d",
    "BCELoss", "BCEWithLogitsLoss", "BatchNorm1d", "BatchNorm2d", "CTCLoss", "Conv2d", "CosineEmbeddingLoss",
    "CrossEntropyLoss", "Dropout", "Embedding", "Flatten", "FunctionLoss", "GaussianNLLLoss", "HingeLoss",
    "HuberLoss", "Identity", "KLDivLoss", "L1Loss", "LayerNorm", "LeakyReLU", "LearnedPositions", "Linear", "Loss",
    "MSELoss", "MarginRankingLoss", "MaxPool2d", "Module", "ModuleDict", "ModuleList", "MultiMarginLoss",
    "MultiheadAttention", "NLLLoss", "Parameter", "PoissonNLLLoss", "ReLU", "Recurrent", "Residual", "Sequential",
    "SiLU", "Sigmoid", "SinusoidalPositions", "SmoothL1Loss", "Softplus", "Tanh", "TransformerBlock",
    "TripletMarginLoss", "activation", "cosine_similarity", "evaluating", "init", "initializer", "loss", "mlp",
    "scaled_dot_product_attention", "truncated_bptt",
]
