"""Each rule finds what it is for, and not what is near it; healthy runs get nothing. All of it: the benchmark,
tests/benchmarks/doctor.py."""

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from doctor import AT, examine, healthy_playgrounds, score, table, total
from patients import DATA, PATIENTS, Kind, Patient, clouds, recurrent, sequences

import nbprop as nb
from nbprop.diagnosis.rule import kind_in
from nbprop.diagnosis.rules.exploding import steadily
from nbprop.nn import init

ROOT = Path(__file__).parents[2]
RULES = nb.diagnosis.known_rules()
SICK = {name: patient for name, patient in PATIENTS.items() if patient.ought}
FIRST = {patient.ought[0]: name for name, patient in reversed(SICK.items())}  # rule -> the first patient for it
HEALTHY = [
    "relu adam", "plain descent", "wave adam", "digits convolution", "batch norm", "deep residual", "lstm",
    "transformer", "small language model", "a loss of ones own", "frozen first layer", "an autoencoder",
    "clouds that overlap", "young",
]  # fmt: skip


def test_the_benchmark_has_patients_for_every_rule_and_as_many_healthy_ones():
    assert FIRST.keys() == RULES.keys()
    assert len(PATIENTS) >= 60 and 0.4 < len(SICK) / len(PATIENTS) <= 0.5
    assert {rule for patient in PATIENTS.values() for rule in patient.ought + patient.may} <= RULES.keys()


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_finds_what_it_is_for(rule):
    patient = PATIENTS[FIRST[rule]]
    found, diagnosis = examine(patient)
    assert rule in found and set(found) <= {*patient.ought, *patient.may}, str(diagnosis)
    finding = diagnosis[rule]
    assert finding.words.endswith((".", "?")) and finding.evidence and finding.remedies
    assert finding.severity in nb.diagnosis.SEVERITIES and len(finding.text().splitlines()) >= 5
    if finding.picture is not None:
        assert finding.picture.values.ndim == 1 and len(finding.picture.values) <= 200


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_gets_nothing_but_hints(name):
    found, diagnosis = examine(PATIENTS[name])
    assert set(found) <= set(PATIENTS[name].may) and all(each.severity == "hint" for each in diagnosis), str(diagnosis)


def test_a_part_of_another_suite():
    """With other seeds, sizes, data and noise."""
    names = ["deep sigmoid", "dead after a large step", "adam much too fast", "adam much too slow", "sigmoid twice",
             "every fifth label wrong", "clouds by heart", "decayed to nothing", "detached", "adamw", "gru",
             "iris descent", "leaky nesterov", "a straight line is enough", "scaled measurements"]  # fmt: skip
    counts = score({name: examine(PATIENTS[name], 1)[0] for name in names}, PATIENTS)
    precision, recall = total(counts)
    assert precision >= 0.9 and recall >= 0.9, table(counts)


@pytest.mark.parametrize("data", DATA)
def test_the_playground_as_it_opens_gets_no_warning(data):
    assert healthy_playgrounds([data], AT[:3]) == []


# ---- near misses: the same with less of it ---------------------------------------------------------------------------


def mlp(data, hidden=(16, 16), activation="tanh", weights="xavier", seed=0, **more):
    sizes = [int(np.prod(data.input_shape)), *hidden, data.outputs]
    return nb.nn.mlp(sizes, activation=activation, init=weights, seed=seed, **more)


def on(data, *, steps=200, model=None, **settings):
    made = nb.data.dataset(data, seed=0) if isinstance(data, str) else data
    network = {key: settings.pop(key) for key in ("hidden", "activation", "weights") if key in settings}
    trainer = nb.Trainer(mlp(made, **network) if model is None else model, made, seed=0, **settings)
    trainer.watch()
    trainer.fit(steps=steps, bar=False)
    return trainer


def with_biases(value):
    model = mlp(nb.data.moons(seed=0), activation="relu", weights="he")
    model[0].bias.data[...] = value
    return model


def with_batch_norm(batch):
    trainer = nb.Trainer(mlp(nb.data.moons(seed=0)), "moons", batch_size=batch, seed=0)
    trainer.set(batch_norm=True)
    trainer.fit(steps=100, bar=False)
    return trainer


def ending_in(activation, loss, data="moons"):
    made = nb.data.dataset(data, seed=0)
    model = mlp(made)
    model.append(nb.nn.activation(activation))
    return on(made, model=model, loss=loss)


