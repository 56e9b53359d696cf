"""Convolutions and poolings of images and sequences, with all their settings: beside PyTorch, and what they refuse."""

import warnings

import numpy as np
import pytest
from hypothesis import given, strategies as st

from nbprop import nn
from nbprop.engine import ShapeError, Tensor

F64 = {"dtype": np.float64}
KINDS = ["Conv", "ConvTranspose", "MaxPool", "AvgPool"]


@st.composite
def layers(draw, kind, axes):
    """Settings of a layer, by position as PyTorch has them, and a shape of its input."""

    def each(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(axes))

    kernel, stride, dilation = each(1, 3), each(1, 3), each(1, 2)
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    groups = draw(st.integers(1, 3))
    channels, outputs = (groups * draw(st.integers(1, 2)) for _ in range(2))
    sizes = [draw(st.integers(span, 7)) for span in spans]
    padding, flag = tuple(draw(st.integers(0, k // 2)) for k in kernel), draw(st.booleans())
    if kind == "Conv":
        padding = draw(st.sampled_from([padding, "same", "valid"]))
        stride = (1,) * axes if padding == "same" else stride
        settings = (channels, outputs, kernel, stride, padding, dilation, groups, flag)
    elif kind == "ConvTranspose":
        sizes = [n + 2 for n in sizes]
        extra = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
        settings = (channels, outputs, kernel, stride, padding, extra, groups, flag, dilation)
    elif kind == "MaxPool":
        settings = (kernel, draw(st.sampled_from([None, stride])), padding, dilation, flag)
    else:
        settings = (kernel, draw(st.sampled_from([None, stride])), padding, flag, draw(st.booleans()))
    return settings, (draw(st.integers(1, 3)), channels, *sizes)


def compare(ours, theirs, x, seed=1):
    """Output and all gradients of a layer and of PyTorch's, to 1e-12."""
    torch = pytest.importorskip("torch")
    theirs = theirs.double()
    theirs.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()})
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    with warnings.catch_warnings(action="ignore"):  # of a copy that "same" makes
        y, z = ours(a), theirs(b)
    assert y.shape == tuple(z.shape)
    dy = np.random.default_rng(seed).standard_normal(y.shape)
    y.backward(dy)
    z.backward(torch.tensor(dy))
    pairs = [(y.data, z.detach()), (a.grad, b.grad)]
    pairs += [(p.grad, dict(theirs.named_parameters())[name].grad) for name, p in ours.named_parameters()]
    for mine, other in pairs:
        np.testing.assert_allclose(mine, other.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.torch
@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), seed=st.integers(0, 99))
def test_same_as_pytorch(kind, axes, data, seed):
    torch = pytest.importorskip("torch")
    settings, shape = data.draw(layers(kind, axes))
    name = f"{kind}{axes}d"
    pytorchs = settings if kind != "MaxPool" else (*settings[:4], False, *settings[4:])  # return_indices
    made = getattr(nn, name)(*settings, **(F64 if "Conv" in kind else {}))
    compare(made, getattr(torch.nn, name)(*pytorchs), np.random.default_rng(seed).standard_normal(shape), seed)


sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))


@pytest.mark.torch
@given(sizes=sizes, to=st.one_of(sizes, st.integers(1, 4)), ties=st.booleans(), seed=st.integers(0, 99))
def test_adaptive_pooling_and_upsampling_as_pytorch(sizes, to, ties, seed):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(seed).standard_normal((2, 3, *sizes))
    x = np.round(x) if ties else x
    compare(nn.AdaptiveAvgPool2d(to), torch.nn.AdaptiveAvgPool2d(to), x)
    compare(nn.AdaptiveMaxPool2d(to), torch.nn.AdaptiveMaxPool2d(to), x)
    compare(nn.Upsample(to), torch.nn.Upsample(to), x)
    compare(nn.Upsample(scale_factor=to), torch.nn.Upsample(scale_factor=to), x)
    compare(nn.Upsample(scale_factor=3), torch.nn.Upsample(scale_factor=3), x[..., 0])
    for mode, corners in [("nearest-exact", None), ("bilinear", None), ("bilinear", False), ("bilinear", True)]:
        options = {"mode": mode, "align_corners": corners}
        compare(nn.Upsample(to, **options), torch.nn.Upsample(to, **options), x)
        options["mode"] = {"bilinear": "linear"}.get(mode, mode)
        compare(nn.Upsample(scale_factor=2, **options), torch.nn.Upsample(scale_factor=2, **options), x[..., 0])


