"""What `nb.diagnose` gives, of whatever can be watched; and that looking changes nothing."""

import threading
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import Phase, given, settings, strategies as st
from patients import PATIENTS, sigmoids

import nbprop as nb
from nbprop.diagnosis import Evidence, Finding, Picture, Remedy, Seen, known_rules
from nbprop.diagnosis.diagnosis import UNKNOWN
from nbprop.diagnosis.finding import listed, said
from nbprop.diagnosis.rule import since
from nbprop.record.source import CannotSay


@pytest.fixture(scope="module")
def sick():
    return sigmoids()


def test_a_diagnosis_is_a_sequence_a_text_and_a_table(sick):
    diagnosis = nb.diagnose(sick)
    (finding,) = diagnosis
    assert len(diagnosis) == 1 and diagnosis[0] is finding is diagnosis["vanishing"] and "vanishing" in diagnosis
    assert diagnosis and repr(diagnosis) == "Diagnosis(step 200: vanishing (alarm))"
    for words in ("Step 200:", "ALARM: The gradient vanishes", "dL/dz₁ = W₂ᵀ", "Lesson 5", "try: Use ReLU"):
        assert words in str(diagnosis)
    (row,) = diagnosis.table()
    assert row["rule"] == "vanishing" and row["number"] == finding.evidence[0].value < 1e-4
    assert list(diagnosis.to_dataframe()["rule"]) == ["vanishing"]
    with pytest.raises(KeyError, match="no finding of 'dead'; there are vanishing"):
        diagnosis["dead"]


def test_the_evidence_is_what_was_recorded(sick):
    finding = nb.diagnose(sick)["vanishing"]
    dz = np.median(sick.history["dz"][-20:], axis=0)
    assert finding.evidence[0].value == pytest.approx(dz[0] / dz[-1], rel=1e-6)
    np.testing.assert_allclose(finding.picture.values, dz, rtol=1e-6)
    assert finding.picture.labels == tuple(layer.name for layer in sick.layers)
    assert finding.layers[0] == "hidden 1" and "output" not in finding.layers
    assert finding.since == sick.history.series("dz")[0][0]


def test_a_healthy_run_has_none():
    trainer = nb.Trainer(nb.nn.mlp([2, 8, 1], seed=0), "moons", lr=0.01, seed=0)
    trainer.fit(steps=200, bar=False)
    diagnosis = nb.diagnose(trainer)
    assert not diagnosis and str(diagnosis) == "Step 200: nothing wrong was found." and diagnosis.table() == []


def test_worst_comes_first():
    diagnosis = nb.diagnose(PATIENTS["one feature in thousands"].run())
    ranks = [nb.diagnosis.SEVERITIES.index(each.severity) for each in diagnosis]
    assert len(ranks) > 1 and ranks == sorted(ranks)


def test_what_was_not_measured_is_skipped_in_words():
    diagnosis = nb.diagnose(nb.Trainer(nb.nn.mlp([2, 8, 8, 1], seed=0), "moons", seed=0))
    assert not diagnosis
    assert "not measured yet: make a step" in diagnosis.skipped["vanishing"]
    unwatched = nb.diagnose(sigmoids(watched=False))
    assert "vanishing" in unwatched  # of the last step alone
    assert "trainer.watch()" in unwatched.skipped["update_ratio"] or "vanishing" in unwatched.skipped["update_ratio"]


def test_a_moment_of_the_past_is_diagnosed_as_it_was_then(sick):
    trainer = sigmoids()
    trainer.set(activation="relu")
    trainer.fit(steps=300, bar=False)
    assert "vanishing" not in nb.diagnose(trainer)
    then = nb.diagnose(trainer.at(200))
    assert then.step == 200 and then["vanishing"].words == nb.diagnose(sick)["vanishing"].words
    assert "is only looked at" in then[0].remedies[0].cannot(trainer.at(200))
    with pytest.raises(ValueError, match="only looked at"):
        then[0].remedies[0].apply(trainer.at(200))


def test_what_is_no_source_is_refused():
    with pytest.raises(TypeError, match=r"diagnose takes a source such as a Trainer.*this Walk has no history"):
        nb.diagnose(nb.sources.Walk(nb.Tensor(2.0) * 3.0))
    descent = nb.Descent("bowl")
    descent.step(30)
    assert not nb.diagnose(descent)
    with pytest.raises(TypeError, match="this int has no steps"):
        nb.diagnose(3)


