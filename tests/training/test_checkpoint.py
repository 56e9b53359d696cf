"""A run in a file, pickled or copied: it goes on as if nothing had been, and no file does any harm."""

import copy
import io
import json
import multiprocessing
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import Phase, given, settings, strategies as st

import nbprop as nb
from nbprop import cells, nn

SPIRALS = nb.data.spirals(samples=60, seed=2)


def trainer(data=SPIRALS, optimizer="adam", model=None, **options):
    model = model or nb.nn.mlp([2, 6, 6, 1], dropout=0.2, seed=1)
    return nb.Trainer(model, data, optimizer=optimizer, lr=0.02, batch_size=16, seed=3, **options)


def state(t):
    """All that decides how a run goes on, and what is there of before."""
    run = t._run
    found = {f"model {name}": array for name, array in t.model.state_dict().items()}
    found |= {f"{part} {name}": v for part, o in run.optimizers.items() for name, v in o.state.items()}
    found |= {f"history {name}": values.copy() for name, values in t.history.state()[1].items()}
    found |= {
        "optimizers": [(type(o).__name__, o.settings(), o.t) for o in run.optimizers.values()],
        "generators": [g.bit_generator.state for g in [*t.model.generators(), run.rng]],
        "batches": run.batches.state(),
        "knobs": {n: v for n, v in run.settings.items() if n != "block"},
        "frozen": [name for name, p in t.model.named_parameters() if not p.requires_grad],
        "modes": [module.training for module in t.model.modules()],
        "settings": [(t.evaluate_every, t.probe_every, t.snapshot_every, t.speed, t.seed, t.steps, t._watching)],
        "evaluation": t.evaluation,
        "events": [(event.step, event.name, event.text) for event in t.history.events],
        "kinds": repr(t.model),
    }
    return found


def assert_same(a, b):
    a, b = (state(each) if isinstance(each, nb.Trainer) else each for each in (a, b))
    assert a.keys() == b.keys()
    for name in a:
        if isinstance(a[name], np.ndarray):
            np.testing.assert_array_equal(a[name], b[name], err_msg=name)
            assert a[name].dtype == b[name].dtype, name
        else:
            assert a[name] == b[name], name


def check(t, path, steps=25, **given):
    """Save, load, and go on with both: they must be the same at each point."""
    t.save(path)
    other = type(t).load(path, **given)
    assert_same(t, other)
    assert other.status == ("paused" if t.steps else "ready")
    for each in (t, other):
        each.fit(steps=steps, bar=False)
    assert_same(t, other)
    return other


# ---- it goes on ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", list(nb.optim.OPTIMIZERS))
def test_every_optimizer_goes_on(optimizer, tmp_path):
    t = trainer(optimizer=optimizer)
    t.fit(steps=33, bar=False)
    check(t, tmp_path / "run.npz", data=SPIRALS)


@pytest.mark.parametrize("steps", [0, 1, 100])
def test_from_any_step_with_the_data_of_a_name(steps, tmp_path):
    t = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), "xor", evaluate_every=7, probe_every=3, snapshot_every=10)
    t.watch(percentiles=True)
    t.speed = 40
    if steps:
        t.fit(steps=steps, bar=False)
    other = check(t, tmp_path / "run.npz")
    assert other.history["|dW|" if "|dW|" in other.history.columns else "loss"].size


TURNS = {
    "lr": st.sampled_from([0.001, 0.02, 0.3]),
    "depth": st.integers(0, 3),
    "width": st.integers(1, 7),
    "dropout": st.sampled_from([0.0, 0.3, 0.5]),
    "optimizer": st.sampled_from(list(nb.optim.OPTIMIZERS)),
    "batch_norm": st.booleans(),
    "batch_size": st.integers(1, 50),
    "activation": st.sampled_from(["relu", "tanh", "gelu"]),
    "drop_last": st.booleans(),
    "accumulate": st.integers(1, 3),
    "clip": st.sampled_from([None, 0.5]),
    "clip_value": st.sampled_from([None, 0.1]),
    "l1": st.sampled_from([0.0, 0.001]),
    "weight_decay": st.sampled_from([0.0, 0.01]),
    "loss": st.sampled_from(["bce", "mse", "hinge"]),
    "schedule": st.sampled_from(
        [None, nb.optim.StepLR(5), nb.optim.LinearLR(9) * nb.optim.CosineAnnealingLR(40, eta_min=0.1)]
    ),
    "freeze": st.integers(0, 3),
    "scale": st.sampled_from([0.5, 1.5]),
    "mode": st.booleans(),
}


