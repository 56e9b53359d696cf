"""Activations of PyTorch as nbprop's own: by their modules, or by what stands in the graph."""

import inspect
from typing import Any

import numpy as np

from nbprop import nn

# Name of a node of the graph, without "Backward0" -> the activation, and its settings: name -> what the node saves.
NODES: "dict[str, tuple[str, dict[str, str]]]" = {
    "Relu": ("ReLU", {}),
    "Tanh": ("Tanh", {}),
    "Sigmoid": ("Sigmoid", {}),
    "Gelu": ("GELU", {"approximate": "_saved_approximate"}),
    "Silu": ("SiLU", {}),
    "LeakyRelu": ("LeakyReLU", {"negative_slope": "_saved_negative_slope"}),
    "Elu": ("ELU", {"alpha": "_saved_alpha"}),
    "Softplus": ("Softplus", {}),
    "Mish": ("Mish", {}),
    "Hardsigmoid": ("Hardsigmoid", {}),
    "Hardswish": ("Hardswish", {}),
}


def of_module(module: Any) -> Any:
    """nbprop's activation that computes what this module of PyTorch does, or None."""
    return _made(type(module).__name__, lambda name: getattr(module, name))


def is_activation(module: Any) -> bool:
    """Whether a module is an activation of PyTorch, known here or not: one of torch.nn.modules.activation that has no
    children and no matrix of weights."""
    kind = type(module)
    return kind.__module__ == "torch.nn.modules.activation" and "Attention" not in kind.__name__


def of_node(node: Any) -> Any:
    """nbprop's activation for a node of the graph, or None."""
    name = node.name().partition("Backward")[0]
    if name not in NODES:
        return None
    kind, settings = NODES[name]
    return _made(kind, lambda each: getattr(node, settings[each]) if each in settings else _default(kind, each))


def of_numbers(z: np.ndarray, x: np.ndarray) -> Any:
    """nbprop's activation that makes of these numbers just those, or None."""
    if np.allclose(z, x, rtol=1e-5, atol=1e-6):
        return None
    for kind, _ in NODES.values():
        made = _made(kind, lambda each, kind=kind: _default(kind, each))
        if made is not None and np.allclose(made.op()(z), x, rtol=1e-5, atol=1e-6):
            return made
    return None


def _default(kind, name):
    return inspect.signature(getattr(nn, kind).__init__).parameters[name].default


def _made(kind, value):
    cls = getattr(nn, kind, None)
    if not (isinstance(cls, type) and issubclass(cls, nn.Activation)) or kind == "PReLU":
        return None
    names = [name for name in inspect.signature(cls.__init__).parameters if name not in ("self", "args", "kwargs")]
    try:
        return cls(**{name: value(name) for name in names})
    except (AttributeError, TypeError, ValueError, RuntimeError):
        return None