class Loop:
    """A loop of one's own: it counts, and has a history."""

    status, message, version = "ready", "", 0

    def __init__(self, losses):
        self.history, self.steps = nb.History(), len(losses)
        for i, loss in enumerate(losses):
            self.history.add("loss", i + 1, loss)


def test_a_loop_of_ones_own_is_told_what_its_history_tells():
    diagnosis = nb.diagnose(Loop([1.0, 5.0, float("inf")]))
    assert [each.rule for each in diagnosis] == ["lr_too_high"] and diagnosis[0].severity == "alarm"
    assert diagnosis.skipped["vanishing"] == "nothing is known here of the layers and the numbers of a layer"
    assert not nb.diagnose(Loop([1.0, 0.9, 0.8]))
    assert not nb.diagnose(Loop([]))
    assert "cannot be turned" in Remedy("x", {"lr": 0.1}).cannot(Loop([1.0]))


LOOKED_AT = ["batch norm", "digits dropout", "gru", "small language model", "softmax twice", "dead from a large bias"]


# ---- only looking ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOOKED_AT)
def test_a_run_that_is_looked_at_makes_the_same_steps(name):
    def run(looked):
        trainer = PATIENTS[name].run()
        for _ in range(6):
            trainer.fit(steps=5, bar=False)
            if looked:
                nb.diagnose(trainer, thorough=True)
        return trainer

    alone, seen = run(False), run(True)
    np.testing.assert_array_equal(alone.theta, seen.theta)
    np.testing.assert_array_equal(alone.history["loss"], seen.history["loss"])
    assert len(seen.history.events) == len(alone.history.events) and seen.undoable == alone.undoable


def test_it_may_be_asked_from_another_thread_while_it_trains():
    trainer, alone = (nb.Trainer(nb.nn.mlp([2, 8, 8, 8, 1], seed=0), "spirals", seed=0) for _ in range(2))
    found, errors = [], []

    def look():
        try:
            while len(found) < 10:
                found.append(nb.diagnose(trainer))
        except Exception as error:
            errors.append(error)

    for each in (trainer, alone):
        each.watch()
    thread = threading.Thread(target=look)
    thread.start()
    while thread.is_alive():
        trainer.fit(steps=50, bar=False)
    thread.join()
    alone.fit(steps=trainer.steps, bar=False)
    assert not errors and len(found) == 10
    assert not any(why.startswith("failed") for each in found for why in each.skipped.values())
    np.testing.assert_array_equal(alone.theta, trainer.theta)


def test_a_rule_that_stumbles_is_told_and_the_others_go_on(sick, monkeypatch):
    def stumble(seen):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(known_rules()["imbalance"], "find", stumble)
    diagnosis = nb.diagnose(sick)
    assert "vanishing" in diagnosis and diagnosis.skipped["imbalance"] == "failed: ZeroDivisionError: oh"


# ---- odd networks ----------------------------------------------------------------------------------------------------


def odd(draw):
    """A trainer of a network that nobody would make."""
    data = draw(st.sampled_from(["moons", "gaussians", "wave", "few"]))
    if data == "few":
        made = nb.data.from_arrays(np.arange(4.0)[:, None], [0, 1, 0, 1], validation=0, task="binary")
    else:
        made = nb.data.dataset(
            data, samples=draw(st.sampled_from([10, 60])), validation=draw(st.sampled_from([0, 0.3])), seed=0
        )
    hidden = draw(st.sampled_from([[], [1], [1, 1, 1], [3] * 40, [40, 2]]))
    kind = draw(st.sampled_from(list(nb.nn.ACTIVATIONS)))
    init = draw(st.sampled_from(["zeros", "xavier", nb.nn.init.normal(std=30.0), nb.nn.init.normal(std=1e-20)]))
    model = nb.nn.mlp([made.inputs, *hidden, made.outputs], activation=kind, init=init, seed=0)
    if draw(st.booleans()):
        value = draw(st.sampled_from([np.nan, np.inf, -1e38, 0.0]))
        model[0].weight.data.flat[0] = value
    lr = draw(st.sampled_from([0.0, 1e-6, 0.1, 1e6, 1e30]))
    optimizer = draw(st.sampled_from(list(nb.optim.OPTIMIZERS)))
    batch = draw(st.sampled_from([1, 2, 7, 500]))
    return nb.Trainer(
        model, made, optimizer=optimizer, lr=lr, batch_size=batch, clip=draw(st.sampled_from([None, 1e-9])), seed=0
    )