def turn(t, name, value):
    if name == "freeze":
        t.set(frozen=tuple(t.layers[i].name for i in {0, value} if i < len(t.layers) - 1))
    elif name == "scale":
        t.scale(0, value)
    elif name == "mode":
        t.model.train(value or not t.steps)  # before the first step it is how the run begins
    else:
        t.set(**{name: value})


turns = st.lists(st.sampled_from(list(TURNS)).flatmap(lambda n: st.tuples(st.just(n), TURNS[n])), max_size=6)


@given(before=turns, after=turns, steps=st.integers(0, 9))
@settings(max_examples=30, deadline=None, phases=[Phase.generate, Phase.shrink], derandomize=True)
def test_random_turns_before_and_after(before, after, steps, tmp_path_factory):
    t = trainer(evaluate_every=5, snapshot_every=8)
    for name, value in before:
        turn(t, name, value)
        t.fit(steps=steps % 4, bar=False)
    path = tmp_path_factory.getbasetemp() / "run.npz"
    t.save(path)
    other = nb.Trainer.load(path, data=SPIRALS)
    assert_same(t, other)
    for name, value in after:
        for each in (t, other):
            turn(each, name, value)
            each.fit(steps=steps, bar=False)
    assert_same(t, other)


def test_the_way_back_begins_where_it_was_saved(tmp_path):
    t = trainer()
    t.fit(steps=40, bar=False)
    t.lr = 0.5
    other = check(t, tmp_path / "run.npz", steps=60, data=SPIRALS)
    with pytest.raises(ValueError, match="nothing to undo"):
        nb.Trainer.load(tmp_path / "run.npz", data=SPIRALS).undo()
    other.batch_size = 5
    other.fit(steps=60, bar=False)
    with pytest.raises(ValueError, match="step 39 is no longer there; the earliest one left is step 40"):
        other.rewind(39)
    for each in (other, t):
        each.rewind(90)
    assert_same(t, other)
    other.rewind(40)
    assert other.lr == 0.5
    assert [event.name for event in other.history.events] == []  # turned at that step: as it was before
    other.fit(steps=50, bar=False)
    np.testing.assert_array_equal(other.model.theta, t.model.theta)


def test_what_came_of_the_hidden_layers_is_kept(tmp_path):
    t = trainer()
    t.fit(steps=10, bar=False)
    t.set(activation="relu", dropout=0.4)
    t.depth = 0
    t.fit(steps=5, bar=False)
    t.save(tmp_path / "run.npz")
    other = nb.Trainer.load(tmp_path / "run.npz", data=SPIRALS)
    for each in (t, other):
        assert each.dropout == 0.4
        each.depth = 2
        each.fit(steps=5, bar=False)
    assert_same(t, other)


def test_reset_of_a_loaded_run(tmp_path):
    t = trainer(model=nn.Sequential(nn.Linear(2, 4, rng=0), nn.LayerNorm(4), nn.Tanh(), nn.Linear(4, 1, rng=1)))
    t.fit(steps=5, bar=False)
    t.save(tmp_path / "run.npz")
    other = nb.Trainer.load(tmp_path / "run.npz", data=SPIRALS)
    with pytest.raises(ValueError, match=r"loaded at step 5. Pass reset\(model"):
        other.reset()
    other.reset(model=nb.nn.mlp([2, 3, 1]))
    assert other.steps == 0


def test_quantities_of_ones_own_can_be_added_again(tmp_path):
    def norm(seen):
        return [np.linalg.norm(W) for W in seen.W]

    t = trainer()
    t.watch()
    t.record("weight norm", norm)
    t.fit(steps=20, bar=False)
    t.save(tmp_path / "run.npz")
    other = nb.Trainer.load(tmp_path / "run.npz", data=SPIRALS)
    other.record("weight norm", norm)
    for each in (t, other):
        each.fit(steps=20, bar=False)
    assert_same(t, other)


# ---- what is to be given ---------------------------------------------------------------------------------------------


class Mine(nn.Module):
    def __init__(self, width=5, act=None, p=0.3, stride=(1, 2)):
        self.layers = [nn.Linear(2, width, rng=0), act or nn.Tanh(), nn.Dropout(p, seed=4)]
        self.out, self.calls, self.temperature, self.stride = nn.Linear(width, 1, rng=1), 0, 1.0, stride
        self.noise = np.random.default_rng(9)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        x = self.norm(x)
        if self.training:
            x = x + self.noise.normal(size=x.shape).astype(np.float32) * 0.1
        return self.out(x) * self.temperature


