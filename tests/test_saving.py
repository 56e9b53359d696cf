"""Models in files: all that is in nbprop.nn comes back, and no file does any harm."""

import io
import json
import pickle
import pkgutil
import zipfile
from importlib import import_module

import numpy as np
import pytest
from trap import Executed, Trap

import nbprop as nb
from nbprop import nn, saving
from nbprop.saving import load, save, settings

BASES = {"Module", "Activation", "Criterion", "Loss", "Recurrent", "RecurrentCell"}  # nobody makes these
UNSAVED = {"FunctionLoss"}  # holds a function

# One of each module, with settings that are not the defaults, and an input (or several) for it.
x = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
images = np.random.default_rng(1).normal(size=(2, 3, 7, 9)).astype(np.float32)
steps = np.random.default_rng(2).normal(size=(2, 6, 5)).astype(np.float32)
numbers = np.array([[0, 2, 1], [4, 4, 3]])
halves = np.full((4, 6), 0.5, np.float32)
SAMPLES = {
    "Linear": (lambda: nn.Linear(6, 2, bias=False, init="he", rng=1), x),
    "Sequential": (lambda: nn.Sequential(nn.Linear(6, 3, rng=0), nn.Tanh()), x),
    "Residual": (lambda: nn.Residual(nn.Linear(6, 6, rng=0), nn.Tanh()), x),
    "ModuleList": (lambda: nn.ModuleList([nn.Linear(6, 3, rng=0), nn.Tanh()]),),
    "ModuleDict": (lambda: nn.ModuleDict({"a": nn.Linear(6, 3, rng=0), "b": nn.ModuleList([nn.ReLU()])}),),
    "Flatten": (nn.Flatten, images),
    "LeakyReLU": (lambda: nn.LeakyReLU(0.3), x),
    "ELU": (lambda: nn.ELU(1.5), x),
    "GELU": (lambda: nn.GELU("none"), x),
    **{name: (getattr(nn, name), x) for name in ("Sigmoid", "Tanh", "ReLU", "SiLU", "Softplus", "Identity")},
    **{name: (getattr(nn, name), x) for name in ("SELU", "Mish", "ReLU6", "Hardsigmoid", "Hardswish", "Softsign")},
    "Hardtanh": (lambda: nn.Hardtanh(-0.5, 2), x),
    "PReLU": (lambda: nn.PReLU(6, 0.1), x),
    "Softmax": (lambda: nn.Softmax(0), x),
    "LogSoftmax": (lambda: nn.LogSoftmax(1), x),
    "Conv2d": (lambda: nn.Conv2d(3, 2, (2, 3), stride=2, padding=(0, 1), bias=False, rng=0), images),
    "MaxPool2d": (lambda: nn.MaxPool2d(3, 2, 1), images),
    "AvgPool2d": (lambda: nn.AvgPool2d((2, 3), 1), images),
    "Conv1d": (lambda: nn.Conv1d(6, 2, 3, padding="same", dilation=2, groups=2, rng=0), steps),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(6, 2, 3, 2, 1, 1, groups=2, bias=False, rng=0), steps),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(3, 2, (2, 3), 2, (0, 1), (1, 0), dilation=2, rng=0), images),
    "MaxPool1d": (lambda: nn.MaxPool1d(2, 1, 1, dilation=2, ceil_mode=True), steps),
    "AvgPool1d": (lambda: nn.AvgPool1d(2, 1, 1, ceil_mode=True, count_include_pad=False), steps),
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d((2, 4)), images),
    "AdaptiveMaxPool2d": (lambda: nn.AdaptiveMaxPool2d(3), images),
    "Upsample by mixing": (lambda: nn.Upsample((5, 3), mode="bilinear", align_corners=True), images),
    "Upsample": (lambda: nn.Upsample(scale_factor=(1, 2)), images),
    "LayerNorm": (lambda: nn.LayerNorm((7, 9), eps=0.1), images),
    "RMSNorm": (lambda: nn.RMSNorm((7, 9), eps=0.1), images),
    "GroupNorm": (lambda: nn.GroupNorm(3, 6, 0.1), x),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(3, 0.1, affine=True), images),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(6, eps=0.1, momentum=0.3), x),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(3, momentum=0.3), images),
    "Dropout": (lambda: nn.Dropout(0.25), x),
    "Dropout2d": (lambda: nn.Dropout2d(0.25), images),
    "Unflatten": (lambda: nn.Unflatten(-1, (2, -1)), x),
    "Embedding": (lambda: nn.Embedding(5, 3, -1, rng=0), numbers),
    "RNN": (lambda: nn.RNN(6, 3, 2, "relu", bias=False, batch_first=True, rng=0), x[None]),
    "GRU": (lambda: nn.GRU(6, 3, reset_after=False, bidirectional=True, rng=0), x[None]),
    "LSTM": (
        lambda: nn.LSTM(6, 3, 3, forget_gate=False, batch_first=True, dropout=0.25, bidirectional=True, rng=0),
        x[None],
    ),
    "RNNCell": (lambda: nn.RNNCell(6, 3, bias=False, nonlinearity="relu", rng=0), x),
    "GRUCell": (lambda: nn.GRUCell(6, 3, reset_after=False, rng=0), x),
    "LSTMCell": (lambda: nn.LSTMCell(6, 3, forget_gate=False, rng=0), x),
    "MultiheadAttention": (
        lambda: nn.MultiheadAttention(6, 3, False, True, 0.25, kdim=6, vdim=5, batch_first=False, rng=0),
        x,
        x,
        x[:, 1:],
    ),
    "TransformerBlock": (
        lambda: nn.TransformerBlock(6, 3, 5, True, nn.LeakyReLU(0.2), 0.25, True, norm_first=False, rng=0),
        x,
        x,
    ),
    "LearnedPositions": (lambda: nn.LearnedPositions(5, 6, rng=0), x),
    "SinusoidalPositions": (lambda: nn.SinusoidalPositions(5, 6), x),
    "MSELoss": (lambda: nn.MSELoss("sum"), x, halves),
    "L1Loss": (nn.L1Loss, x, halves),
    "HuberLoss": (lambda: nn.HuberLoss(0.2, "none"), x, halves),
    "SmoothL1Loss": (lambda: nn.SmoothL1Loss(beta=0.2), x, halves),
    "BCEWithLogitsLoss": (lambda: nn.BCEWithLogitsLoss(np.arange(6), "sum", [2]), x, halves),
    "BCELoss": (lambda: nn.BCELoss(np.arange(6)), halves, halves),
    "HingeLoss": (nn.HingeLoss, x, halves),
    "NLLLoss": (lambda: nn.NLLLoss(np.arange(6), -1), x, np.array([1, 2, -1, 3])),
    "CrossEntropyLoss": (lambda: nn.CrossEntropyLoss(label_smoothing=0.1), nb.Tensor(x), np.arange(4)),
    "KLDivLoss": (lambda: nn.KLDivLoss("batchmean", log_target=True), x, halves),
    "PoissonNLLLoss": (lambda: nn.PoissonNLLLoss(False, 1e-3), halves, halves),
    "MultiMarginLoss": (lambda: nn.MultiMarginLoss(2, 0.5), x, np.arange(4)),
    "CosineEmbeddingLoss": (lambda: nn.CosineEmbeddingLoss(0.5), x, halves, np.array([1, -1, 1, 1])),
    "TripletMarginLoss": (lambda: nn.TripletMarginLoss(0.5, 3, 1e-3, True, "sum"), x, halves, 2 * x),
    "MarginRankingLoss": (lambda: nn.MarginRankingLoss(-0.5), x, halves, np.sign(x)),
    "GaussianNLLLoss": (lambda: nn.GaussianNLLLoss(True, 1e-3), x, halves, halves),
    "CTCLoss": (lambda: nn.CTCLoss(2, "sum", True), images[0], np.zeros((7, 2), int)),
}


