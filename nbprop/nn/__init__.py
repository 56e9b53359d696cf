"""Neural networks: modules with parameters, activations, initializers, losses."""

from . import init
from .activations import (
    ACTIVATIONS,
    ELU,
    GELU,
    Activation,
    Identity,
    LeakyReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
    activation,
)
from .ctc import CTCLoss
from .init import INITIALIZERS, initializer
from .layers import Flatten, Linear
from .losses import (
    LOSSES,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HingeLoss,
    HuberLoss,
    L1Loss,
    Loss,
    MSELoss,
    loss,
)
from .mlp import mlp
from .module import Module, Parameter, Sequential

# fmt: off
__all__ = [
    "ACTIVATIONS", "ELU", "GELU", "INITIALIZERS", "LOSSES", "Activation", "BCEWithLogitsLoss", "CTCLoss",
    "CrossEntropyLoss", "Flatten", "HingeLoss", "HuberLoss", "Identity", "L1Loss", "LeakyReLU", "Linear", "Loss",
    "MSELoss", "Module", "Parameter", "ReLU", "Sequential", "SiLU", "Sigmoid", "Softplus", "Tanh", "activation", "init",
    "initializer", "loss", "mlp",
]
