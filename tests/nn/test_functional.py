"""nn.functional: as PyTorch's, in value and gradient."""

import inspect

import numpy as np
import pytest

import nbprop.nn.functional as F
from nbprop import nn
from nbprop.engine import ShapeError, Tensor

RNG = np.random.default_rng(0)


def draw(*sizes):
    return RNG.standard_normal(sizes)


X, IMAGES, SEQUENCES, VOLUMES = draw(4, 6), draw(2, 4, 5, 6), draw(2, 4, 7), draw(2, 4, 3, 4, 2)
PROBABILITIES = RNG.random((4, 3))
CLASSES = np.array([0, 2, 1, 2])
SIGNS = np.array([1.0, -1, -1, 1])

# Called as one calls them: each array is a Tensor here and one of PyTorch's there; those of floats have gradients.
CALLS = {
    **{name: [([X], {})] for name in "relu relu6 sigmoid tanh silu elu selu mish softsign logsigmoid softplus".split()},  # noqa: SIM905
    **{name: [([3 * X], {})] for name in ("hardtanh", "hardsigmoid", "hardswish")},
    "gelu": [([X], {}), ([X], {"approximate": "tanh"})],
    "leaky_relu": [([X], {}), ([X, 0.2], {}), ([X], {"negative_slope": 0.3})],
    "celu": [([X], {}), ([X, 1.7], {}), ([X], {"alpha": 0.3})],
    "softmax": [([X, 1], {}), ([X], {"dim": 0})],
    "log_softmax": [([X, 1], {}), ([X], {"dim": -2})],
    "softmin": [([X, 1], {}), ([X], {"dim": 0})],
    "prelu": [([X, np.array([0.3])], {}), ([IMAGES, draw(4)], {}), ([X, draw(6)], {})],
    "glu": [([X], {}), ([X, 0], {}), ([IMAGES], {"dim": 1})],
    "mse_loss": [([X, draw(4, 6)], {}), ([X, draw(4, 6)], {"reduction": "sum"})],
    "l1_loss": [([X, draw(4, 6)], {"reduction": "none"})],
    "huber_loss": [([X, draw(4, 6)], {"delta": 0.7})],
    "smooth_l1_loss": [([X, draw(4, 6)], {"beta": 0.4})],
    "cross_entropy": [([X, CLASSES], {}), ([X, CLASSES], {"label_smoothing": 0.1, "reduction": "sum"})],
    "nll_loss": [([X, CLASSES], {}), ([X, CLASSES], {"ignore_index": 2})],
    "binary_cross_entropy": [([PROBABILITIES, (draw(4, 3) > 0).astype(float)], {})],
    "binary_cross_entropy_with_logits": [([X, (draw(4, 6) > 0).astype(float)], {})],
    "kl_div": [([np.log(PROBABILITIES), PROBABILITIES / PROBABILITIES.sum(1, keepdims=True)], {"reduction": "sum"})],
    "multi_margin_loss": [([X, CLASSES], {"margin": 0.5})],
    "poisson_nll_loss": [([X, RNG.poisson(2, (4, 6)).astype(float)], {})],
    "gaussian_nll_loss": [([X, draw(4, 6), RNG.random((4, 6)) + 0.1], {})],
    "margin_ranking_loss": [([draw(4), draw(4), SIGNS], {"margin": 0.2})],
    "triplet_margin_loss": [([draw(4, 3), draw(4, 3), draw(4, 3)], {})],
    "cosine_embedding_loss": [([draw(4, 3), draw(4, 3), SIGNS], {})],
    "cosine_similarity": [([X, draw(4, 6)], {}), ([X, draw(4, 6)], {"dim": 0})],
    "one_hot": [([CLASSES], {}), ([CLASSES, 5], {})],
    "linear": [([X, draw(3, 6)], {}), ([X[None], draw(3, 6), draw(3)], {})],
    "embedding": [([CLASSES, draw(5, 2)], {}), ([CLASSES.reshape(2, 2), draw(5, 2)], {"padding_idx": 2})],
    "conv1d": [([SEQUENCES, draw(6, 4, 3)], {}), ([SEQUENCES, draw(6, 2, 2), draw(6), 2, 1, 2, 2], {})],
    "conv2d": [
        ([IMAGES, draw(3, 4, 2, 3), draw(3)], {"padding": 1}), ([IMAGES, draw(3, 4, 3, 3)], {"padding": "same"}),
    ],
    "conv3d": [([VOLUMES, draw(4, 2, 2, 1, 2), draw(4)], {"padding": (1, 0, 1), "groups": 2})],
    "conv_transpose3d": [([VOLUMES, draw(4, 3, 2, 1, 2)], {"stride": 2})],
    "max_pool3d": [([VOLUMES, 2, 1], {})],
    "avg_pool3d": [([VOLUMES, 2, 1, 1], {})],
    "conv_transpose1d": [([SEQUENCES, draw(4, 3, 3), draw(3)], {"stride": 2, "output_padding": 1})],
    "conv_transpose2d": [([IMAGES, draw(4, 1, 2, 2)], {"stride": 2, "groups": 2, "dilation": 2})],
    "max_pool1d": [([SEQUENCES, 3], {}), ([SEQUENCES, 3, 1, 1], {"dilation": 2})],
    "max_pool2d": [([IMAGES, 2], {}), ([IMAGES, 3, 2], {"padding": 1, "ceil_mode": True})],
    "avg_pool1d": [([SEQUENCES, 3], {})],
    "avg_pool2d": [([IMAGES, 2], {}), ([IMAGES, 3, 2, 1], {"count_include_pad": False})],
    "batch_norm": [([IMAGES, None, None, draw(4), draw(4), True], {}), ([VOLUMES, None, None], {"training": True})],
    "group_norm": [([IMAGES, 2, draw(4), draw(4)], {}), ([VOLUMES, 4], {"eps": 1e-3})],
    "instance_norm": [([IMAGES], {}), ([VOLUMES], {"weight": draw(4), "bias": draw(4)})],
    "layer_norm": [([X, (6,)], {}), ([IMAGES, [5, 6], draw(5, 6), draw(5, 6)], {})],
    "rms_norm": [([X, (6,)], {}), ([X, (6,), draw(6), 1e-5], {})],
    "normalize": [([X], {}), ([X, 1.0, 0], {}), ([0 * X], {})],
    "pad": [
        ([IMAGES, (1, 2)], {}), ([IMAGES, (1, 2, 0, 1), "constant", 0.5], {}), ([IMAGES, (-1, 2, 3, -2)], {}),
        ([IMAGES, (1, 2, 2, 1)], {"mode": "reflect"}), ([IMAGES, (3, 0, 1, 1)], {"mode": "replicate"}),
        ([IMAGES, (3, 0, 1, 1), "circular"], {}), ([SEQUENCES, (2, -1), "reflect"], {}),
    ],
    "interpolate": [
        ([SEQUENCES, 5], {}), ([IMAGES], {"scale_factor": 2}), ([VOLUMES, (2, 5, 3)], {}),
        ([VOLUMES, (2, 5, 3)], {"mode": "trilinear"}),
        ([VOLUMES, (5, 1, 3)], {"mode": "trilinear", "align_corners": True}),
        ([VOLUMES, (2, 5, 3)], {"mode": "nearest-exact"}),
    ],
    "scaled_dot_product_attention": [([draw(2, 3, 4), draw(2, 5, 4), draw(2, 5, 2)], {})],
}  # fmt: skip


