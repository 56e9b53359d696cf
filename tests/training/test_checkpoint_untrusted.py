"""Files that nobody should trust: whatever stands in one is loaded, or refused in words, and never executed."""

import io
import json
import pickle
import zipfile

import numpy as np
import pytest
from runs import SPIRALS, assert_same, trainer
from trap import Executed, Trap

import nbprop as nb


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    """What is in a good file: the head, and the arrays."""
    path = tmp_path_factory.mktemp("good") / "run.npz"
    t = trainer(optimizer=nb.optim.Adam(schedule=nb.optim.StepLR(9)))
    t.fit(steps=5, bar=False)
    t.depth = 0
    t.fit(steps=1, bar=False)
    t.save(path)
    with np.load(path, allow_pickle=False) as found:
        arrays = dict(found)
    return json.loads(arrays.pop("run").tobytes()), arrays


def write(path, head, arrays, compression=zipfile.ZIP_STORED, raw=()):
    with zipfile.ZipFile(path, "w", compression) as archive:
        text = np.frombuffer(head if isinstance(head, bytes) else json.dumps(head).encode(), np.uint8)
        for name, array in {"run": text, **arrays}.items():
            stream = io.BytesIO()
            np.lib.format.write_array(stream, np.asarray(array), allow_pickle=True)
            archive.writestr(name + ".npy", stream.getvalue())
        for name, content in dict(raw).items():
            archive.writestr(name, content)
    return path


def test_the_crafted_files_are_good_but_for_what_is_wrong_with_them(entries, tmp_path):
    assert nb.Trainer.load(write(tmp_path / "run.npz", *entries), data=SPIRALS).steps == 6


def refused(path, match="", **given):
    with pytest.raises(ValueError, match=rf"run\.npz'.*{match}") as error:
        nb.Trainer.load(path, **{"data": SPIRALS, **given})
    assert not isinstance(error.value.__cause__, Executed)