def module_classes():
    """All public classes of modules in the files of nbprop/nn."""
    files = [import_module(f"nbprop.nn.{file.name}") for file in pkgutil.iter_modules(nn.__path__)]
    found = {value for file in files for value in vars(file).values() if isinstance(value, type)}
    ours = (kind for kind in found if issubclass(kind, nn.Module) and kind.__module__.startswith("nbprop.nn."))
    return sorted((kind for kind in ours if not kind.__name__.startswith("_")), key=lambda kind: kind.__name__)


def same(a, b):
    """Whether two settings are equal; modules by class and settings."""
    if isinstance(a, nn.Module):
        return type(a) is type(b) and all(same(value, settings(b)[name]) for name, value in settings(a).items())
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def outputs(model, inputs):
    out = model.eval()(*inputs)
    return out if isinstance(out, tuple) else (out,)


@pytest.mark.parametrize("kind", [kind for kind in module_classes() if kind.__name__ not in BASES | UNSAVED])
def test_every_module_comes_back(kind, tmp_path):
    name = kind.__name__
    assert getattr(nn, name, None) is kind, f"nb.load looks for {name} in nbprop.nn: name it in nbprop/nn/__init__.py"
    assert name in SAMPLES, (
        f"add a sample of {name} to SAMPLES in tests/test_saving.py, with settings that are not the defaults. "
        "nb.save reads each argument of the constructor from the attribute of the same name; where that does not do, "
        "give the class a method settings(), the arguments as a dict."
    )
    make, *inputs = SAMPLES[name]
    model = make()
    model.theta += np.linspace(-0.1, 0.1, model.theta.size, dtype=np.float32)
    for _, buffer in model.named_buffers():
        buffer += 0.125
    save(model, tmp_path / "model.npz")
    other = load(tmp_path / "model.npz")
    assert same(model, other)
    assert repr(other) == repr(model)
    assert model.state_dict().keys() == other.state_dict().keys()
    for key, array in model.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[key], array)
    for a, b in zip(outputs(model, inputs), outputs(other, inputs), strict=True) if inputs else ():  # can it be called?
        np.testing.assert_array_equal(a.data, b.data)
    assert set(settings(model)) <= set(saving.arguments(kind)) - saving.NOT_SAVED