def test_every_function_is_compared():
    ours = {name for name, one in vars(F).items() if name[0] != "_" and inspect.isfunction(one)}
    assert set(CALLS) == set(F.__all__) and set(F.__all__) <= ours
    assert ours - set(F.__all__) <= {"apply", "as_tensor", "bordered", "maximum", "moved", "choice"}, (
        "add them to __all__"
    )
    for name in F.__all__:
        assert getattr(F, name).__doc__ and getattr(F, name).__name__ == name


@pytest.mark.torch
@pytest.mark.parametrize("name, values, options", [(n, v, o) for n, calls in CALLS.items() for v, o in calls])
def test_it_is_pytorchs(name, values, options):
    torch = pytest.importorskip("torch")
    floats = [isinstance(v, np.ndarray) and v.dtype.kind == "f" for v in values]
    ours = [Tensor(v, f) if isinstance(v, np.ndarray) else v for v, f in zip(values, floats, strict=True)]
    there = [
        torch.tensor(v, requires_grad=f) if isinstance(v, np.ndarray) else v
        for v, f in zip(values, floats, strict=True)
    ]
    if "loss" in name or "entropy" in name or name == "kl_div":
        ours[1:], there[1:] = values[1:], [torch.tensor(v) for v in values[1:]]
        if name in ("margin_ranking_loss", "triplet_margin_loss", "cosine_embedding_loss"):
            ours[1], there[1] = Tensor(values[1], True), torch.tensor(values[1], requires_grad=True)
    named = [
        {n: convert(v) if isinstance(v, np.ndarray) else v for n, v in options.items()}
        for convert in (Tensor, torch.tensor)
    ]
    y, z = getattr(F, name)(*ours, **named[0]), getattr(torch.nn.functional, name)(*there, **named[1])
    near = 1e-7 if name in ("celu", "hardsigmoid") else 1e-12  # PyTorch has 1 / 6 and 1 / alpha in float32
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=near, atol=near)
    if any(floats):
        weights = np.random.default_rng(1).standard_normal(y.shape)
        y.backward(weights)
        z.backward(torch.tensor(weights))
        for a, b in zip(ours, there, strict=True):
            if getattr(a, "requires_grad", False):
                np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=near, atol=near)