@given(st.data())
@settings(max_examples=60, phases=[Phase.generate])
def test_it_never_raises_and_no_rule_stumbles(data):
    trainer = odd(data.draw)
    if data.draw(st.booleans()):
        trainer.watch()
    with suppress(nb.Diverged), np.errstate(all="ignore"):
        trainer.fit(steps=data.draw(st.sampled_from([0, 1, 30, 130])), bar=False)
        if len(trainer.layers) > 1 and data.draw(st.booleans()):
            trainer.freeze(0)
        if data.draw(st.booleans()) and len(trainer.layers) == 2:
            trainer.set(depth=3)
    for thorough in (False, True):
        diagnosis = nb.diagnose(trainer, thorough=thorough)
        assert not [why for why in diagnosis.skipped.values() if why.startswith("failed")]
        assert str(diagnosis) and isinstance(diagnosis.table(), list)
        for finding in diagnosis:
            for remedy in finding.remedies:
                assert isinstance(remedy.cannot(trainer), str)


def test_two_hundred_layers_and_no_data():
    deep = nb.Trainer(nb.nn.mlp([2, *[4] * 200, 1], activation="sigmoid", seed=0), "moons", seed=0)
    deep.fit(steps=2, bar=False)
    assert nb.diagnose(deep)["vanishing"].severity == "alarm"
    made = nb.Objective(
        lambda model, batch: (model(batch) ** 2).mean(), batches=lambda rng: rng.normal(size=(4, 2)).astype("f")
    )
    trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), objective=made, seed=0)
    trainer.fit(steps=30, bar=False)
    diagnosis = nb.diagnose(trainer)
    assert not diagnosis and not any(why.startswith("failed") for why in diagnosis.skipped.values())


# ---- the parts -------------------------------------------------------------------------------------------------------


def test_numbers_in_words():
    assert [said(x) for x in (0.0, 12.0, 0.01234, 123.4, 1e7, np.nan, -np.inf)] == [
        "0", "12", "0.012", "123", "1e+07", "NaN", "-infinite",
    ]  # fmt: skip
    assert listed(["a"]) == "a" and listed(["a", "b"]) == "a and b" and listed("abcde") == "a, b, c and 2 more"
    assert str(Evidence("share", 0.5, "below 0.1")) == "share: 0.5 (usual: below 0.1)"


@given(st.lists(st.booleans(), max_size=30))
def test_since_is_the_first_of_the_last_ones_that_are_wrong(wrong):
    steps, found = np.arange(len(wrong)) * 10, since(np.arange(len(wrong)) * 10, wrong)
    if not wrong or not wrong[-1]:
        assert found is None
    else:
        place = list(steps).index(found)
        assert all(wrong[place:]) and (place == 0 or not wrong[place - 1])


def test_what_a_finding_is_made_of_is_checked():
    with pytest.raises(
        ValueError, match="'bars' with a label each or a 'line' with a step each; got 'bars' with 2 values and 1"
    ):
        Picture("bars", np.zeros(2), ("a",))
    with pytest.raises(ValueError, match="severity: expected one of alarm, warning, hint; got 'bad'"):
        Finding("x", "bad", "words", (), "why", "a = b", ("", ""))


def test_numbers_of_before_a_turn_do_not_count():
    trainer = sigmoids(steps=100)
    trainer.set(lr=0.01)
    seen = Seen(trainer)
    assert seen.turned == 100 and not len(seen.series("loss")[0]) and len(seen.series("loss", whole=True)[0]) == 100
    with pytest.raises(CannotSay, match=r"loss was recorded 0 times since the turn after step 100, 5 are needed"):
        seen.need("loss", 5)


def test_what_a_rule_needs_can_be_said():
    assert {need for rule in known_rules().values() for need in rule.needs} <= set(UNKNOWN)
