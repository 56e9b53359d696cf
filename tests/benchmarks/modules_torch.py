"""The benchmark's models in PyTorch, as its users write them; parameters in the order of the workloads."""

from itertools import pairwise


def dense(torch, sizes, activation, **_):
    f = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[activation]
    layers = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [torch.nn.Linear(fan_in, fan_out), f()]
    return torch.nn.Sequential(*layers[:-1])


def loss(torch, name):
    return {"bce": torch.nn.BCEWithLogitsLoss, "cross_entropy": torch.nn.CrossEntropyLoss}[name]()


MODELS = {"dense": dense}
