"""A history in a file of its own, as CSV and as a DataFrame."""

import builtins
import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest

import nbprop as nb
from nbprop import saving
from nbprop.record import Event


@pytest.fixture(scope="module")
def trainer():
    t = nb.Trainer(nb.nn.mlp([2, 8, 6, 1], seed=1), "moons", seed=3, probe_every=1)
    t.watch(percentiles=True)
    t.record("weight norm", lambda seen: [np.linalg.norm(W) for W in seen.W])
    t.record('../a/b, \0 "ü".npy', lambda seen: seen.loss)
    t.fit(steps=30, bar=False)
    t.set(lr=0.5, optimizer=nb.optim.SGD(lr=0.1))
    t.fit(steps=11, bar=False)
    return t


@pytest.fixture
def saved(trainer, tmp_path):
    trainer.history.save(tmp_path / "history.npz")
    return tmp_path / "history.npz"


def same(one, two):
    assert one.capacity == two.capacity and list(one.columns) == list(two.columns)
    for name, column in one.columns.items():
        other = two.columns[name]
        assert column.state() == other.state() and column.values.dtype == other.values.dtype
        np.testing.assert_array_equal(column.steps, other.steps)
        np.testing.assert_array_equal(column.values, other.values)
    assert [(e.step, e.name, e.text) for e in one.events] == [(e.step, e.name, e.text) for e in two.events]


# ---- files -----------------------------------------------------------------------------------------------------------


def test_it_goes_through_a_file(trainer, saved):
    found = nb.History.load(saved)
    same(trainer.history, found)
    assert found.to_csv() == trainer.history.to_csv()
    found.save(saved)  # and again
    same(trainer.history, nb.History.load(saved))
    with np.load(saved, allow_pickle=False) as arrays:
        assert arrays["values0"].dtype == np.float64


def test_an_empty_one_too(tmp_path):
    nb.History().save(tmp_path / "empty")
    found = nb.History.load(tmp_path / "empty")
    assert found.columns == {} and found.events == []
    assert found.to_csv() == "step\n" and found.to_dataframe().empty


def test_another_file_is_named(trainer, tmp_path, saved):
    trainer.save(tmp_path / "run")
    nb.save(trainer.model, tmp_path / "model")
    (tmp_path / "text").write_text("hello")
    for name, words in [("run", "it is a run"), ("model", "it is a model"), ("text", "damaged")]:
        with pytest.raises(ValueError, match=words):
            nb.History.load(tmp_path / name)
    with pytest.raises(ValueError, match=r"it is a history, which nb\.History\.load"):
        nb.Trainer.load(saved)
    with pytest.raises(FileNotFoundError):
        nb.History.load(tmp_path / "nothing")


def test_a_file_that_is_cut_or_changed_is_a_value_error_or_whole(saved, tmp_path):
    content, rng = saved.read_bytes(), np.random.default_rng(0)
    for at in rng.integers(len(content), size=100):
        (tmp_path / "cut").write_bytes(content[:at])
        with pytest.raises(ValueError, match="damaged, or not a history"):
            nb.History.load(tmp_path / "cut")
        changed = bytearray(content)
        changed[at] ^= 1 << rng.integers(8)
        (tmp_path / "changed").write_bytes(changed)
        try:
            nb.History.load(tmp_path / "changed")
        except ValueError as error:
            assert "damaged, or not a history" in str(error)


def head_of(path):
    """(what JSON has, arrays) of a file."""
    with open(path, "rb") as file:
        return saving.read(file, "history")


def test_one_of_a_newer_version(saved):
    head, arrays = head_of(saved)
    content = json.dumps({**head, "format": "nbprop history", "version": 2}).encode()
    np.savez(saved, history=np.frombuffer(content, np.uint8), **arrays)
    with pytest.raises(ValueError, match="newer nbprop"):
        nb.History.load(saved)


HARM = {
    "no columns": lambda head, arrays: head.pop("columns"),
    "no layers": lambda head, arrays: head.pop("layers"),
    "a column more": lambda head, arrays: head["columns"].update(more=head["columns"]["loss"]),
    "an array more": lambda head, arrays: arrays.update(more=np.zeros(3)),
    "columns as a list": lambda head, arrays: head.update(columns=[]),
    "capacity": lambda head, arrays: head.update(capacity="4096"),
    "no capacity": lambda head, arrays: head["columns"]["loss"].update(capacity=0),
    "interval": lambda head, arrays: head["columns"]["loss"].update(interval=0),
    "scalar": lambda head, arrays: head["columns"]["loss"].update(scalar="<script>"),
    "texts": lambda head, arrays: arrays.update(values0=np.array(["1"] * len(arrays["values0"]))),
    "complex": lambda head, arrays: arrays.update(values0=arrays["values0"] * 1j),
    "steps below 0": lambda head, arrays: arrays.update(steps0=arrays["steps0"] - 5),
    "steps of floats": lambda head, arrays: arrays.update(steps0=arrays["steps0"] / 2),
    "fewer": lambda head, arrays: arrays.update(values0=arrays["values0"][:-1]),
    "an event without a step": lambda head, arrays: head["events"][0].pop("step"),
    "an event at -1": lambda head, arrays: head["events"][0].update(step=-1),
    "an event of another kind": lambda head, arrays: head["events"].append([1, "lr"]),
    "words": lambda head, arrays: head["events"][0].update(text={"html": "<script>"}),
    "a number in an event": lambda head, arrays: head["events"][0].update(old={"float": "many"}),
    "layers": lambda head, arrays: head.update(layers=[1, 2, 3]),
}


