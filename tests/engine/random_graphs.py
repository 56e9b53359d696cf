"""Random graphs of all ops, with random shapes, options, dtypes and numbers: the same values and gradients as PyTorch?

    python tests/engine/random_graphs.py --count 100000      some ten minutes; prints every failure as a program

Now and then there are zeros, ties and infinities among the numbers. A number that is NaN in PyTorch is not compared:
where PyTorch computes 0 times inf, nbprop may know better. NaN that PyTorch does not have is a failure. Behind the
first result that is NaN nothing is compared.
"""

import argparse
import sys
import warnings

import numpy as np

import nbprop.engine as E
from nbprop.engine import Tensor, apply


class Graph:
    """A program of a few lines, made line by line: `lines` are (name, how nbprop writes it, how PyTorch does)."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.seed, self.dtype = seed, self.pick("float32", "float64")
        self.special = self.rng.random() < 0.4
        big = 1e20 if self.dtype == "float64" else 30
        self.strange = self.pick([0.0, 1.0], [0.0, 1.0, -1.0], [0.0, np.inf, -np.inf, big, -big])
        self.names = {"np": np, "E": E, "apply": apply, "Tensor": Tensor}
        self.leaves, self.lines, self.results = {}, [], []
        self.leaf(*self.sizes(self.pick(0, 1, 2, 2, 3, 3)))
        for _ in range(self.rng.integers(1, 7)):
            self.grow()

    # Chance

    def pick(self, *values):
        return values[self.rng.integers(len(values))]

    def sizes(self, count):
        return tuple(int(n) for n in self.rng.integers(1, 5, count))

    def numbers(self, shape):
        """Mostly normal; in special graphs with zeros, ties, infinities and very large numbers."""
        x = self.rng.standard_normal(shape)
        if self.special:
            strange = self.rng.choice(self.strange, shape)
            x = np.where(self.rng.random(shape) < 0.4, strange, x)
        return x.astype(self.dtype)

    def leaf(self, *shape):
        name = f"x{len(self.leaves)}"
        self.leaves[name] = self.numbers(shape)
        self.names[name] = Tensor(self.leaves[name].copy(), requires_grad=True)
        self.results.append(name)
        return name

    # One more line

    def add(self, ours, theirs):
        name = f"y{len(self.lines)}"
        self.lines.append((name, ours, theirs))  # before it runs: where it raises, it belongs to the reproducer
        self.names[name] = eval(ours, self.names)
        self.results.append(name)

    def grow(self):
        a = self.results[-1] if self.rng.random() < 0.8 else self.pick(*self.results)
        kinds = [self.unary, self.unary, self.reduce, self.reduce, self.binary, self.binary, self.move, self.move]
        kinds += [self.join, self.multiply, self.loss, self.images, self.elementary, self.elementary, self.activation]
        if not (self.special and np.inf in self.strange):  # in layers of many sums it is all NaN then
            kinds += [self.layer, self.layer, self.sequence, self.sequence, self.norm, self.windows, self.windows]
            kinds += [self.matrix]
        kinds[self.rng.integers(len(kinds))](a, self.names[a].shape)

    def unary(self, a, shape):
        same = ["exp", "log", "sqrt", "abs", "sigmoid", "tanh", "relu", "softmax", "log_softmax"]
        kind = self.pick(*same, *["power", "leaky", "elu", "silu", "softplus", "gelu", "clip", "negative", "cast"])
        axis = self.pick(*range(-len(shape), len(shape))) if shape else self.pick(0, -1)
        if "softmax" in kind:
            return self.add(f"{a}.{kind}({axis})", f"{a}.{kind}({axis})")
        if kind in same:
            return self.add(f"{a}.{kind}()", f"{a}.{kind}()")
        c, low = self.pick(0, 1, 2, 3, -1, -2, 0.5, 1.5, 4), round(self.rng.uniform(-1, 0.5), 1)
        tanh = self.pick("none", "tanh")
        ours, theirs = {
            "power": (f"{a} ** {c}", f"{a} ** {c}"),
            "leaky": (f"{a}.leaky_relu({low + 1})", f"F.leaky_relu({a}, {low + 1})"),
            "elu": (f"{a}.elu({low + 1.5})", f"F.elu({a}, {low + 1.5})"),
            "silu": (f"{a}.silu()", f"F.silu({a})"),
            "softplus": (f"{a}.softplus()", f"torch.logaddexp({a}, torch.zeros_like({a}))"),
            "gelu": (f"{a}.gelu({tanh!r})", f"F.gelu({a}, approximate={tanh!r})"),
            "clip": (f"{a}.clip({low}, {low + 0.7})", f"{a}.clamp({low}, {low + 0.7})"),
            "negative": (f"-{a}", f"-{a}"),
            "cast": (f"{a}.astype(np.float64).astype({self.dtype!r})", f"{a}.double().type(dtype)"),
        }[kind]
        self.add(ours, theirs)

    def elementary(self, a, shape):
        names = ["sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "erf", "sign"]
        names += ["log1p", "expm1", "log2", "log10", "exp2", "floor", "ceil", "trunc", "round", "square", "rsqrt"]
        name = self.pick(*names, "reciprocal", "cbrt")
        inside = {"asin": "tanh", "acos": "tanh", "atanh": "sin", "sinh": "sin", "cosh": "tanh", "acosh": "exp"}
        inside = "sigmoid" if "log" in name or name == "rsqrt" else inside.get(name)
        if name == "cbrt":
            return self.add(f"{a}.sigmoid().cbrt()", f"{a}.sigmoid() ** (1 / 3)")
        self.add(*[f"{a}.{inside}().{name}()" if inside else f"{a}.{name}()"] * 2)

    def running(self, a, shape):
        if not shape:
            return self.reduce(a, shape)
        axis = self.pick(*range(-len(shape), len(shape)))
        last = "cumsum" if self.special else "logcumsumexp"  # where PyTorch has 0 for NaN
        kind = self.pick("cumsum", "cumprod", "prod", last, "cummax", "cummin")
        if kind in ("cummax", "cummin"):
            return self.add(*[f"{a}.{kind}({axis}).values"] * 2)
        self.add(f"{a}.{kind}({axis})", f"{a}.{kind}({axis})")

    def reduce(self, a, shape):
        axes = tuple(int(n) for n in self.rng.permutation(len(shape))[: self.rng.integers(1, 4)])
        axis = self.pick(None, axes, *axes, *(n - len(shape) for n in axes)) if shape else self.pick(None, 0, -1)
        keep, ddof, order = self.pick(True, False), self.pick(0, 1), self.pick("1", "2", "np.inf", "3", "0.5")
        dim = axis if axis is not None else tuple(range(len(shape))) if shape else 0
        if self.rng.random() < 0.2:
            return self.running(a, shape)
        kind, dims = self.pick("sum", "mean", "max", "min", "var", "std", "logsumexp", "norm"), f"{dim}, keepdim={keep}"
        if kind in ("var", "std"):
            self.add(f"{a}.{kind}({axis}, keepdims={keep}, ddof={ddof})", f"{a}.{kind}({dims}, correction={ddof})")
        elif kind == "norm":
            self.add(f"{a}.norm({order}, {axis}, {keep})", f"torch.linalg.vector_norm({a}, {order}, {dims})")
        else:
            self.add(f"{a}.{kind}({axis}, {keep})", f"{a}.{ {'max': 'amax', 'min': 'amin'}.get(kind, kind) }({dims})")

    def binary(self, a, shape):
        fitting = [n for n in self.results if np.shape(self.names[n].data) == shape]
        cut = self.rng.integers(len(shape) + 1)
        smaller = tuple(1 if self.rng.random() < 0.3 else n for n in shape[cut:])
        b = self.leaf(*smaller) if self.rng.random() < 0.6 else self.pick(*fitting)
        a, b = (a, b) if self.rng.random() < 0.5 else (b, a)
        pairs = ["maximum", "minimum", "arctan2", "hypot", "logaddexp", "fmod", "remainder", "copysign"]
        kind = self.pick("+", "-", "*", "/", "**", "where", "number", "//", *pairs)
        if kind == "where":
            mask = self.rng.random(shape) < 0.5
            mask = f"np.array({mask.tolist()})"
            self.add(f"E.where({mask}, {a}, {b})", f"torch.where(torch.tensor({mask}), {a}, {b})")
        elif kind == "number":
            text = self.pick("2 - {}", "{} / 3", "1 / {}", "0.5 * {}", "2 ** {}", "{} + 1").format(a)
            self.add(text, text)
        elif kind == "//":
            self.add(f"{a} // {b}", f"torch.floor({a} / {b})")
        elif len(kind) < 3:
            self.add(f"{a} {kind} {b}", f"{a} {kind} {b}")
        else:
            self.add(f"E.{kind}({a}, {b})", f"torch.{kind}({a}, {b})")

    def move(self, a, shape):
        order, n = [int(i) for i in self.rng.permutation(len(shape))], int(np.prod(shape))
        kinds = "reshape", "transpose", "broadcast", "pick", "pairs", "mask", "slice", "new", "pad", "part"
        kind = self.pick(*kinds, "gather", "scatter", "add", "sort", "roll")
        if kind == "reshape":
            self.add(f"{a}.reshape(-1)", f"{a}.reshape(-1)")
        elif kind == "transpose":
            self.add(f"{a}.transpose({order})", f"{a}.permute({order})")
        elif kind == "broadcast" and len(shape) < 3:
            larger = (self.pick(1, 2, 3), *[self.pick(2, 3) if size == 1 else size for size in shape])
            self.add(f"{a}.broadcast_to({larger})", f"{a}.broadcast_to({larger})")
        elif kind == "new":
            self.add(f"{a}[..., None]", f"{a}[..., None]")
        elif not shape:
            self.add(f"{a}.reshape(1, 1)", f"{a}.reshape(1, 1)")
        elif kind == "pick":  # with repeats, and counted from the end
            picks = self.rng.integers(-shape[0], shape[0], self.pick((3,), (2, 2))).tolist()
            text = self.pick(f"{picks}", f"(({str(picks)[1:-1]},),)" if np.ndim(picks) == 1 else f"{picks}")
            self.add(f"{a}[{text}]", f"{a}[torch.tensor({picks})]")
        elif kind == "pairs" and len(shape) > 1:
            i, j = (self.rng.integers(-size, size, 3).tolist() for size in shape[:2])
            self.add(f"{a}[{i}, {j}]", f"{a}[{i}, {j}]")
        elif kind == "mask":
            mask = (np.arange(shape[0]) % 2 == 0).tolist()
            self.add(f"{a}[np.array({mask})]", f"{a}[torch.tensor({mask})]")
        elif kind == "pad":
            widths = [self.pick((0, 1), (1, 0), (2, 1)) for _ in shape]
            flat = [n for pair in widths[::-1] for n in pair]
            self.add(f"E.pad({a}, {widths}, 0.5)", f"F.pad({a}, {flat}, value=0.5)")
        elif kind in ("gather", "scatter", "add"):  # PyTorch leaves it open which of two for one place stays
            axis = int(self.rng.integers(len(shape)))
            count = self.pick(1, shape[axis]) if kind == "scatter" else self.pick(1, 3)
            places = self.rng.random(shape).argsort(axis).take(np.arange(count) % shape[axis], axis)
            src = "" if kind == "gather" else f", {self.leaf(*places.shape)}"
            call = f"{a}.{'scatter_add' if kind == 'add' else kind}({axis}, {{}}({places.tolist()}){src})"
            self.add(call.format("np.array"), call.format("torch.tensor"))
        elif kind == "sort":
            axis, down = int(self.rng.integers(len(shape))), self.pick(True, False)
            self.add(f"{a}.sort({axis}, {down}).values", f"{a}.sort(dim={axis}, descending={down}, stable=True).values")
        elif kind == "roll":
            self.add(f"{a}.roll(1, -1)", f"{a}.roll(1, -1)")
        elif kind == "part" and n > 1:
            self.add(f"E.split({a}.reshape(-1), {n // 2})[1]", f"torch.split({a}.reshape(-1), {n // 2})[1]")
        else:
            start = int(self.rng.integers(shape[-1]))
            self.add(f"{a}[..., {start}:]", f"{a}[..., {start}:]")

    def join(self, a, shape):
        axis = int(self.rng.integers(len(shape) + 1))
        if self.rng.random() < 0.5 or not shape:
            b = self.leaf(*shape)
            self.add(f"E.stack([{a}, {b}, {a}], {axis})", f"torch.stack([{a}, {b}, {a}], {axis})")
        else:
            axis = axis % len(shape)
            b = self.leaf(*shape[:axis], self.pick(1, 2, 3), *shape[axis + 1 :])
            self.add(f"E.concatenate([{a}, {b}], {axis})", f"torch.cat([{a}, {b}], {axis})")

    def multiply(self, a, shape):
        if not shape:
            return self.binary(a, shape)
        k = shape[-1]
        b = self.leaf(*self.pick((k,), (k, 2), (1, k, 3), (shape[0], k, 2) if len(shape) == 3 else (k, 4)))
        if self.rng.random() < 0.3:
            letters = {1: "...a,a->...", 2: "...a,ab->...b", 3: "...ca,...ab->...cb"}[self.names[b].ndim]
            letters = "a,...ab->...b" if letters[3] == "c" and len(shape) == 1 else letters
            return self.add(f"E.einsum({letters!r}, {a}, {b})", f"torch.einsum({letters!r}, {a}, {b})")
        self.add(f"{a} @ {b}", f"{a} @ {b}")

    def matrix(self, a, shape):
        """Linear algebra on diag(1, 2, ...) with some of a in it, less than what would make two eigenvalues equal."""
        if not np.isfinite(self.names[a].data).all():
            return self.move(a, shape)
        self.add(*[f"{a}.tanh()" if len(shape) > 1 else f"{a}.tanh().reshape(-1, 1)"] * 2)
        a, (*stack, n, k) = self.results[-1], self.names[self.results[-1]].shape
        kind = self.pick("inv", "det", "slogdet", "svdvals", "solve", "cholesky", "eigvalsh", "eigh", "svd")
        product = f"einsum('...ik,...jk->...ij', {a}, {a})"  # symmetric
        if kind in ("inv", "det", "slogdet", "svdvals", "svd", "solve"):
            product = f"einsum('...ik,kj->...ij', {a}, {self.leaf(k, n)}.tanh())"
        diagonal = f"np.diag(np.arange(1, {n + 1})).astype({self.dtype!r})"
        self.add(f"E.{product} / {3 * n * k} + {diagonal}", f"torch.{product} / {3 * n * k} + torch.tensor({diagonal})")
        call = f"linalg.{kind}({self.results[-1]}{{}})"
        if kind == "solve":
            call = call.format(f", {self.leaf(*self.pick((n,), (*stack, n, 2)))}")
        elif kind == "svdvals" and n > 1:
            call = call.format("[..., 1:]")
        call = call.format("") + {"slogdet": "[1]", "eigh": "[1] ** 2", "svd": "[0] ** 2"}.get(
            kind, ""
        )  # eigenvectors have no sign
        self.add(f"E.{call}", f"torch.{call}")

    def layer(self, a, shape):
        kind = self.pick("linear", "norm", "batch", "attention", "embedding")
        if kind == "embedding":
            W = self.leaf(3, 2)
            index = self.rng.integers(0, 3, self.pick((4,), (2, 3))).tolist()
            return self.add(
                f"apply(E.embedding.Embedding(), Tensor(np.array({index})), {W})",
                f"F.embedding(torch.tensor({index}), {W})",
            )
        if len(shape) < 2:
            return self.move(a, shape)
        n = shape[-1]
        if kind == "linear":
            W, b = self.leaf(3, n), self.leaf(3)
            self.add(f"apply(E.matmul.Linear(), {a}, {W}, {b})", f"F.linear({a}, {W}, {b})")
        elif kind == "norm":
            w, b = self.leaf(n), self.leaf(n)
            self.add(f"apply(E.norm.LayerNorm(), {a}, {w}, {b})", f"F.layer_norm({a}, ({n},), {w}, {b})")
        elif kind == "batch" and np.prod(shape) > shape[1]:
            w, b = self.leaf(shape[1]), self.leaf(shape[1])
            batch_norm = f"F.batch_norm({a}, None, None, {w}, {b}, training=True)"
            self.add(f"apply(E.norm.BatchNorm(), {a}, {w}, {b})", batch_norm)
        else:
            k, v = self.leaf(*shape[:-2], 3, n), self.leaf(*shape[:-2], 3, 2)
            causal, T = self.pick(True, False), shape[-2]
            mask = f"attn_mask=torch.ones({T}, 3).tril().bool()" if causal else "attn_mask=None"
            attention = f"F.scaled_dot_product_attention({a}, {k}, {v}, {mask})"
            self.add(f"apply(E.attention.Attention({causal}), {a}, {k}, {v})", attention)

    def loss(self, a, shape):
        kind = self.pick("mse", "bce", "cross", "nll", "probabilities")
        if kind == "mse":
            t = self.leaf(*shape)
            self.add(f"apply(E.loss.MSE(), {a}, {t})", f"F.mse_loss({a}, {t})")
        elif kind == "cross" and len(shape) == 2:
            t = self.rng.integers(0, shape[1], shape[0]).tolist()
            ours = f"apply(E.loss.CrossEntropy(), {a}, Tensor(np.array({t})))"
            self.add(ours, f"F.cross_entropy({a}, torch.tensor({t}))")
        elif kind == "nll" and len(shape) == 2:
            t, w = self.rng.integers(0, shape[1], shape[0]).tolist(), self.rng.uniform(0.5, 2, shape[1]).tolist()
            ours = f"apply(E.loss.NLL({w}), {a}.log_softmax(), Tensor(np.array({t})))"
            weight = f"torch.tensor(np.array({w}, {self.dtype!r}))"
            self.add(ours, f"F.nll_loss({a}.log_softmax(-1), torch.tensor({t}), {weight})")
        elif kind == "probabilities":
            t = f"np.array({self.rng.choice([0, 1, 0.25], shape).tolist()}, {self.dtype!r})"
            theirs = f"F.binary_cross_entropy({a}.sigmoid(), torch.tensor({t}), reduction='none')"
            self.add(f"apply(E.loss.BCE(), {a}.sigmoid(), Tensor({t}))", theirs)
        else:
            t = f"np.array({self.rng.choice([0, 1, 0.25], shape).tolist()}, {self.dtype!r})"
            ours = f"apply(E.loss.BCEWithLogits(), {a}, Tensor({t}))"
            self.add(ours, f"F.binary_cross_entropy_with_logits({a}, torch.tensor({t}))")

    def images(self, a, shape):
        if int(np.prod(shape)) * 2 > 200:
            return self.unary(a, shape)
        sizes = (2, int(np.prod(shape)), 2, 3)
        x = self.leaf(*sizes)
        self.add(f"{x} * {a}.reshape(-1, 1, 1)", f"{x} * {a}.reshape(-1, 1, 1)")
        x, stride, padding = self.results[-1], self.pick(1, 2), self.pick(0, 1)
        kind = self.pick("conv", "max", "avg")
        if kind == "conv":
            W, b = self.leaf(2, sizes[1], 2, 2), self.leaf(2)
            how = f"F.conv2d({x}, {W}, {b}, {stride}, {padding})"
            self.add(f"apply(E.conv.Conv2d({stride}, {padding}), {x}, {W}, {b})", how)
        else:
            name = {"max": "MaxPool2d", "avg": "AvgPool2d"}[kind]
            how = f"F.{kind}_pool2d({x}, 2, {stride}, {padding})"
            self.add(f"apply(E.conv.{name}(2, {stride}, {padding}), {x})", how)

    def activation(self, a, shape):
        kind = self.pick("SELU", "Mish", "Hardtanh", "Hardsigmoid", "Hardswish", "Softsign", "PReLU")
        if kind != "PReLU":
            self.add(f"apply(E.activation.{kind}(), {a})", f"F.{kind.lower()}({a})")
        elif shape:
            w = self.leaf(1)
            self.add(f"apply(E.activation.PReLU(), {a}, {w})", f"F.prelu({a}, {w})")

    def norm(self, a, shape):
        if len(shape) < 2:
            return self.move(a, shape)
        C, groups = shape[1], self.pick(1, shape[1])
        if self.rng.random() < 0.5:
            w = self.leaf(shape[-1])
            self.add(f"apply(E.norm.RMSNorm(), {a}, {w})", f"F.rms_norm({a}, ({shape[-1]},), {w}, 1e-5)")
        elif np.prod(shape[1:]) > groups:
            w, b = self.leaf(C), self.leaf(C)
            self.add(f"apply(E.norm.GroupNorm({groups}), {a}, {w}, {b})", f"F.group_norm({a}, {groups}, {w}, {b})")

    def windows(self, a, shape):
        """Of sequences, transposed, and of other sizes."""
        if int(np.prod(shape)) * 2 > 200:
            return self.unary(a, shape)
        C, axes, s, p = int(np.prod(shape)), self.pick(1, 2, 3), self.pick(1, 2), self.pick(0, 1)
        x = self.leaf(2, C, *[4, 3, 2][:axes])
        ones = ", 1" * axes
        self.add(f"{x} * {a}.reshape(-1{ones})", f"{x} * {a}.reshape(-1{ones})")
        x, kernel = self.results[-1], (2,) * axes
        kind = self.pick("transposed", "resized", *(("conv", "max", "avg") if axes != 2 else ()))
        if kind == "conv":
            W, b, d = self.leaf(2, C, *kernel), self.leaf(2), 2 if axes == 1 else 1
            ours = f"apply(E.conv.Conv{axes}d({s}, {p}, {d}), {x}, {W}, {b})"
            self.add(ours, f"F.conv{axes}d({x}, {W}, {b}, {s}, {p}, {d})")
        elif kind == "transposed":
            W, b = self.leaf(C, 2, *kernel), self.leaf(2)
            ours = f"apply(E.conv.ConvTranspose{axes}d({s}, {p}), {x}, {W}, {b})"
            self.add(ours, f"F.conv_transpose{axes}d({x}, {W}, {b}, {s}, {p})")
        elif kind == "resized":
            sizes, name = tuple(int(n) for n in self.rng.integers(1, 7, axes)), self.pick("AdaptiveAvgPool", "Upsample")
            theirs = f"F.adaptive_avg_pool{axes}d({x}, {sizes})" if "Pool" in name else f"F.interpolate({x}, {sizes})"
            self.add(f"apply(E.resize.{name}({sizes}), {x})", theirs)
        else:
            how = f"F.{kind}_pool{axes}d({x}, 2, {s}, {p})"
            self.add(f"apply(E.conv.{kind.title()}Pool{axes}d(2, {s}, {p}), {x})", how)

    def sequence(self, a, shape):
        if len(shape) != 3 or not np.isfinite(self.names[a].data).all():
            return self.reduce(a, shape)
        kind, (_, N, n), H = self.pick("rnn_tanh", "rnn_relu", "gru", "lstm"), shape, 2
        G = {"gru": 3, "lstm": 4}.get(kind, 1)
        weights = ", ".join([self.leaf(G * H, n), self.leaf(G * H, H), self.leaf(G * H), self.leaf(G * H)])
        op = {"rnn_tanh": "RNN()", "rnn_relu": "RNN('relu')", "gru": "GRU()", "lstm": "LSTM()"}[kind]
        s = self.leaf(*((2, N, H) if kind == "lstm" else (N, H)))
        state = f"({s}[:1], {s}[1:])" if kind == "lstm" else f"{s}[None]"
        theirs = f"torch._VF.{kind}({a}, {state}, [{weights}], True, 1, 0.0, False, False, False)[0]"
        end = "-1" if kind == "lstm" else ""
        self.add(f"apply(E.recurrent.{op}, {a}, {s}, {weights})[1:{end}]", theirs)

    # What comes out

    def ours(self):
        """The last result, and the gradients of the leaves."""
        y = self.names[self.results[-1]]
        self.dy = np.random.default_rng(self.seed).uniform(0.5, 2, y.shape) * (-1) ** np.arange(y.size).reshape(y.shape)
        if y.requires_grad:
            y.backward(self.dy)
        return [y.data, *(self.names[name].grad for name in self.leaves)]

    def theirs(self, torch, dtype, factor=1.0):
        """(None, the same); or the first result with NaN, as (name, numbers)."""
        names = {"np": np, "torch": torch, "F": torch.nn.functional, "dtype": getattr(torch, dtype)}
        names |= {k: torch.tensor((v * factor).astype(dtype), requires_grad=True) for k, v in self.leaves.items()}
        for name, _, text in self.lines:
            names[name] = eval(text.replace("'float32'", f"{dtype!r}").replace("'float64'", f"{dtype!r}"), names)
            if names[name].isnan().any():
                return name, names[name].detach().numpy()
        y = names[self.results[-1]]
        y.backward(torch.tensor(self.dy.astype(dtype)).to(y.dtype))
        return None, [y.detach().numpy(), *(g if (g := names[k].grad) is None else g.numpy() for k in self.leaves)]

    def program(self):
        leaves = [f"{name} = Tensor(np.array({x.tolist()}, {self.dtype!r}), True)" for name, x in self.leaves.items()]
        lines = [f"{name} = {ours}   # {theirs}" for name, ours, theirs in self.lines]
        return "\n".join(["inf, nan = np.inf, np.nan", *leaves, *lines])


def failure(seed, torch):
    """What is wrong with the graph of this number, as a text with a program that shows it; None if nothing is."""
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        return compare(seed, torch)


def compare(seed, torch):
    graph = Graph.__new__(Graph)
    try:
        graph.__init__(seed)
        ours = graph.ours()
        (nan, theirs), (also_nan, exact) = [graph.theirs(torch, dtype) for dtype in (graph.dtype, "float64")]
        if nan or also_nan:
            if nan != also_nan:
                return None
            ours, theirs, exact = [graph.names[nan].data], [theirs], [exact]
    except Exception as error:
        return f"graph {seed}: {type(error).__name__}: {error}\n{graph.program()}"
    largest = max(np.abs(x[np.isfinite(x)]).max(initial=0) for x in exact if x is not None)
    inputs = max(np.abs(x[np.isfinite(x)]).max(initial=0) for x in graph.leaves.values())
    # What float32 says where sums cancel is worth little: the formulas are compared in float64.
    floor = 1e-9 + 1e-13 * inputs if graph.dtype == "float64" else 1e-5 + 2e-2 * largest
    for name, a, b, c in zip(["value", *graph.leaves], ours, theirs, exact, strict=False):
        wrong = differ(a, b, c, floor)
        if wrong and not on_an_edge(graph, torch, c, floor, name):
            return f"graph {seed}, {name}: {wrong}\n{graph.program()}"
    return None


def on_an_edge(graph, torch, exact, floor, name):
    """Whether PyTorch itself says something else when all numbers are a tiny bit larger: ties remain then, if they are
    no accident of rounding."""
    k = ["value", *graph.leaves].index(name)
    for tiny in (1e-9, 2e-9, -1e-9, -3e-9) if graph.dtype == "float64" else (1e-6, 2e-6, -1e-6, -3e-6):
        nan, moved = graph.theirs(torch, graph.dtype, 1 + tiny)
        if nan or differ(np.asarray(moved[k], "f8"), exact.astype("f8"), exact.astype("f8"), floor):
            return True
    return False


def differ(a, b, exact, floor):
    """How an array differs from PyTorch's, beyond what rounding may do (by the difference of PyTorch's two dtypes). The
    sign of infinity is free: it may come from that of a 0."""
    if a is None or b is None:
        nothing = a is b or not np.any(b if a is None else a)
        return "" if nothing else "one has a gradient, the other none"
    if a.shape != b.shape:
        return f"shape {a.shape}, not {b.shape}"
    if a.dtype != b.dtype:
        return f"dtype {a.dtype}, not {b.dtype}"
    compared = ~np.isnan(b) & ~np.isnan(exact)
    a, b, exact = (np.asarray(x, np.float64)[compared] for x in (a, b, exact))
    with np.errstate(all="ignore"):
        finite = np.isfinite(b) & np.isfinite(exact)
        scale = np.abs(b[finite]).max(initial=1e-30)
        allowed = 1e-6 * scale + 30 * np.abs(b - exact) + floor
        close = np.where(finite, np.abs(a - b) <= allowed, ~np.isfinite(a) & np.isinf(b))
    return "" if close.all() else f"{a[~close][:4]} here, {b[~close][:4]} in PyTorch"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first graph")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    failed = 0
    for seed in range(options.first, options.first + options.count):
        text = failure(seed, torch)
        if text:
            failed += 1
            print(text, end="\n\n", flush=True)
    print(f"{options.count:,} graphs, {failed} failures")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