def test_a_sequence_is_an_image_of_one_row():
    x = np.random.default_rng(0).standard_normal((2, 4, 9))
    one = nn.Conv1d(4, 6, 3, 2, 1, groups=2, rng=0, **F64)
    two = nn.Conv2d(4, 6, (1, 3), (1, 2), (0, 1), groups=2, rng=0, **F64)
    np.testing.assert_array_equal(one.weight.data, two.weight.data[:, :, 0])
    np.testing.assert_allclose(one(x).data, two(x[:, :, None]).data[:, :, 0], rtol=1e-14)


def test_a_transposed_convolution_undoes_the_sizes_of_a_convolution():
    """And is its derivative: <conv(x), y> = <x, transposed(y)>."""
    rng = np.random.default_rng(0)
    for n, extra in [(7, 0), (8, 1)]:
        x = rng.standard_normal((2, 3, n, n))
        conv = nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False, rng=0, **F64)
        back = nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1, output_padding=extra, bias=False, **F64)
        back.weight.data[:] = conv.weight.data
        y = rng.standard_normal(conv(x).shape)
        assert back(y).shape == x.shape
        assert (conv(x).data * y).sum() == pytest.approx((x * back(y).data).sum())


def test_weights_at_the_start():
    rng = np.random.default_rng(0)
    for layer, fan_in in [
        (nn.Conv1d(32, 64, 9, rng=rng), 32 * 9),
        (nn.Conv2d(64, 64, 3, groups=4, rng=rng), 16 * 9),
        (nn.ConvTranspose2d(32, 64, 3, rng=rng), 64 * 9),
    ]:
        assert layer.weight.data.var() == pytest.approx(2 / fan_in, rel=0.07) and not layer.bias.data.any()
    assert nn.Conv2d(6, 9, (2, 3), groups=3).weight.shape == (9, 2, 2, 3)
    assert nn.ConvTranspose1d(6, 9, 4, groups=3).weight.shape == (6, 3, 4)


def test_words():
    for layer, text in [
        (nn.Conv1d(1, 2, 3), "Conv1d(1, 2, kernel_size=(3,), stride=(1,), padding=(0,), bias=True)"),
        (
            nn.Conv2d(2, 4, 3, padding="same", dilation=(1, 2), groups=2, bias=False),
            "Conv2d(2, 4, kernel_size=(3, 3), stride=(1, 1), padding='same', dilation=(1, 2), groups=2, bias=False)",
        ),
        (
            nn.ConvTranspose1d(2, 4, 3, 2, output_padding=1),
            "ConvTranspose1d(2, 4, kernel_size=(3,), stride=(2,), padding=(0,), output_padding=(1,), bias=True)",
        ),
        (
            nn.MaxPool2d(2, ceil_mode=True),
            "MaxPool2d(kernel_size=(2, 2), stride=(2, 2), padding=(0, 0), ceil_mode=True)",
        ),
        (nn.AdaptiveAvgPool2d(1), "AdaptiveAvgPool2d(output_size=(1, 1))"),
        (nn.Upsample(scale_factor=2), "Upsample(size=None, scale_factor=2, mode='nearest')"),
    ]:
        assert repr(layer) == text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "groups=2 must divide in_channels, which is 3"),
        (lambda: nn.Conv2d(4, 3, 3, groups=2), "groups=2 must divide out_channels, which is 3"),
        (lambda: nn.Conv2d(4, 3, 3, groups=0), "groups must be an integer, 1 or more; got 0"),
        (lambda: nn.Conv1d(1, 1, (3, 3)), r"kernel_size must be .* or a tuple of 1 of them; got \(3, 3\)"),
        (lambda: nn.Conv2d(1, 1, 3, dilation=0), "dilation must be an integer, 1 or more, or a pair of them; got 0"),
        (
            lambda: nn.Conv2d(1, 1, 3, padding="smae"),
            "padding must be 'same' or 'valid'; got 'smae'; did you mean 'same'",
        ),
        (
            lambda: nn.Conv2d(1, 1, 3, 2, "same"),
            r"padding='same' .* only with a stride of 1; got \(2, 2\); try stride=1",
        ),
        (lambda: nn.ConvTranspose2d(1, 1, 3, 2, 0, 2), r"output_padding must be less than stride \(2, 2\) or dilation"),
        (
            lambda: nn.ConvTranspose2d(1, 1, 3, padding="same"),
            "padding must be an integer, 0 or more, or a pair of them",
        ),
        (lambda: nn.MaxPool2d(2, ceil_mode=1), "ceil_mode must be True or False; got 1"),
        (lambda: nn.AvgPool1d(2, count_include_pad=None), "count_include_pad must be True or False; got None"),
        (lambda: nn.AdaptiveAvgPool2d(0), "output_size must be an integer, 1 or more, or a pair of them; got 0"),
        (lambda: nn.Upsample(), "Upsample takes size or scale_factor, one of them; got None and None"),
        (lambda: nn.Upsample(scale_factor=1.5), "scale_factor must be an integer, 1 or more, .*; got 1.5"),
        (lambda: nn.Upsample(2, mode="bicubic"), "mode must be one of 'nearest', .*; got 'bicubic'"),
        (
            lambda: nn.Upsample(2, align_corners=True),
            "align_corners is for the modes that mix neighbours; got mode='nearest'",
        ),
    ],
)
def test_settings_that_make_no_sense(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.Conv2d(3, 4, 3), (2, 9, 9, 3), r"got \(2, 9, 9, 3\); channels come second, np\.moveaxis\(x, -1, 1\)$"),
        (nn.Conv1d(3, 4, 3), (2, 4, 9), r"Conv1d\(3, .* expected x of shape \(N, 3, L\); got \(2, 4, 9\)$"),
        (nn.Conv1d(3, 4, 3), (3, 9), r"Conv1d.* got \(3, 9\); a single one is x\[None\]$"),
        (
            nn.Conv1d(3, 4, 3, dilation=2),
            (2, 3, 4),
            r"a window of \(5,\) does not fit into sequences of \(4,\), padding incl",
        ),
        (nn.Conv2d(4, 4, 3, groups=2), (2, 2, 5, 5), r"Conv2d\(4, .* of shape \(N, 4, H, W\); got \(2, 2, 5, 5\)$"),
        (
            nn.ConvTranspose2d(3, 4, 3),
            (2, 4, 5, 5),
            r"ConvTranspose2d\(3, .* expected x of shape \(N, 3, H, W\)",
        ),
        (
            nn.ConvTranspose2d(3, 4, 1, padding=1),
            (1, 3, 1, 2),
            r"a padding of \(1, 1\) leaves nothing of \(1, 2\) pixels",
        ),
        (nn.MaxPool1d(2), (3, 9), r"MaxPool1d cannot take shapes \(3, 9\).*sequences \(N, C, L\)"),
        (nn.AdaptiveAvgPool2d(2), (3, 9), r"AdaptiveAvgPool cannot take .*images \(N, C, H, W\)"),
        (nn.AdaptiveMaxPool2d(2), (3, 9), r"AdaptiveMaxPool2d\(.*\) takes images \(N, C, H, W\), one at least; got"),
        (nn.Upsample(2), (3, 9), r"Upsample\(.*\) takes images \(N, C, H, W\) or sequences \(N, C, L\); got shape"),
        (nn.Upsample(2, mode="linear"), (1, 3, 9, 4), r"Upsample\(.*\) takes sequences \(N, C, L\); got shape"),
        (nn.Upsample((2, 2)), (3, 9, 4), r"size must be an integer, 1 or more, or a tuple of 1 of them; got \(2, 2\)"),
    ],
)
def test_inputs_that_do_not_fit(layer, shape, message):
    with pytest.raises((ShapeError, ValueError), match=message):
        layer(np.zeros(shape, np.float32))


