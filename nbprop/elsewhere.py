"""What to type in the place of a name that PyTorch has and nbprop has not."""

from collections.abc import Iterable

from .checks import did_you_mean

CPU = "it is computed by NumPy, on the CPU: leave it out"
INIT = "name it in the layer, nb.nn.Linear(2, 3, init={}), or write the numbers, layer.weight.data[...] = array"

INSTEAD = {  # where -> what to type -> for which names
    "module 'nbprop'": {
        "it is nb.Tensor(array)": "tensor as_tensor from_numpy FloatTensor LongTensor Variable",
        "make the array with NumPy, nb.Tensor(np.{name}(...))": "zeros ones full eye arange linspace empty zeros_like",
        "draw with NumPy, rng = np.random.default_rng(0), nb.Tensor(rng.normal(size=(2, 3)))": "rand randn randint "
        "randperm normal multinomial bernoulli",
        "what draws is given a seed, nb.nn.mlp(..., seed=0), nb.nn.Linear(..., rng=0)": "manual_seed seed Generator",
        CPU: "cuda device mps",
        "try nb.engine.{name}(...), or the method of a Tensor, x.{name}(...)": "cat concatenate stack where einsum exp "
        "log tanh relu sigmoid softmax sum mean matmul reshape",
        "batches are drawn by a Trainer; in a loop of your own slice the arrays, X[i : i + 32]": "utils DataLoader",
        "write np.{name}, of NumPy": "float32 float64 int64",
    },
    "module 'nbprop.nn'": {
        "try nb.optim.clip_grad_norm(model.parameters(), 1.0); for packed sequences layer(x, lengths=lengths)": "utils",
        "say how many inputs there are: nb.nn.Linear(inputs, outputs)": "LazyLinear LazyConv2d LazyBatchNorm2d",
        "try nb.nn.TransformerBlock(embed_dim, num_heads), several in a Sequential": "TransformerEncoderLayer "
        "TransformerDecoderLayer TransformerEncoder TransformerDecoder Transformer",
        "a plain list or dict of nb.nn.Parameter does as well": "ParameterList ParameterDict",
    },
    "module 'nbprop.nn.init'": {
        INIT.format("'xavier'"): "xavier_uniform_ xavier_normal_",
        INIT.format("'he'"): "kaiming_uniform_ kaiming_normal_",
        INIT.format("'orthogonal'"): "orthogonal_",
        INIT.format("nb.nn.init.normal(std=0.01)"): "normal_ trunc_normal_",
        "write the numbers, layer.bias.data[...] = 0": "zeros_ ones_ constant_ uniform_ eye_",
    },
    "module 'nbprop.optim'": {
        "any function of the step is a schedule, nb.optim.SGD(lr=0.1, schedule=lambda t: 0.9**t)": "LambdaLR",
    },
    "schedule": {
        "the optimizer asks for its factor in every update": "step",
        "the learning rate of the next update is optimizer.rate": "get_last_lr get_lr",
        "it goes by the number of updates done, optimizer.t": "last_epoch verbose",
        "the lr of the optimizer is multiplied, and is the largest rate": "max_lr base_lr",
        "it remembers nothing, and optimizer.state_dict() has all": "state_dict load_state_dict",
    },
    "module": {
        CPU: "cuda cpu to device share_memory",
        "a layer is made in its dtype, nb.nn.Linear(2, 3, dtype=np.float64)": "double float half type",
        "assign it, module.name = layer; to a Sequential: append(layer)": "add_module register_module",
        "assign it, module.name = nb.nn.Parameter(array)": "register_parameter",
    },
}


def absent(where: str, name: str, known: Iterable[str] = (), kind: str = "") -> str:
    """Why there is no `name`, and what to type. where: of INSTEAD; known: the names that there are; kind: what the
    object is called, if not as the place."""
    texts = [text for text, names in INSTEAD[where].items() if name in names.split()]
    hint = f"; {texts[0].format(name=name)}" if texts else "" if name[:1] == "_" else did_you_mean(name, known)
    return f"{kind or where} has no attribute {name!r}{hint}"