def test_running_statistics_move():
    layer = nn.BatchNorm1d(6, dtype=np.float64)
    mean, var = np.zeros(6), np.ones(6)
    for training in (True, False):
        layer.train(training)
        np.testing.assert_array_equal(F.batch_norm(X, mean, var, training=training).data, layer(X).data)
    np.testing.assert_array_equal(mean, layer.running_mean)
    np.testing.assert_array_equal(var, layer.running_var)


@pytest.mark.parametrize(
    "f, words",
    [
        (lambda: F.glu(X[:, :5]), r"glu cuts an axis into halves: got shape \(4, 5\), axis -1"),
        (lambda: F.pad(X, (1, 2, 3)), r"pad takes \(before, after\) for one axis after the other"),
        (lambda: F.pad(X, (1, 1) * 3), r"pad takes .* got \[1, 1, 1, 1, 1, 1\] for \(4, 6\)"),
        (lambda: F.pad(X, (1, 1), "edge"), "mode must be one of 'constant', 'reflect', .*; got 'edge'"),
        (lambda: F.conv2d(IMAGES, SEQUENCES), "Conv2d cannot take shapes"),
        (lambda: F.softmax(X, of=1), r"softmax\(\) got an unexpected keyword argument 'of'"),
        (lambda: F.cross_entropy(X), "missing 1 required positional argument"),
        (lambda: F.layer_norm(X, (5,)), r"LayerNorm cannot take shapes \(4, 6\) and \(5,\)"),
        (lambda: F.interpolate(IMAGES, 2, mode="linear"), r"takes sequences \(N, C, L\); got shape"),
    ],
)  # fmt: skip
def test_what_is_refused(f, words):
    with pytest.raises((TypeError, ValueError, ShapeError), match=words):
        f()


def test_numbers_that_are_no_tensors():
    assert F.relu([-1, 2]).data.tolist() == [0, 2] and F.relu([-1, 2]).dtype == np.float32
    assert F.softmax(np.array([0, 0])).data.tolist() == [0.5, 0.5]
