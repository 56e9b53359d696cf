"""LayerNorm, BatchNorm1d, BatchNorm2d: training and evaluation, buffers, errors."""

import numpy as np
import pytest

from nbprop import nn
from nbprop.engine import ShapeError, Tensor, check_gradient

RNG = np.random.default_rng(0)


def test_layer_norm_standardizes_each_sample():
    x = RNG.standard_normal((6, 4, 3)) * 5 + 2
    for shape, axes in [(3, 2), ((4, 3), (1, 2))]:
        layer = nn.LayerNorm(shape, dtype=np.float64)
        y = layer(x).data
        np.testing.assert_allclose(y.mean(axes), 0, atol=1e-12)
        np.testing.assert_allclose(y.std(axes), 1, rtol=1e-4)
        layer.weight.data[:], layer.bias.data[:] = 2, 3
        np.testing.assert_allclose(layer.eval()(x).data, 2 * y + 3, rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "shape"), [(nn.BatchNorm1d, (9, 4)), (nn.BatchNorm1d, (5, 4, 3)), (nn.BatchNorm2d, (5, 4, 3, 2))]
)
def test_batch_norm_standardizes_each_channel(make, shape):
    x = RNG.standard_normal(shape) * 5 + 2
    axes = (0, *range(2, x.ndim))
    layer = make(4, dtype=np.float64)
    y = layer(x).data
    np.testing.assert_allclose(y.mean(axes), 0, atol=1e-12)
    np.testing.assert_allclose(y.std(axes), 1, rtol=1e-4)
    for _ in range(200):
        layer(x)
    np.testing.assert_allclose(layer.running_mean, x.mean(axes), rtol=1e-6)
    np.testing.assert_allclose(layer.running_var, x.var(axes, ddof=1), rtol=1e-6)
    before = layer.state_dict()
    n = x.size // 4
    np.testing.assert_allclose(layer.eval()(x).data, y * np.sqrt((n - 1) / n), rtol=1e-4, atol=1e-8)
    assert layer(x[:1]).shape == x[:1].shape
    for name, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_gradients():
    for layer in (nn.LayerNorm(3), nn.BatchNorm1d(3), nn.BatchNorm1d(3).eval()):

        def f(x, w, b, layer=layer):
            vars(layer).update(weight=w, bias=b)  # past the module, which refuses what is no Parameter
            return layer(x)

        layer.weight = nn.Parameter(np.ones(3))  # computes in the dtype of its weights
        check_gradient(f, *[RNG.standard_normal(s) for s in [(5, 3), (3,), (3,)]])


def test_buffers_are_part_of_the_state_and_not_of_theta():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.BatchNorm1d(3), nn.Sequential(nn.BatchNorm1d(3)))
    names = [name for name, _ in model.named_buffers()]
    assert names == ["1.running_mean", "1.running_var", "2.0.running_mean", "2.0.running_var"]
    assert [name for name, _ in model[1].named_buffers()] == ["running_mean", "running_var"]
    assert model.theta.size == 9 + 6 + 6
    model(RNG.standard_normal((5, 2)))
    saved = model.state_dict()
    assert list(saved) == [name for name, _ in model.named_parameters()] + names
    assert saved["1.running_mean"].any() and saved["1.running_mean"] is not model[1].running_mean
    other = nn.Sequential(nn.Linear(2, 3, rng=1), nn.BatchNorm1d(3), nn.Sequential(nn.BatchNorm1d(3)))
    kept = other[1].running_mean
    other.load_state_dict(saved)
    assert other[1].running_mean is kept
    x = RNG.standard_normal((4, 2))
    np.testing.assert_array_equal(model.eval()(x).data, other.eval()(x).data)
    for _, array in other.named_buffers():
        array.fill(0.5)
    assert (other[2][0].running_var == 0.5).all()
    assert nn.mlp([2, 3, 1]).named_buffers() == []


def test_a_saved_state_without_its_buffers_is_refused():
    layer = nn.BatchNorm1d(2)
    saved = layer.state_dict()
    del saved["running_var"]
    with pytest.raises(
        ValueError, match="'running_var' is missing; the model has weight, bias, running_mean, running_v"
    ):
        layer.load_state_dict(saved)
    with pytest.raises(ShapeError, match=r"'running_var' has shape \(2,\); got \(3,\)"):
        layer.load_state_dict({**saved, "running_var": np.ones(3)})


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.LayerNorm(4), (5, 3), r"LayerNorm .*x must be \(\.\.\., 4\)"),
        (nn.BatchNorm1d(4), (5, 3), r"BatchNorm .*x must be \(N, 4,"),
        (nn.BatchNorm1d(4), (5, 4, 3, 2), r"BatchNorm1d\(4, .*\) takes inputs \(N, C\) or \(N, C, L\); got shape \(5,"),
        (
            nn.BatchNorm2d(4),
            (5, 4),
            r"BatchNorm2d\(4, eps=1e-05, momentum=0.1\) takes images \(N, C, H, W\); got shape",
        ),
        (nn.BatchNorm1d(4), (1, 4), r"BatchNorm1d\(4.*at least 2 numbers per channel"),
    ],
)
def test_errors(layer, shape, message):
    with pytest.raises(ShapeError, match=message):
        layer(np.zeros(shape))