def test_a_depthwise_convolution_is_no_enemy():
    """Its settings multiply to far more than it holds."""
    model = nn.Conv2d(1024, 1024, 3, 2, 2, dilation=2, groups=1024, rng=0)
    assert saving.made(saving.plan(model), model.state_dict()).weight.shape == (1024, 1, 3, 3)


def test_a_loaded_model_trains_on(tmp_path):
    model = nb.nn.mlp([2, 8, 8, 1], activation="relu", init="he", seed=3)
    nb.save(model, tmp_path / "m")
    other = nb.load(tmp_path / "m")
    trainers = [nb.Trainer(m, nb.data.xor(), seed=0) for m in (model, other)]
    a, b = (trainer.fit(steps=5, bar=False).series("loss")[1] for trainer in trainers)
    np.testing.assert_array_equal(a, b)
    assert (other.activation, other.init) == ("relu", "he")
    assert other.training


def test_float64_and_models_without_parameters(tmp_path):
    for model in (nn.mlp([2, 3, 1], dtype=np.float64), nn.Sequential(nn.Tanh(), nn.Flatten()), nn.Sequential()):
        save(model, tmp_path / "m.npz")
        other = load(tmp_path / "m.npz")
        assert other.theta.dtype == model.theta.dtype
        np.testing.assert_array_equal(other.theta, model.theta)


def test_settings_that_are_numpy_numbers(tmp_path):
    model = nn.CTCLoss(blank=np.int64(2))
    save(model, tmp_path / "m.npz")
    assert load(tmp_path / "m.npz").blank == 2


def test_notes_are_names_only(tmp_path):
    model = nn.mlp([2, 3, 1])
    model.init = nn.init.xavier
    save(model, tmp_path / "m.npz")
    other = load(tmp_path / "m.npz")
    assert other.activation == "tanh"
    assert not hasattr(other, "init")