@pytest.mark.parametrize("harm", HARM)
def test_one_that_somebody_has_made_is_a_value_error(harm, saved):
    head, arrays = head_of(saved)
    HARM[harm](head, arrays)
    saving.write(saved, "history", head, arrays)
    with pytest.raises(ValueError, match="damaged, or not a history that"):
        nb.History.load(saved)


def test_nothing_is_unpickled(saved):
    with zipfile.ZipFile(saved, "a") as archive, archive.open("bad.npy", "w") as entry:
        np.lib.format.write_array(entry, np.array([print], object), allow_pickle=True)
    with pytest.raises(ValueError, match="damaged"):
        nb.History.load(saved)


# ---- tables ----------------------------------------------------------------------------------------------------------


def test_a_row_for_each_step_and_a_column_for_each_layer(trainer):
    table, history = trainer.history.to_dataframe(), trainer.history
    assert table.index.name == "step" and table.index.tolist() == list(range(42))
    np.testing.assert_array_equal(table["loss"].dropna(), history["loss"])
    assert [name for name in table if name.startswith("dW")] == ["dW[hidden 1]", "dW[hidden 2]", "dW[output]"]
    steps, values = history.series("dW")
    np.testing.assert_array_equal(table.loc[steps, "dW[hidden 2]"], values[:, 1])
    assert table["train_loss"].dropna().index.tolist() == [0, 20, 40]
    assert np.isnan(table.loc[0, "loss"]) and table["dW[output]"].dtype == np.float32


def test_events_are_a_table_too(trainer):
    table = trainer.history.to_dataframe(events=True)
    assert list(table) == ["step", "name", "old", "new", "text"]
    assert table.step.tolist() == [30, 30] and table.name.tolist() == ["optimizer", "lr"]
    assert table.loc[0, "new"] == "sgd" and table.loc[1, "text"] == "lr 0.1 → 0.5"
    text = trainer.history.to_csv(events=True)
    assert text.splitlines()[0] == "step,name,old,new,text"
    assert pd.read_csv(io.StringIO(text)).shape == table.shape


def test_csv_has_the_same_numbers(trainer, tmp_path):
    assert trainer.history.to_csv(tmp_path / "run.csv") is None
    text = (tmp_path / "run.csv").read_text(encoding="utf-8")
    assert text == trainer.history.to_csv()
    table, read = trainer.history.to_dataframe(), pd.read_csv(tmp_path / "run.csv", index_col="step")
    assert list(read) == list(table)
    for name in table:
        np.testing.assert_array_equal(read[name].to_numpy(table[name].dtype), table[name])


def test_layers_have_numbers_where_they_were_not_always_the_same():
    t = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=1), "moons", probe_every=1)
    t.watch()
    t.fit(steps=3, bar=False)
    t.depth = 2
    t.fit(steps=3, bar=False)
    table = t.history.to_dataframe()
    assert [name for name in table if name.startswith("dz")] == ["dz[0]", "dz[1]", "dz[2]"]
    assert np.isnan(table["dz[2]"][:4]).all() and np.isfinite(table["dz[2]"][4:]).all()


def test_names_that_meet_are_told_apart():
    t = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=1), "moons", probe_every=1)
    t.watch()
    t.record("step", lambda seen: seen.loss)
    t.record("dz[output]", lambda seen: 1.0)
    t.fit(steps=3, bar=False)
    table = t.history.to_dataframe()
    assert {"step'", "dz[output]", "dz[output]'"} <= {*table} and len({*table}) == len(table.columns)
    assert t.history.to_csv().startswith("step,")


def test_a_history_of_something_else_than_training(tmp_path):
    descent = nb.Descent()
    descent.step(5)
    descent.history.save(tmp_path / "descent")
    assert nb.History.load(tmp_path / "descent").to_csv() == descent.history.to_csv()


def test_without_pandas_it_says_what_to_install(trainer, monkeypatch):
    found = builtins.__import__

    def none(name, *rest):
        if name == "pandas":
            raise ImportError("No module named 'pandas'")
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", none)
    with pytest.raises(ImportError, match="try pip install pandas, or to_csv"):
        trainer.history.to_dataframe()


def test_values_of_an_event_in_a_table():
    history = nb.History()
    history.events += [Event(1, "hidden", (8, 8), (8, 4)), Event(2, "x", None, nb.nn.Tanh(), "words, and more")]
    assert history.to_csv(events=True) == (
        'step,name,old,new,text\n1,hidden,8 8,8 4,hidden 2×8 → 8-4\n2,x,,tanh,"words, and more"\n'
    )