def test_settings_that_make_no_sense():
    with pytest.raises(ValueError, match="normalized_shape must be an integer, 1 or more; got 0"):
        nn.LayerNorm((3, 0))
    with pytest.raises(ValueError, match="eps must be a finite number, greater than 0; got 0"):
        nn.BatchNorm1d(3, eps=0)
    with pytest.raises(ValueError, match="momentum must be a number from 0 to 1; got 2"):
        nn.BatchNorm1d(3, momentum=2)
    assert repr(nn.LayerNorm((3, 2))) == "LayerNorm((3, 2), eps=1e-05)"


@pytest.mark.parametrize(
    ("layer", "one", "two"), [(nn.BatchNorm1d, (1, 3), (1, 3, 2)), (nn.BatchNorm2d, (1, 3, 1, 1), (1, 3, 2, 1))]
)
def test_a_batch_of_one_sample(layer, one, two):
    layer = layer(3)
    mean = layer.running_mean.copy()
    with pytest.raises(ShapeError, match=r"batch of one sample.*batch_size that leaves no last batch of one.*eval\(\)"):
        layer(np.ones(one, np.float32))
    np.testing.assert_array_equal(layer.running_mean, mean)
    assert layer(np.ones(two, np.float32)).shape == two
    assert layer.eval()(np.ones(one, np.float32)).shape == one


OF_IMAGES = {
    "GroupNorm": [(1, 6), (2, 6), (6, 6, 0.1), (3, 6, 1e-5, False)],
    "InstanceNorm2d": [(6,), (6, 0.1)],
    "RMSNorm": [(5,), ((4, 5), 0.1), ((6, 4, 5),)],
}


@pytest.mark.torch
@pytest.mark.parametrize("kind, settings", [(kind, each) for kind, all in OF_IMAGES.items() for each in all])
def test_same_as_pytorch(kind, settings):
    torch = pytest.importorskip("torch")
    x = RNG.standard_normal((3, 6, 4, 5)) * 3 + 1
    ours, theirs = getattr(nn, kind)(*settings, dtype=np.float64), getattr(torch.nn, kind)(*settings).double()
    ours.theta = RNG.standard_normal(ours.theta.size)
    theirs.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()})
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = ours(a), theirs(b)
    dy = RNG.standard_normal(y.shape)
    y.backward(dy)
    z.backward(torch.tensor(dy))
    pairs = [(y.data, z.detach()), (a.grad, b.grad)]
    pairs += [(p.grad, dict(theirs.named_parameters())[name].grad) for name, p in ours.named_parameters()]
    for mine, other in pairs:
        np.testing.assert_allclose(mine, other.numpy(), rtol=1e-11, atol=1e-12)


def test_groups_of_channels():
    x = RNG.standard_normal((5, 6, 4, 3)).astype(np.float32) * 5 + 2
    grouped = nn.GroupNorm(3, 6)(x).data.reshape(5, 3, -1)
    np.testing.assert_allclose(grouped.mean(-1), 0, atol=1e-5)
    np.testing.assert_allclose(grouped.std(-1), 1, rtol=1e-4)
    np.testing.assert_array_equal(nn.InstanceNorm2d(6)(x).data, nn.GroupNorm(6, 6, affine=False)(x).data)
    whole = nn.GroupNorm(1, 6)(x[:, :, 0, 0]).data  # one group of all is a LayerNorm
    np.testing.assert_allclose(whole, nn.LayerNorm(6)(x[:, :, 0, 0]).data, rtol=1e-5, atol=1e-6)
    layer = nn.GroupNorm(2, 6)
    assert layer(x).dtype == np.float32 and nn.InstanceNorm2d(6)(x.astype(np.uint8)).dtype == np.float32
    np.testing.assert_array_equal(layer.eval()(x[:1]).data, layer.train()(x)[:1].data)


def test_words_of_the_new_norms():
    assert repr(nn.GroupNorm(2, 6)) == "GroupNorm(2, 6, eps=1e-05, affine=True)"
    assert repr(nn.InstanceNorm2d(6)) == "InstanceNorm2d(6, eps=1e-05, affine=False)"
    assert repr(nn.RMSNorm(4)) == "RMSNorm((4,), eps=None)"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.GroupNorm(4, 6), "num_groups must divide num_channels, which is 6; got 4"),
        (lambda: nn.GroupNorm(0, 6), "num_groups must be an integer, 1 or more; got 0"),
        (lambda: nn.GroupNorm(2, 6, affine=1), "affine must be True or False; got 1"),
        (lambda: nn.RMSNorm(4, 0), "eps must be None or a finite number, greater than 0; got 0"),
        (lambda: nn.GroupNorm(2, 6)(np.ones((3, 4, 2))), r"GroupNorm cannot take .*x must be \(N, 6, ...\)"),
        (lambda: nn.GroupNorm(2, 6)(np.ones((3, 6, 0))), r"GroupNorm cannot take .*x must be \(N, 6, ...\)"),
        (lambda: nn.RMSNorm(4)(np.ones((3, 5))), r"RMSNorm cannot take .*x must be \(\.\.\., 4\)"),
        (lambda: nn.InstanceNorm2d(2)(np.ones((3, 2))), r"InstanceNorm2d\(2, .*\) takes images .* got shape \(3, 2\)"),
        (lambda: nn.InstanceNorm2d(2)(np.ones((3, 2, 1, 1))), "of at least 2 pixels; got shape"),
    ],
)
def test_new_norms_that_do_not_fit(make, message):
    with pytest.raises((TypeError, ValueError, ShapeError), match=message):
        make()