@pytest.mark.parametrize("kind", [nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Upsample])
def test_pictures_of_whole_numbers(kind):
    x = np.random.default_rng(0).integers(0, 200, (2, 1, 5, 5)).astype(np.uint8)
    np.testing.assert_array_equal(kind(3)(x).data, kind(3)(x.astype(np.float32)).data)


def test_infinity_and_nan_are_not_hidden():
    x = np.ones((1, 1, 4, 4), np.float32)
    x[0, 0, 1, 1] = np.nan
    for layer in (nn.AdaptiveMaxPool2d(2), nn.AdaptiveAvgPool2d(2), nn.MaxPool2d(2), nn.AvgPool2d(2), nn.Upsample(8)):
        assert np.isnan(layer(x).data).any(), layer
    x[:] = -np.inf
    pool = nn.MaxPool2d(3, 2, 1, ceil_mode=True)
    y = pool(a := Tensor(x, requires_grad=True))
    y.backward(np.ones(y.shape, np.float32))
    assert a.grad.sum() == y.size  # to pixels of the image, not to the border, which is -inf as well


def test_what_is_not_finite_stays_where_it_is():
    x = np.ones((1, 1, 4, 6))
    x[0, 0, 1, 1] = np.nan
    for layer in (nn.AdaptiveAvgPool2d((2, 3)), nn.AdaptiveMaxPool2d((2, 3))):
        assert np.isnan(layer(x).data).ravel().tolist() == [True, *[False] * 5]
    a = Tensor(x, requires_grad=True)
    y = nn.Upsample(scale_factor=2)(a)
    assert np.isnan(y.data).sum() == 4
    y.backward(np.where(np.isnan(y.data), np.inf, 1.0))
    assert np.isinf(a.grad).sum() == 1 and (a.grad[np.isfinite(a.grad)] == 4).all()