def test_a_module_used_twice_and_a_parameter_used_twice_stay_one(tmp_path):
    twice = nn.Linear(3, 3, rng=0)
    tied = nn.Linear(3, 3, rng=1)
    model = nn.Sequential(twice, nn.Tanh(), twice, nn.Tanh(), nn.Sequential(tied))
    tied.weight = twice.weight
    save(model, tmp_path / "m.npz")
    other = load(tmp_path / "m.npz")
    assert other[2] is other[0]
    assert other[4][0].weight is other[0].weight
    assert other[4][0].bias is not other[0].bias
    assert other.theta.size == model.theta.size == 9 + 3 + 3
    np.testing.assert_array_equal(other(np.eye(3)).data, model(np.eye(3)).data)
    save(other, tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "m.npz").read_bytes()


def test_numpy_shows_what_is_in_a_file(tmp_path):
    model = nn.mlp([2, 3, 1])
    save(model, tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["0.weight"], model[0].weight.data)
        plan = json.loads(arrays["architecture"].tobytes())
    assert plan["model"]["settings"]["modules"][1] == {"class": "Tanh", "settings": {}}


class Mine(nn.Module):
    def __init__(self):
        self.inner = nn.Linear(2, 1, rng=0)

    def forward(self, x):
        return self.inner(x)


def test_modules_of_ones_own_are_refused_and_the_advice_works(tmp_path):
    path = tmp_path / "m.npz"
    for model in (Mine(), nn.Sequential(Mine())):
        with pytest.raises(TypeError, match=r"Mine is none of them.*state_dict.*load_state_dict"):
            save(model, path)
        assert not list(tmp_path.iterdir())
    model, other = Mine(), Mine()
    other.theta = [1, 2, 3]
    np.savez(path, **model.state_dict())
    other.load_state_dict(np.load(path))
    np.testing.assert_array_equal(other.theta, model.theta)
    with pytest.raises(TypeError, match="takes a model"):
        save([model], path)