def own_trainer(**options):
    t = trainer(model=Mine(), **options)
    t.model.temperature = 0.7
    t.model.norm.eval()
    t.model.out.bias.requires_grad = False
    t.fit(steps=12, bar=False)
    t.dropout = 0.6
    t.fit(steps=3, bar=False)
    return t


def test_a_model_of_ones_own(tmp_path):
    t = own_trainer()
    model = Mine()
    other = check(t, tmp_path / "run.npz", model=model, data=SPIRALS)
    assert other.model is model
    assert (model.temperature, model.layers[2].p, model.norm.training) == (0.7, 0.6, False)


MODELS = {
    "pass model=, made as it was": None,
    r"'layers.0' was a Linear and is .*|'layers.1' was a Tanh and is a ReLU": Mine(act=nn.ReLU()),
    r"'layers.0.weight' was of shape \(5, 2\).*is of shape \(7, 2\)": Mine(width=7),
    r"stride was \[1, 2\] and is \[2, 2\]": Mine(stride=(2, 2)),
    "the model was a Mine and is a Sequential|is missing": nb.nn.mlp([2, 5, 1]),
}


@pytest.mark.parametrize("words", MODELS)
def test_another_model_is_refused(words, tmp_path):
    path = tmp_path / "run.npz"
    own_trainer().save(path)
    model = MODELS[words]
    before = None if model is None else model.theta.copy()
    with pytest.raises(ValueError, match=rf"run\.npz.*({words})"):
        nb.Trainer.load(path, model, SPIRALS)
    if model is not None:
        np.testing.assert_array_equal(model.theta, before)


def test_a_model_whose_forward_is_another_is_refused(tmp_path):
    t = own_trainer()
    t.save(tmp_path / "run.npz")
    kind = type("Mine", (Mine,), {"forward": lambda self, x: self.out(self.layers[0](x)) * 3})
    with pytest.raises(ValueError, match="model and loss are not those of then"):
        nb.Trainer.load(tmp_path / "run.npz", kind(), SPIRALS)


def test_other_data_are_refused(tmp_path):
    path = tmp_path / "run.npz"
    t = trainer()
    t.save(path)
    with pytest.raises(ValueError, match=r"settings of their own: pass data=nb\.data\.spirals\(\.\.\.\)"):
        nb.Trainer.load(path)
    X, y = np.random.default_rng(0).normal(size=(50, 2)), np.arange(50) % 2
    for data, words in (
        (nb.data.spirals(samples=60, seed=3), "the numbers of 'spirals' are others"),
        ((X, y), r"X_train was \(\(44, 2\), 'float32'\), and is \(\(38, 2\)"),
    ):
        with pytest.raises(ValueError, match=f"not those it was trained on: {words}.*trainer.data"):
            nb.Trainer.load(path, data=data)
    other = trainer((X, y))
    other.save(path)
    with pytest.raises(ValueError, match="does not hold the data"):
        nb.Trainer.load(path)
    check(other, path, data=(X, y))


def my_loss(output, y):
    return ((output - y[..., None]) ** 2).mean()


def test_losses(tmp_path):
    path = tmp_path / "run.npz"
    t = trainer(loss=my_loss)
    t.fit(steps=5, bar=False)
    t.save(path)
    with pytest.raises(ValueError, match="loss was of your own, my_loss: pass loss="):
        nb.Trainer.load(path, data=SPIRALS)
    with pytest.raises(ValueError, match="the objective is another one: loss was"):
        nb.Trainer.load(path, data=SPIRALS, loss="mse")
    check(t, path, data=SPIRALS, loss=my_loss)
    X, y = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 3
    three = nb.data.from_arrays(X, y)
    t = nb.Trainer(nb.nn.mlp([2, 4, 3]), three, loss=nn.CrossEntropyLoss(label_smoothing=0.1))
    t.fit(steps=5, bar=False)
    other = check(t, path, data=three)
    assert other.loss.label_smoothing == 0.1
    with pytest.raises(ValueError, match="leave loss= out"):
        nb.Trainer.load(path, data=three, loss="cross_entropy")


def test_metrics_are_given_again(tmp_path):
    def off(said, y):
        return float(np.abs(said - y).mean())

    t = trainer(metrics={"off": off})
    t.save(tmp_path / "run.npz")
    with pytest.raises(ValueError, match="its metrics were off: pass metrics="):
        nb.Trainer.load(tmp_path / "run.npz", data=SPIRALS)
    check(t, tmp_path / "run.npz", data=SPIRALS, metrics={"off": off})