def frozen():
    trainer = on("moons", steps=20)
    trainer.freeze("hidden 1")
    trainer.fit(steps=50, bar=False)
    return trainer


def times(factor):
    data = nb.data.moons(seed=0)
    return nb.data.from_arrays(data.X_train * factor, data.y_train, data.X_val * factor, data.y_val, name="scaled")


NEAR = {
    "vanishing": lambda: on("circles", hidden=[8] * 3, activation="sigmoid"),
    "exploding": lambda: on("circles", hidden=[16] * 6, activation="relu", weights="he"),
    "saturated": lambda: on("spirals", weights=init.normal(std=1.0)),
    "dead": lambda: on("moons", model=with_biases(-0.3), steps=5),
    "update_ratio": lambda: on("spirals", lr=0.003),
    "lr_too_high": lambda: on("moons", lr=0.05),
    "lr_too_low": lambda: on("moons", lr=3e-4),
    "symmetric": lambda: on("moons", weights=init.normal(std=1e-3), steps=1),
    "unscaled": lambda: on(times(5.0)),
    "wrong_loss": lambda: ending_in("tanh", "mse", "surface"),
    "first_loss": lambda: on("digits", weights=init.xavier(gain=1.5), steps=20),
    "overfitting": lambda: on("moons", hidden=[64, 64], steps=600, lr=0.003),
    "underfitting": lambda: on("gaussians", hidden=[], steps=600, lr=0.02),
    "imbalance": lambda: on(clouds(Kind(0), (0.8, 0.2)), lr=0.003),
    "noisy_labels": lambda: on(clouds(Kind(0), apart=1.5), lr=0.003),
    "plateau": lambda: on("wave", steps=900, lr=0.01),
    "small_batch": lambda: on("gaussians", batch_size=4, lr=0.003, steps=400),
    "clipping": lambda: on("moons", clip=5.0, steps=150),
    "weight_decay": lambda: on("moons", optimizer=nb.optim.Adam(lr=0.01, weight_decay=1e-3), steps=300),
    "tiny_batch_norm": lambda: with_batch_norm(8),
    "unreached": frozen,
    "vanishing_in_time": lambda: PATIENTS["rnn that need not remember"].run(),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_silent_on_what_is_only_near(rule):
    diagnosis = nb.diagnose(NEAR[rule]())
    assert rule not in diagnosis, diagnosis[rule].text()
    assert not diagnosis.skipped.get(rule, "").startswith("failed")


def test_exploding_through_time_is_found_by_the_recurrent_layer():
    model = recurrent(Kind(0), nb.nn.RNN, recurrent_init=init.orthogonal(gain=3.0))
    finding = nb.diagnose(on(sequences(Kind(0), 50), model=model, optimizer="sgd", lr=1e-9, steps=3))["exploding"]
    assert "through time" in finding.words and finding.layers == ("hidden 1",)
    assert any("lip" in remedy.words for remedy in finding.remedies)


def test_a_time_step_of_a_large_loss_is_no_explosion():
    """Where there is a target at every time step, and the first letters cannot be known."""
    assert steadily(np.geomspace(1000, 1, 9)) == pytest.approx(1000)
    assert steadily(np.array([300, 200, 1, 1.1, 1, 0.9, 1.0])) < 2
    assert steadily(np.zeros(5)) == 1 and steadily(np.ones(1)) == 1
    assert "exploding" not in examine(PATIENTS["letters and a gru"])[0]


def test_a_recurrent_network_that_keeps_its_length_does_not_explode():
    model = recurrent(Kind(0), nb.nn.LSTM)
    assert "exploding" not in nb.diagnose(on(sequences(Kind(0), 50), model=model, steps=30, lr=0.005))


def test_what_vanishes_through_time_is_said_with_what_helps_since_when_and_a_picture():
    trainer = PATIENTS["recurrent too small"].make(Kind(0))
    trainer.watch(lags=True)
    trainer.fit(steps=150, bar=False)
    finding = nb.diagnose(trainer)["vanishing_in_time"]
    norms = np.asarray(trainer.history["dh"][-1], np.float64)[::-1]
    assert finding.severity == "alarm" and finding.layers == ("hidden 1",)
    assert finding.evidence[0].value == pytest.approx(norms[0] / norms[-1], rel=1e-3)
    assert finding.since == trainer.history.series("dh")[0][0] and "39 steps before the end" in finding.words
    np.testing.assert_allclose(finding.picture.values, norms[::-1], rtol=1e-4)
    first, *others = finding.remedies
    assert not first.cannot(trainer) and "orthogonal" in first.words and "GRU" in others[0].words
    first.apply(trainer)
    trainer.fit(steps=150, bar=False)
    assert "vanishing_in_time" not in nb.diagnose(trainer)
    now = np.asarray(trainer.history["dh"][-1], np.float64)[::-1]
    assert now[0] / now[-1] > 100 * norms[0] / norms[-1]


def test_before_it_has_had_the_time_and_in_short_sequences_nothing_vanishes():
    trainer = PATIENTS["recurrent too small"].make(Kind(0))
    trainer.fit(steps=90, bar=False)
    assert "vanishing_in_time" not in nb.diagnose(trainer)
    trainer = nb.Trainer(recurrent(Kind(0), nb.nn.RNN), sequences(Kind(0), 6), seed=0)
    trainer.fit(steps=120, bar=False)
    assert "went back 5 time steps" in nb.diagnose(trainer).skipped["vanishing_in_time"]


# ---- what every rule must have ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_says_why_and_where_that_is_taught(rule):
    assert rule.why.count(".") >= 1 and rule.title and rule.number
    path, section = rule.lesson.notebook, rule.lesson.section
    cells = json.loads((ROOT / "notebooks" / path).read_text())["cells"]
    heads = [
        line.lstrip("# ") for cell in cells for line in "".join(cell["source"]).splitlines() if line.startswith("#")
    ]
    assert section in heads, f"{path} has {heads}"
    assert set(rule.after) <= RULES.keys()


def test_a_file_that_is_no_whole_rule_is_refused():
    class Half(nb.diagnosis.Rule):
        name = "half"

    module = ModuleType(__name__)
    module.Half = Half
    with pytest.raises(TypeError, match=r"half\.py: Half has no title"):
        kind_in(module, "half")
    with pytest.raises(TypeError, match=r"other\.py: expected one Rule in it with name = 'other', got 0"):
        kind_in(module, "other")


def test_the_benchmark_counts_what_is_wrong_and_what_is_missed():
    patients = {"a": Patient("a", None, ought=("dead",), may=("plateau",)), "b": Patient("b", None)}
    counts = score({"a": ("dead", "plateau", "vanishing"), "b": ("dead",)}, patients)
    assert counts["dead"] == {"right": 1, "wrong": 1} and counts["vanishing"] == {"wrong": 1}
    assert total(counts) == (1 / 3, 1.0)
    assert total(score({"a": (), "b": ()}, patients)) == (1.0, 0.0)


def test_a_number_that_was_set_in_code_is_not_put_down_to_the_learning_rate():
    trainer = nb.Trainer(nb.nn.mlp([2, 8, 8, 1], seed=0), "spirals", seed=0)
    trainer.fit(steps=50, bar=False)
    with nb.no_grad():
        trainer.model.theta[5] = np.nan
    with pytest.raises(nb.Diverged):
        trainer.fit(steps=1, bar=False)
    diagnosis = nb.diagnose(trainer)
    (finding,) = diagnosis.findings
    assert (
        "is NaN before it begins" in finding.words and "undo" in finding.words and trainer.error.quantity == "weights"
    )
    assert "learning rate" not in str(finding.evidence[0]) and "2/λ" not in finding.why
    finding.remedies[0].apply(trainer)
    assert trainer.error is None and not nb.diagnose(trainer)


def test_what_follows_from_steps_that_are_far_too_long_is_not_named_before_them():
    trainer = nb.Trainer(nb.nn.mlp([2, 8, 8, 1], seed=0), "spirals", seed=0, optimizer="sgd", lr=1e6)
    trainer.watch()
    trainer.fit(steps=300, bar=False)
    diagnosis = nb.diagnose(trainer)
    assert diagnosis[0].rule == "lr_too_high" and "saturated" in diagnosis.skipped


def test_a_playground_can_be_asked_and_what_is_no_finding_is_refused():
    playground = nb.Playground(hidden=[4])
    assert not nb.diagnose(playground)
    playground.close()
    for wrong in (None, nb.diagnosis.Remedy("x")):
        with pytest.raises(TypeError, match="finding"):
            nb.diagnosis.Treatment(wrong, playground.trainer)
