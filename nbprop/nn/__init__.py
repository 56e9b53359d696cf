"""Neural networks: modules with parameters, activations, initializers, losses. `nn.functional` has them as functions,
under PyTorch's names, with the parameters as arguments."""

# Lists of names, not one a line.
# fmt: off
# isort: skip_file
from typing import TYPE_CHECKING, Any

from ..elsewhere import absent
from . import functional, init
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
from .criterion import Loss
from .function_loss import FunctionLoss
from .losses import (
    LOSSES, BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, HingeLoss, HuberLoss, KLDivLoss, L1Loss, MSELoss,
    MultiMarginLoss, NLLLoss, PoissonNLLLoss, SmoothL1Loss, loss,
)
from .pairs import CosineEmbeddingLoss, GaussianNLLLoss, MarginRankingLoss, TripletMarginLoss, cosine_similarity
from .mlp import mlp
from .module import Module, evaluating
from .norm import BatchNorm1d, BatchNorm2d, GroupNorm, InstanceNorm2d, LayerNorm, RMSNorm
from .parameter import Parameter
from .recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, Recurrent, RecurrentCell, RNNCell, truncated_bptt
from .residual import Residual

__all__ = [
    "ACTIVATIONS", "ELU", "GELU", "GRU", "INITIALIZERS", "LOSSES", "LSTM", "RNN", "SELU", "Activation",
    "AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "AvgPool1d", "AvgPool2d", "BCELoss", "BCEWithLogitsLoss", "BatchNorm1d",
    "BatchNorm2d", "CTCLoss", "Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d", "CosineEmbeddingLoss",
    "CrossEntropyLoss", "Dropout", "Dropout2d", "Embedding", "Flatten", "FunctionLoss", "GRUCell", "GaussianNLLLoss",
    "GroupNorm", "Hardsigmoid", "Hardswish", "Hardtanh", "HingeLoss", "HuberLoss", "Identity", "InstanceNorm2d",
    "KLDivLoss", "L1Loss", "LSTMCell", "LayerNorm", "LeakyReLU", "LearnedPositions", "Linear", "LogSoftmax", "Loss",
    "MSELoss", "MarginRankingLoss", "MaxPool1d", "MaxPool2d", "Mish", "Module", "ModuleDict", "ModuleList",
    "MultiMarginLoss", "MultiheadAttention", "NLLLoss", "PReLU", "Parameter", "PoissonNLLLoss", "RMSNorm", "RNNCell",
    "ReLU", "ReLU6", "Recurrent", "RecurrentCell", "Residual", "Sequential", "SiLU", "Sigmoid", "SinusoidalPositions",
    "SmoothL1Loss", "Softmax", "Softplus", "Softsign", "Tanh", "TransformerBlock", "TripletMarginLoss", "Unflatten",
    "Upsample", "activation", "cosine_similarity", "evaluating", "functional", "init", "initializer", "loss", "mlp",
    "scaled_dot_product_attention", "truncated_bptt",
]


if not TYPE_CHECKING:  # an editor that saw it would take any name for one that is there

    def __getattr__(name) -> Any:
        raise AttributeError(absent(f"module {__name__!r}", name, __all__))