def test_schedules_that_are_functions(tmp_path):
    path = tmp_path / "run.npz"
    t = trainer(optimizer=nb.optim.SGD(schedule=lambda t: 1 / (1 + t)))
    t.fit(steps=7, bar=False)
    t.save(path)
    with pytest.raises(ValueError, match="schedule was a function of your own, <lambda>: pass schedule="):
        nb.Trainer.load(path, data=SPIRALS)
    with pytest.raises(ValueError, match=r"gives 0\.5 for update 7, and gave 0\.125"):
        nb.Trainer.load(path, data=SPIRALS, schedule=lambda t: 0.5)
    other = nb.Trainer.load(path, data=SPIRALS, schedule=lambda t: 1 / (1 + t))
    for each in (t, other):
        each.fit(steps=9, bar=False)
    np.testing.assert_array_equal(t.model.theta, other.model.theta)
    trainer().save(path)
    with pytest.raises(ValueError, match="there was no schedule: leave schedule= out"):
        nb.Trainer.load(path, data=SPIRALS, schedule=nb.optim.StepLR(3))


class Signs(nb.optim.Optimizer):
    checks = {"lr": nb.checks.number(0), "beta": nb.checks.number(0, 1)}

    def __init__(self, lr=0.01, beta=0.9, weight_decay=0.0, schedule=None):
        super().__init__(lr=lr, beta=beta, weight_decay=weight_decay, schedule=schedule)

    def rule(self, theta, gradient, lr):
        mean = self.vector("mean", theta)
        mean *= self.beta
        mean += gradient
        theta -= lr * np.sign(mean)


def test_an_optimizer_of_ones_own(tmp_path):
    path = tmp_path / "run.npz"
    t = trainer(optimizer=Signs(beta=0.5))
    t.fit(steps=7, bar=False)
    t.save(path)
    with pytest.raises(ValueError, match="your own class Signs: pass optimizer="):
        nb.Trainer.load(path, data=SPIRALS)
    with pytest.raises(ValueError, match="its optimizer was Signs, the one given is Adam"):
        nb.Trainer.load(path, data=SPIRALS, optimizer=nb.optim.Adam())
    other = check(t, path, data=SPIRALS, optimizer=Signs())
    assert other.optimizer.beta == 0.5


# ---- objectives ------------------------------------------------------------------------------------------------------


class Pair(nn.Module):
    def __init__(self):
        self.one, self.two = nn.Linear(2, 3, rng=0), nn.Linear(3, 2, rng=1)

    def forward(self, x):
        return self.two(self.one(nb.Tensor(x)).tanh())


def noisy(model, batch, rng):
    return ((model(batch + rng.normal(size=batch.shape).astype(np.float32)) - batch) ** 2).mean()


def plain(model, batch):
    return (model(batch) ** 2).mean()


def make(rng, batch_size):
    return rng.normal(size=(batch_size, 2)).astype(np.float32)


def objectives():
    X = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    return {
        "noise": nb.Objective(noisy, X, augment=lambda batch, rng: batch * rng.choice([-1, 1]).astype(np.float32)),
        "made batches": nb.Objective(noisy, batches=make),
        "a list": nb.Objective(plain, batches=[X[:9], X[9:13], X[13:]]),
        "parts": nb.Objective({"one": noisy, "two": noisy}, X),
    }


@pytest.mark.parametrize("which", list(objectives()))
def test_objectives_go_on(which, tmp_path):
    optimizer = {"one": "adam", "two": "momentum"} if which == "parts" else "adam"
    t = nb.Trainer(Pair(), objective=objectives()[which], optimizer=optimizer, seed=5)
    t.fit(steps=8, bar=False)
    path = tmp_path / "run.npz"
    t.save(path)
    with pytest.raises(ValueError, match=r"objective of its own \(Objective\): pass objective="):
        nb.Trainer.load(path, Pair())
    check(t, path, model=Pair(), objective=objectives()[which])
    for name, each in objectives().items():
        if name != which:
            with pytest.raises(ValueError, match=r"objective is another one|batches were given|not those it was"):
                nb.Trainer.load(path, Pair(), objective=each)


def test_batches_that_come_but_once_cannot_be_saved_or_copied(tmp_path):
    t = nb.Trainer(Pair(), objective=nb.Objective(plain, batches=iter([np.ones((3, 2), np.float32)] * 9)))
    t.step()
    with pytest.raises(ValueError, match="cannot be saved: its batches come from a list_iterator"):
        t.save(tmp_path / "run.npz")
    with pytest.raises(ValueError, match="cannot be copied"):
        copy.deepcopy(t)
    assert not list(tmp_path.iterdir())


