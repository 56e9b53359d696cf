"""What to type where a Tensor has not what PyTorch's has, or an array of NumPy."""

INSTEAD = {  # what there is: the names for which it is meant
    "try nb.nn.functional.{name}(x)": "celu cosine_similarity cross_entropy glu hardsigmoid hardswish hardtanh "
    "interpolate logsigmoid mish mse_loss nll_loss normalize one_hot pad prelu relu6 selu softmin softsign",
    "try nb.nn.Dropout(p), a layer,": "dropout",
    "try nb.engine.linalg.{name}(x)": "cholesky det eigh eigvalsh inv slogdet solve svd svdvals",
    "try nb.engine.linalg.inv(x)": "inverse pinverse",
    "try nb.engine.linalg.slogdet(x)[1]": "logdet",
    "try nb.engine.{name}(...)": "cat concatenate cross einsum hstack meshgrid stack tensordot vstack where",
    "try np.{name}(x)": "average diff gradient nan_to_num ptp",
    "try np.argwhere(x)": "nonzero",
    "try x.astype(dtype)": "type type_as",
    "try x.scatter_add(axis, index, src)": "index_add scatter_reduce",
    "try x + a @ b": "addmm addmv baddbmm",
    "try np.zeros(...), np.ones(...), np.full(...) of NumPy": "new_empty new_full new_ones new_tensor new_zeros",
    "try x.op, the op that made it": "grad_fn",
    "after backward() x.grad is there, whatever x is": "hook register_hook register_post_accumulate_grad_hook",
    "it is computed on the CPU, with NumPy: leave that out": "cuda device is_cuda mps pin_memory",
}
BY_NAME = {name: text.format(name=name) for text, names in INSTEAD.items() for name in names.split()}


def instead(name) -> str:
    """What comes after "A Tensor has no 'name'."; "" if there is nothing to say."""
    if name[-1:] == "_" and name[:1] != "_":
        return f" What it holds stays as it is: x = x.{name[:-1]}(...) makes a new one (variables: see no_grad)."
    return f" Here {BY_NAME[name]}." if name in BY_NAME else ""