def test_what_could_not_be_loaded_is_not_saved(tmp_path):
    model = nn.Linear(2, 1)
    model.extra = nn.Parameter(np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="'extra' is not as the constructor"):
        save(model, tmp_path / "m.npz")
    assert not list(tmp_path.iterdir())


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "m.npz"
    save(nn.mlp([2, 3, 1]), path)
    before = path.read_bytes()

    def broken(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(np.lib.format, "write_array", broken)
    with pytest.raises(OSError, match="disk full"):
        save(nn.mlp([2, 4, 1]), path)
    assert path.read_bytes() == before


# Files that nobody should trust


def npz(path, plan, arrays=(), raw=(), compression=zipfile.ZIP_STORED):
    """An archive as nb.save writes it, with this architecture (a dict, or bytes) and these arrays; `raw`: bytes."""
    text = plan if isinstance(plan, bytes) else json.dumps(plan).encode()
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, array in {"architecture": np.frombuffer(text, np.uint8), **dict(arrays)}.items():
            stream = io.BytesIO()
            np.lib.format.write_array(stream, np.asarray(array), allow_pickle=True)
            archive.writestr(name + ".npy", stream.getvalue())
        for name, content in dict(raw).items():
            archive.writestr(name, content)
    return path


def plan(model, **changes):
    return {"format": "nbprop model", "version": 1, "dtype": "float32", "model": model, "tied": [], **changes}


def node(name, _settings=None, **given):
    return {"class": name, "settings": given if _settings is None else _settings}


LINEAR = node("Linear", in_features=2, out_features=1, bias=False)
WEIGHT = {"weight": np.ones((1, 2), np.float32)}


def test_the_crafted_files_are_good_but_for_what_is_wrong_with_them(tmp_path):
    model = load(npz(tmp_path / "m.npz", plan(LINEAR), WEIGHT))
    np.testing.assert_array_equal(model.theta, [1, 1])


HOSTILE = {
    "an object array": (plan(LINEAR), {"weight": np.array([Trap()], object)}, "allow_pickle=False"),
    "a pickle beside the arrays": (plan(LINEAR), WEIGHT, "", {"more.npy": pickle.dumps(Trap())}),
    "an unknown class": (plan(node("Nothing")), {}, "no module 'Nothing'"),
    "a private class": (plan(node("_Norm")), {}, "no module '_Norm'"),
    "a function": (plan(node("mlp", sizes=[2, 1])), {}, "no module 'mlp'"),
    "a module of Python": (plan(node("init")), {}, "no module 'init'"),
    "a dunder": (plan(node("__class__")), {}, "no module '__class__'"),
    "builtins": (plan(node("__builtins__")), {}, "no module '__builtins__'"),
    "a dotted class": (plan(node("nn.Linear")), {}, "no module 'nn.Linear'"),
    "a class that is a list": (plan({"class": ["Linear"], "settings": {}}), {}, "unhashable"),
    "settings that are a list": (plan({"class": "Linear", "settings": [2, 1]}), {}, ""),
    "a dunder among the settings": (plan(node("Tanh", {"__class__": 1})), {}, "Tanh has no setting '__class__'"),
    "an initializer": (plan(node("Linear", in_features=2, out_features=1, init="he")), WEIGHT, "no setting 'init'"),
    "a generator": (plan(node("Linear", in_features=2, out_features=1, rng=1)), WEIGHT, "no setting 'rng'"),
    "sizes of nothing": (plan(node("Linear", in_features=0, out_features=1)), WEIGHT, "in_features must be"),
    "a size that is a text": (plan(node("Linear", in_features="2", out_features=1)), WEIGHT, "in_features must be"),
    "too few settings": (plan(node("Linear", in_features=2)), WEIGHT, "out_features"),
    "a wrong shape": (plan(LINEAR), {"weight": np.ones((2, 1), np.float32)}, "'weight' has shape"),
    "another dtype": (plan(LINEAR), {"weight": np.ones((1, 2), np.int64)}, "holds int64, expected float32"),
    "texts": (plan(LINEAR), {"weight": np.array([["a", "b"]])}, "holds <U1"),
    "records": (plan(LINEAR), {"weight": np.zeros((1, 2), [("a", "f4")])}, "expected float32"),
    "no weight": (plan(LINEAR), {}, "'weight' is missing"),
    "one array too many": (plan(LINEAR), {**WEIGHT, "__class__": np.ones(1, np.float32)}, "not in this model"),
    "huge layers": (plan(node("Linear", in_features=10**6, out_features=10**6)), {}, "larger than the arrays"),
    "a huge bias": (plan(node("LayerNorm", normalized_shape=[10**5, 10**5])), {}, "larger than the arrays"),
    "a huge window": (plan(node("Conv2d", in_channels=1, out_channels=1, kernel_size=[3000, 3000])), {}, "larger than"),
    "many filters in many groups": (
        plan(node("Conv2d", in_channels=10**6, out_channels=10**6, kernel_size=1, groups=1)),
        {},
        "larger than the arrays",
    ),
    "more groups than memory": (
        plan(node("Conv2d", in_channels=10**9, out_channels=10**9, kernel_size=1, groups=10**9)),
        {},
        "larger than the ar",
    ),
    "a number of many digits": (plan(node("LayerNorm", normalized_shape=10**400)), {}, "larger than the arrays"),
    "many large layers": (
        plan(node("Sequential", modules=[node("LayerNorm", normalized_shape=9 * 10**6)] * 50)),
        {},
        "larger than the arrays",
    ),
    "another format": (plan(LINEAR, format="onnx"), WEIGHT, "expected the format 'nbprop model', got 'onnx'"),
    "a newer version": (plan(LINEAR, version=2), WEIGHT, "newer nbprop"),
    "a dtype of objects": (plan(LINEAR, dtype="object"), WEIGHT, ""),
    "no model": (plan(None), {}, "there is no module"),
    "a list for a model": (plan([LINEAR]), WEIGHT, "there is no module"),
    "a module that is not there yet": (plan({"same as": 5}), {}, ""),
    "a parameter tied to a method": (plan(LINEAR, tied=[[".weight", ".forward"]]), WEIGHT, ""),
    "a parameter tied to a class": (plan(LINEAR, tied=[[".__class__", ".weight"]]), WEIGHT, ""),
    "a parameter tied to a setting": (plan(LINEAR, tied=[[".in_features", ".weight"]]), WEIGHT, "cannot be one"),
    "a list for a plan": (b"[]", {}, ""),
    "a text that is not JSON": (b"import os", {}, "Expecting value"),
    "bytes that are no text": (b"\xff\xfe\x00", {}, ""),
    "modules inside modules without end": (
        b'{"model": ' + b'{"class": "Sequential", "settings": {"modules": [' * 10**5,
        {},
        "recursion",
    ),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_gets_a_clear_error(what, tmp_path):
    architecture, arrays, match, *raw = HOSTILE[what]
    path = npz(tmp_path / "m.npz", architecture, arrays, *raw)
    with pytest.raises(ValueError, match=r"m\.npz' is damaged, or not a model that nb\.save wrote: .+") as error:
        load(path)
    assert match in str(error.value)
    assert not isinstance(error.value.__cause__, Executed)


def test_nested_deeply_on_purpose(tmp_path):
    inner = node("Tanh")
    text = json.dumps(inner)
    for _ in range(700):
        text = '{"class": "Sequential", "settings": {"modules": [' + text + "]}}"
    whole = json.dumps(plan("HERE")).replace('"HERE"', text).encode()
    with pytest.raises(ValueError, match="recursion"):
        load(npz(tmp_path / "m.npz", whole))


def test_a_compressed_archive_is_refused_before_it_is_unpacked(tmp_path):
    zeros = np.zeros(10**7, np.float32)
    path = npz(tmp_path / "m.npz", plan(node("Tanh")), {"weight": zeros}, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 10**6
    with pytest.raises(ValueError, match="it is compressed"):
        load(path)


def test_entries_that_share_their_bytes_are_refused(tmp_path):
    """A small file in which a thousand entries all point at the same bytes."""
    path = npz(tmp_path / "m.npz", plan(LINEAR), {"weight": np.ones((1, 250_000), np.float32)})
    with zipfile.ZipFile(path, "a") as archive:
        entry = archive.getinfo("weight.npy")
        for i in range(1000):
            other = zipfile.ZipInfo(f"{i}.npy")
            for name in ("header_offset", "compress_size", "file_size", "CRC"):
                setattr(other, name, getattr(entry, name))
            archive.filelist.append(other)
        archive._didModify = True
    with pytest.raises(ValueError, match="damaged"):
        load(path)


def test_an_array_that_says_it_is_huge(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (10**15,)}
    )  # 4 petabytes
    path = npz(tmp_path / "m.npz", plan(LINEAR), raw={"weight.npy": header.getvalue()})
    with pytest.raises(ValueError, match="damaged"):
        load(path)


def test_damaged_files(tmp_path):
    path = tmp_path / "m.npz"
    model = nn.mlp([2, 8, 1], seed=0)
    save(model, path)
    whole = path.read_bytes()
    assert len(whole) < 4000
    for end in range(0, len(whole), 53):
        path.write_bytes(whole[:end])
        with pytest.raises(ValueError, match="damaged"):
            load(path)
    harmless = 0
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            other = load(path)
        except ValueError as error:
            assert "damaged" in str(error)
        else:  # a byte that says nothing, such as a date
            np.testing.assert_array_equal(other.theta, model.theta)
            harmless += 1
    assert harmless < 60


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY", pickle.dumps(Trap()), b"\x00" * 1000])
def test_files_of_another_kind(content, tmp_path):
    path = tmp_path / "m.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged, or not a model"):
        load(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "m.npz")


def test_equal_dropouts_in_a_loaded_model_drop_different_units(tmp_path):
    nb.save(nn.Sequential(nn.Dropout(0.5, seed=1), nn.Dropout(0.5, seed=2)), tmp_path / "m.npz")
    model, same = (nb.load(tmp_path / "m.npz") for _ in range(2))
    x = np.ones((4, 50))
    one, two = model[0](x).data, model[1](x).data
    assert (one != two).any()
    np.testing.assert_array_equal(same[0](x).data, one)