# ---- files that nobody should trust ----------------------------------------------------------------------------------


class Executed(Exception):
    pass


class Trap:
    """Raises when it is unpickled."""

    def __reduce__(self):
        return (_spring, ())


def _spring():
    raise Executed


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
    "an older version": (("version",), 0, "version 0, and this nbprop reads version 1"),
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


# ---- pickle and copies -----------------------------------------------------------------------------------------------


def five(t):
    """What another process does."""
    t.fit(steps=5, bar=False)
    return t


def test_a_trainer_goes_through_a_process_pool():
    t = trainer()
    t.fit(steps=12, bar=False)
    t.depth = 3
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        back = pool.apply(five, (t,))
    five(t)
    assert_same(t, back)
    for step in (14, 12, 3):
        for each in (t, back):
            each.rewind(step)
        np.testing.assert_array_equal(t.model.theta, back.model.theta)
        for each in (t, back):
            each.fit(steps=20 - step, bar=False)
        assert_same(t, back)


@pytest.mark.parametrize("how", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))], ids=["deepcopy", "pickle"])
def test_a_copy_is_another_with_the_same_past(how):
    t = trainer(snapshot_every=5)
    t.on("step", lambda trainer: None)  # belongs to the original
    t.fit(steps=12, bar=False)
    t.set(depth=3, dropout=0.5)
    t.fit(steps=4, bar=False)
    t.lr = 0.3
    t.fit(steps=4, bar=False)
    before = state(t)
    other = how(t)
    assert_same(before, other)
    assert other.history._source() is other
    assert not other._hooks
    assert not {id(m) for m in t.model.modules()} & {id(m) for m in other.model.modules()}
    assert not np.shares_memory(t.model.theta, other.model.theta)
    assert other._lock is not t._lock
    other.undo()
    assert (other.lr, other.steps) == (0.02, 16)
    other.redo()
    assert_same(before, other)
    other.rewind(7)
    assert other.depth == 2
    assert_same(before, t)  # nothing of it has changed
    t.rewind(7)
    assert_same(t, other)
    for each in (t, other):
        each.undo()
        each.optimizer.lr = 0.01
        each.fit(steps=5, bar=False)
    assert_same(t, other)


@pytest.mark.parametrize("how", [copy.deepcopy, lambda h: pickle.loads(pickle.dumps(h)), nb.record.History.copy])
def test_a_history_survives(how):
    t = trainer()
    t.fit(steps=9, bar=False)
    other = how(t.history)
    np.testing.assert_array_equal(other["loss"], t.history["loss"])
    t.fit(steps=9, bar=False)
    assert len(other["loss"]) == 9
    with pytest.raises(ValueError, match="is a copy"):
        other.plot()


def test_a_model_and_its_trainer_copied_together_stay_together():
    t = trainer()
    model, other = copy.deepcopy((t.model, t))
    assert other.model is model


def test_what_pickle_cannot_name_is_said():
    t = trainer(loss=lambda output, y: ((output - y[..., None]) ** 2).mean())
    with pytest.raises((pickle.PicklingError, AttributeError), match="<lambda>"):
        pickle.dumps(t)
    copy.deepcopy(t).fit(steps=2, bar=False)


# ---- branches belong to their cell -----------------------------------------------------------------------------------


def test_branches_and_copies_are_claimed_by_their_cell(monkeypatch):
    t, execution = trainer(), [1]
    monkeypatch.setattr(cells, "_MADE", {})
    monkeypatch.setattr(cells, "_cell", lambda: ("cell", execution[0]))
    paused = []
    monkeypatch.setattr(nb.Trainer, "replaced", lambda self: paused.append(self))
    made = [t.branch(lr=0.5), copy.deepcopy(t), t.at(0)]
    assert paused == []
    execution[0] = 2
    again = t.branch(lr=0.5)
    assert {id(each) for each in paused} >= {id(each) for each in made}
    assert again not in paused
    assert t not in paused


def test_a_cell_that_branches_and_plays_leaves_one_run_playing(monkeypatch):
    import asyncio

    monkeypatch.setattr(cells, "_MADE", {})

    async def notebook():
        t, made = trainer(), []
        for execution in (1, 2, 3):
            monkeypatch.setattr(cells, "_cell", lambda execution=execution: ("cell", execution))
            made.append(t.branch(lr=0.1))
            made[-1].play(unseen=True)
            await asyncio.sleep(0.05)
        playing = [each.playing for each in made]
        for each in made:
            each.pause()
        await asyncio.sleep(0)
        return playing

    assert asyncio.run(notebook()) == [False, False, True]