def places(tree, at=()):
    """The keys that lead to each value in what JSON holds."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield (*at, key)
        yield from places(value, (*at, key))


def changed(tree, place, value):
    tree = json.loads(json.dumps(tree))
    inner = tree
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return tree


@pytest.mark.parametrize(
    "value", [None, "__class__", -1, 10**400, [[]], {"class": "Module"}, True, float("nan")], ids=repr
)
def test_whatever_stands_anywhere_in_the_head_is_loaded_or_refused(value, entries, tmp_path):
    head, arrays = entries
    short = changed(head, ("history", "columns"), dict(list(head["history"]["columns"].items())[:1]))
    kept = {
        n: a
        for n, a in arrays.items()
        if not n.startswith("history") or n.split("/", 2)[2] in short["history"]["columns"]
    }
    for place in places(short):
        path = write(tmp_path / "run.npz", changed(short, place, value), kept)
        try:
            other = nb.Trainer.load(path, data=SPIRALS)
        except ValueError as error:
            assert "run.npz'" in str(error), (place, error)
        else:
            assert other.model.theta.size == 3, place


HEADS = {
    "another version": (("version",), 99, "written by a newer nbprop"),
    "an older version": (("version",), 0, "version 0, and this nbprop reads version 2"),
    "another format": (("format",), "onnx", "expected the format 'nbprop run'"),
    "an unknown optimizer": (("optimizers", "", "class"), "Nothing", "no 'Nothing'"),
    "a function for an optimizer": (("optimizers", "", "class"), "optimizer", "no 'optimizer'"),
    "an unknown schedule": (("optimizers", "", "schedule", "plan", "class"), "Optimizer", "no schedule 'Optimizer'"),
    "a generator of another kind": (("generators", 0, "state", "bit_generator"), "MT19937", "MT19937"),
    "a generator nowhere": (("generators", 1, "places"), ["model:0.weight"], "no random generator at"),
    "more samples than there are": (("batches", 0), 10**15, "place in the data"),
    "a step beyond all samples": (("batches", 2), 10**15, "place in the data"),
    "a history of the future": (("steps",), 3, "goes beyond step 3"),
    "an unknown setting": (("settings", "batch_size"), 0, "batch_size must be"),
    "huge layers": (
        ("parts", "model", "plan", "model", "settings", "modules", 0, "settings", "in_features"),
        10**9,
        "larger",
    ),
}


@pytest.mark.parametrize("what", HEADS)
def test_a_head_with_something_wrong(what, entries, tmp_path):
    place, value, words = HEADS[what]
    refused(write(tmp_path / "run.npz", changed(entries[0], place, value), entries[1]), words)


def test_arrays_with_something_wrong(entries, tmp_path):
    head, arrays = entries
    path = tmp_path / "run.npz"
    weight = next(name for name in arrays if name.startswith("model/"))
    refused(write(path, head, {**arrays, weight: np.array([Trap()], object)}), "allow_pickle=False")
    refused(write(path, head, arrays, raw={"more.npy": pickle.dumps(Trap())}), "")
    refused(write(path, head, {**arrays, weight: arrays[weight].astype(np.float64)}), "not those that it says")
    refused(write(path, head, {name: array for name, array in arrays.items() if name != weight}), "not those")
    state = next(name for name in arrays if name.startswith("optimizer0/"))
    refused(write(path, head, {**arrays, state: np.zeros(9)}), r"has shape \(9,\)")
    refused(write(path, head, {**arrays, "bomb": np.zeros(10**7)}, zipfile.ZIP_DEFLATED), "it is compressed")
    for shape in ((10**15,), (2**31, 2**31, 4), (10**9, 0, 10**9)):
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
        good = {name: array for name, array in arrays.items() if name != weight}
        refused(write(path, head, good, raw={weight + ".npy": header.getvalue()}), "")
    refused(write(path, b"[" * 10**5, arrays), "recursion")
    refused(write(path, b"\xff\xfe", arrays), "")


def test_files_cut_short_and_with_a_byte_flipped(entries, tmp_path):
    path = write(tmp_path / "run.npz", *entries)
    good, whole = nb.Trainer.load(path, data=SPIRALS), path.read_bytes()
    for end in range(0, len(whole), len(whole) // 40):
        path.write_bytes(whole[:end])
        refused(path, "damaged")
    for place in range(0, len(whole), len(whole) // 150):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            other = nb.Trainer.load(path, data=SPIRALS)
        except ValueError as error:
            assert "damaged" in str(error)
        else:  # a byte that says nothing, such as a date
            assert_same(good, other)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY", pickle.dumps(Trap()), b"\x00" * 1000])
def test_files_of_another_kind(content, tmp_path):
    (tmp_path / "run.npz").write_bytes(content)
    refused(tmp_path / "run.npz", "damaged, or not a run that trainer.save wrote")


def test_a_model_for_a_run_and_a_run_for_a_model(tmp_path):
    t = trainer()
    nb.save(t.model, tmp_path / "run.npz")
    refused(tmp_path / "run.npz", r"it is a model, which nb\.load\(path\) reads")
    t.save(tmp_path / "run.npz")
    with pytest.raises(ValueError, match=r"it is a run, which nb\.Trainer\.load\(path\) reads"):
        nb.load(tmp_path / "run.npz")
    np.savez(tmp_path / "run.npz", **t.model.state_dict())
    refused(tmp_path / "run.npz", "there is no 'run' in it")


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    t = trainer()
    t.save(path)
    before = path.read_bytes()

    def broken(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(np.lib.format, "write_array", broken)
    with pytest.raises(OSError, match="disk full"):
        t.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


class Helped(nb.nn.Module):
    def __init__(self):
        self.inner = nb.nn.mlp([2, 4, 1], seed=0)

    def forward(self, x):
        self.count, self.last = self.helper(1), x.data[0]
        return self.inner(x)

    def helper(self, number):
        return number


def test_what_a_module_can_do_is_not_written_over(tmp_path):
    t = trainer(model=Helped())
    t.fit(steps=2, bar=False)
    t.save(tmp_path / "good.npz")
    with np.load(tmp_path / "good.npz", allow_pickle=False) as found:
        arrays = dict(found)
    head = json.loads(arrays.pop("run").tobytes())
    assert nb.Trainer.load(write(tmp_path / "run.npz", head, arrays), model=Helped(), data=SPIRALS).model.count == 1
    (module,) = (i for i, (name, *_) in enumerate(head["parts"]["model"]["modules"]) if not name)
    attributes = {**head["parts"]["model"]["modules"][module][2], "helper": 3}
    spoiled = changed(head, ("parts", "model", "modules", module, 2), attributes)
    refused(write(tmp_path / "run.npz", spoiled, arrays), "helper of Helped cannot be 3", model=Helped())
    refused(
        write(tmp_path / "run.npz", changed(head, ("own", 0), "helper"), arrays), "helper, an array", model=Helped()
    )
