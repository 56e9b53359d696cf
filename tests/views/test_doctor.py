"""The Doctor: findings in numbers, words and a picture; remedies that are turns; whether they have helped."""

import asyncio
import json
import math
import threading

import numpy as np
import pytest
from fakes import Page
from hypothesis import given, strategies as st
from loop import Loop

import nbprop as nb
from nbprop.diagnosis import SEVERITIES, Finding, Picture, Remedy, known_rules
from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay
from nbprop.views import doctor as module
from nbprop.views.base.small import draw_small
from nbprop.views.base.treated import APPEARS, GOES, settled
from nbprop.views.doctor import Doctor


def deep_sigmoid(steps=300):
    model = nb.nn.mlp([2, *[8] * 8, 1], activation="sigmoid", init="xavier", seed=0)
    trainer = nb.Trainer(model, nb.data.circles(seed=0), optimizer="momentum", lr=0.05, seed=0)
    trainer.watch()
    trainer.fit(steps=steps, bar=False)
    return trainer


def healthy(steps=300):
    trainer = nb.Trainer(nb.nn.mlp([2, 16, 16, 1], seed=0), nb.data.moons(seed=0), optimizer="adam", lr=0.01, seed=0)
    trainer.watch()
    trainer.fit(steps=steps, bar=False)
    return trainer


@pytest.fixture
def ill():
    return deep_sigmoid()


def cards(view):
    return {card["rule"]: card for card in view.labels()["cards"]}


def text_in(ax):
    return "\n".join(text.get_text() for text in ax.texts)


# ---- what is said ----------------------------------------------------------------------------------------------------


def test_numbers_words_and_labels_are_those_of_the_diagnosis(ill):
    view, found = Doctor(ill), nb.diagnose(ill)
    frame, shown = view.frame(), view.labels()["cards"]
    assert len(found) and [card["rule"] for card in shown] == [each.rule for each in found]
    assert all(array.dtype == np.float32 for array in frame.values())
    for i, (finding, card) in enumerate(zip(found, shown, strict=True)):
        assert frame["severity"][i] == SEVERITIES.index(finding.severity) and frame["found"][i] == 1
        assert frame["since"][i] == finding.since
        evidence = [each.value for each in finding.evidence]
        np.testing.assert_allclose(frame["evidence"][i, : len(evidence)], evidence, rtol=1e-6)
        np.testing.assert_allclose(frame[f"picture_{i}"], finding.picture.values, rtol=1e-6)
        np.testing.assert_allclose(frame["limit"][i], finding.picture.limit, rtol=1e-6)
        assert card["words"] == finding.words and card["words"] in view.describe()
        assert card["layers"] == "hidden 1, hidden 2, hidden 3 and 2 more" and len(finding.layers) == 5
        assert card["evidence"] == [str(each) for each in finding.evidence]
        assert card["picture"]["labels"] == list(finding.picture.labels) == [layer.name for layer in ill.layers]
        assert [words for words, _ in card["remedies"]] == [each.words for each in finding.remedies]
    json.dumps(view.labels(), allow_nan=False)
    assert view.describe().startswith("After 300 steps: 1 finding. Alarm, since step ")


def test_what_has_not_changed_is_looked_at_once(ill, monkeypatch):
    looks = []
    monkeypatch.setattr(module, "looked", lambda seen, real=module.looked: looks.append(seen.step) or real(seen))
    view = Doctor(ill)
    first = view.frame()
    view.labels(), view.describe(), view.plot()
    assert looks == [300]
    second = view.frame()
    assert all(first[name] is second[name] for name in first)
    ill.fit(steps=1, bar=False)
    view.frame()
    assert looks == [300, 301]


def test_a_healthy_run_says_so_and_what_was_looked_at():
    trainer = healthy()
    view = Doctor(trainer)
    labels = view.labels()
    assert (
        not labels["cards"] and labels["state"] == "Nothing wrong was found." and view.frame()["severity"].shape == (0,)
    )
    titles = [rule.title for rule in known_rules().values()]
    assert "Vanishing gradient" in labels["looked"] and "Dead units" in dict(labels["skipped"])
    assert sorted([*labels["looked"], *dict(labels["skipped"])]) == sorted(titles) and not labels["failed"]
    many = len(labels["looked"])
    assert view.describe() == f"After 300 steps: nothing wrong was found. {many} things looked at."


def test_a_run_of_few_steps_says_that_it_is_too_early():
    trainer = healthy(steps=0)
    view = Doctor(trainer)
    assert view.describe() == "After 0 steps: no step yet: play, or make a step."
    trainer.fit(steps=40, bar=False)
    assert "too early to tell: 40 of 100 steps made" in view.describe()
    trainer.fit(steps=100, bar=False)
    assert "too early" not in view.describe()
    trainer.lr = 0.02
    trainer.fit(steps=10, bar=False)
    assert "too early to tell: 10 of 100 steps made since the turn after step 140" in view.describe()


def test_a_moment_of_the_past_has_the_findings_of_then_and_buttons_that_rest():
    trainer = deep_sigmoid(150)
    view = Doctor(trainer)
    trainer.set(activation="relu", lr=0.01)
    trainer.reinitialize("all", "he")
    trainer.fit(steps=300, bar=False)
    assert "vanishing" not in cards(view)
    then = Doctor(trainer.at(150))
    assert then.describe().startswith("At step 150: 1 finding. Alarm") and "Try" not in then.describe()
    why = {why for _, why in cards(then)["vanishing"]["remedies"]}
    assert why == {"this is the past, step 150, which is only looked at: go back to the present first"}
    before = trainer.theta.copy()
    then.act("remedy", ["vanishing", "Use tanh"])
    assert then.labels()["message"] == f"Use tanh: {why.pop()}" and np.array_equal(trainer.theta, before)


def test_a_source_of_ones_own_is_looked_at_as_far_as_it_says_something(ax):
    source = Loop()
    for _ in range(3):
        source.step()
    view = Doctor(source)
    labels = view.labels()
    assert (
        dict(labels["skipped"])["Vanishing gradient"]
        == "nothing is known here of the layers and the numbers of a layer"
        and not labels["failed"]
    )
    assert view.describe().startswith("After 3 steps: nothing wrong was found, but it is too early to tell")
    other = nb.Descent("bowl")
    other.step(3)
    words = "Doctor: expected a series 'loss' in the history, which has sgd."
    assert Doctor(other).describe() == words and text_in(Doctor(other).plot(ax)).split() == words.split()


def test_where_nothing_can_be_looked_at_it_does_not_call_the_run_healthy(ill, monkeypatch):
    def cannot(self, seen):
        raise CannotSay("it is dark")

    for rule in known_rules().values():
        monkeypatch.setattr(type(rule), "find", cannot)
    assert Doctor(ill).labels()["state"] == "There is nothing that could be looked at."


def test_a_rule_that_fails_is_named_and_the_others_go_on(ill, monkeypatch):
    def fails(self, seen):
        raise KeyError("a fault")

    monkeypatch.setattr(type(known_rules()["dead"]), "find", fails)
    view = Doctor(ill)
    assert view.labels()["failed"] == [["Dead units", "KeyError: 'a fault'"]] and "vanishing" in cards(view)


# ---- what is done ----------------------------------------------------------------------------------------------------


def test_a_remedy_is_a_turn_that_is_judged_and_can_be_undone(ill):
    view, theta = Doctor(ill), ill.theta.copy()
    view.act("remedy", ["vanishing", "Use tanh"])
    assert ill.activation == "tanh" and [event.name for event in ill.history.events] == ["activation"]
    verdict = cards(view)["vanishing"]["verdict"]
    assert (verdict["state"], verdict["undo"]) == ("waiting", "") and "Play on to see." in verdict["words"]
    ill.fit(steps=40, bar=False)
    assert "40 of 100 steps" in cards(view)["vanishing"]["verdict"]["words"]
    ill.fit(steps=260, bar=False)
    card, frame = cards(view)["vanishing"], view.frame()
    at = list(cards(view)).index("vanishing")
    assert frame["found"][at] == 0 and card["verdict"]["state"] == "helped"
    steps, number, now, before, loss = frame["treated"][at]
    assert steps == 300 and number < 1e-4 < 1e-2 < now and loss < 0.9 * before < math.log(2)
    assert f"in {steps:.0f} steps" in card["verdict"]["words"] and "Helped" in view.describe()
    view.act("undo", ["vanishing", "Use tanh"])
    assert ill.activation == "sigmoid" and ill.steps == 300 and np.array_equal(ill.theta, theta)
    assert cards(view)["vanishing"]["verdict"]["state"] == "undone" and view.frame()["found"].all()
    ill.redo()
    assert ill.activation == "tanh" and cards(view)["vanishing"]["verdict"]["state"] == "helped"


def test_dead_units_are_drawn_anew_with_a_smaller_learning_rate_and_both_are_undone_at_once():
    model = nb.nn.mlp([2, 16, 16, 16, 1], activation="relu", init="he", seed=0)
    trainer = nb.Trainer(model, nb.data.circles(seed=0), optimizer="adam", lr=1.0, seed=0)
    trainer.watch()
    trainer.fit(steps=300, bar=False)
    view, theta = Doctor(trainer), trainer.theta.copy()
    words = cards(view)["dead"]["remedies"][0][0]
    view.act("remedy", ["dead", words])
    assert words == "Draw all weights anew (he), learning rate 0.1" and trainer.lr == pytest.approx(0.1)
    trainer.fit(steps=200, bar=False)
    assert cards(view)["dead"]["verdict"]["state"] == "helped" and trainer.history["train_loss"][-1] < 0.1
    view.act("undo", ["dead", words])
    assert trainer.lr == 1.0 and trainer.steps == 300 and np.array_equal(trainer.theta, theta)
    assert not trainer.history.events and not trainer.undoable


def test_what_was_done_later_is_to_be_undone_first_and_a_verdict_is_about_one_turn(ill):
    view = Doctor(ill)
    view.act("remedy", ["vanishing", "Use tanh"])
    ill.fit(steps=30, bar=False)
    ill.set(lr=0.01)
    ill.fit(steps=200, bar=False)
    verdict = cards(view)["vanishing"]["verdict"]
    assert verdict["state"] == "unclear" and "something else was turned 30 steps later" in verdict["words"]
    assert verdict["undo"] == "first undo what was done since: lr 0.05 → 0.01"
    steps = ill.steps
    view.act("undo", ["vanishing", "Use tanh"])
    assert (
        view.labels()["message"] == f"Use tanh: {verdict['undo']}" and ill.steps == steps and ill.activation == "tanh"
    )
    ill.undo()
    assert cards(view)["vanishing"]["verdict"]["state"] == "waiting" and not view._treated[0].hindrance()
    ill.fit(steps=100, bar=False)
    helped = cards(view)["vanishing"]["verdict"]
    assert helped["state"] == "helped"
    ill.lr = 5.0  # what comes of that is not the remedy's fault
    ill.fit(steps=50, bar=False)
    assert cards(view)["vanishing"]["verdict"]["words"] == helped["words"]


def test_a_run_that_went_back_further_says_nothing_of_a_treatment(ill):
    view = Doctor(ill)
    view.act("remedy", ["vanishing", "Use tanh"])
    ill.rewind(100)
    assert cards(view)["vanishing"]["verdict"] is None


@pytest.mark.parametrize("error", [ValueError("no room"), RuntimeError("no room"), ZeroDivisionError("no room")])
def test_what_goes_wrong_in_a_remedy_is_said_and_the_run_goes_on(ill, error, monkeypatch, make_board):
    def fails(*_, **__):
        raise error

    board = make_board(Doctor(ill))
    page = Page(board)
    monkeypatch.setattr(type(ill), "set", fails)
    page.say("act", panel=0, name="remedy", value=["vanishing", "Use tanh"])
    assert page.head["panels"][0]["labels"]["message"] == "Use tanh: no room"
    monkeypatch.undo()
    steps = ill.steps
    ill.fit(steps=5, bar=False)
    assert ill.steps == steps + 5 and ill.status == "paused" and not ill.history.events
    page.say("act", panel=0, name="remedy", value=["vanishing", "Use tanh"])
    assert ill.activation == "tanh" and board.views[0].labels()["message"] == ""


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (["vanishing", "Use magic"], "Use magic: it is no longer offered, for the run is another one now"),
        (["exploding", "Use tanh"], "Use tanh: it is no longer offered, for the run is another one now"),
    ],
)
def test_what_is_not_offered_is_refused_in_words(ill, value, words):
    view = Doctor(ill)
    view.act("remedy", value)
    assert view.labels()["message"] == words and not ill.history.events
    ill.fit(steps=100, bar=False)
    assert view.labels()["message"] == ""  # that was long ago
    view.act("undo", value)
    assert view.labels()["message"] == f"{value[1]}: it is no longer known"
    with pytest.raises(ValueError, match="Doctor: no control 'magic'"):
        view.act("magic", None)


def test_a_remedy_that_cannot_be_applied_rests_and_says_why(ill, monkeypatch):
    view = Doctor(ill)
    assert "Try: Use ReLU." in view.describe()
    refused = {"activation": "it is stuck"}
    monkeypatch.setattr(type(ill), "refusal", lambda self, **changes: refused.get(min(changes), ""))
    remedies = cards(view)["vanishing"]["remedies"]
    assert remedies == [["Use ReLU", "it is stuck"], ["Use tanh", "it is stuck"], ["Batch normalization", ""]]
    assert "Try: Batch normalization." in view.describe()


def test_a_press_while_it_plays_is_done_between_two_steps_and_shown_at_once(ill):
    async def main():
        trainer = ill
        trainer.speed = 500
        view = Doctor(trainer)
        board = nb.views.Board(view)
        page = Page(board)
        trainer.play(unseen=True)
        while trainer.steps < 320:
            await asyncio.sleep(0.005)
        page.ack()
        press = threading.Thread(  # as a widget's messages come
            target=page.say, args=("act",), kwargs={"panel": 0, "name": "remedy", "value": ["vanishing", "Use tanh"]}
        )
        press.start()
        press.join()
        while not trainer.history.events:
            await asyncio.sleep(0.005)
        for _ in range(400):
            page.ack()
            if any("Too early" in json.dumps(head["panels"]) for head, _ in page.sent):
                break
            await asyncio.sleep(0.005)
        else:
            pytest.fail("the verdict was not sent")
        assert trainer.status == "playing" and trainer.activation == "tanh"
        trainer.pause()
        board.close()

    asyncio.run(main())


# ---- nothing flickers ------------------------------------------------------------------------------------------------


def finding(severity="warning", words="ill"):
    return Finding("vanishing", severity, words, (), "", "", Lesson(5, ""))


@given(st.lists(st.tuples(st.sampled_from([None, *SEVERITIES]), st.booleans()), min_size=1, max_size=40))
def test_of_a_run_that_plays_a_finding_comes_and_goes_only_when_that_was_seen_in_a_row(looks):
    state, seen = None, []
    rank = {None: 3, **{severity: i for i, severity in enumerate(SEVERITIES)}}
    for name, playing in looks:
        now = finding(name, f"look {len(seen)}") if name else None
        before, state = state, settled(state, now, playing)
        shown = state[0].severity if state[0] else None
        seen.append(name)
        if before is None or not playing:
            assert state == (now, 0)
            continue
        was = before[0].severity if before[0] else None
        if shown != was:
            row = seen[-(APPEARS if rank[shown] < rank[was] else GOES) :]
            worse = [rank[each] < rank[was] for each in row]
            assert shown == name and (all(worse) or not any(worse)) and was not in row
        if now and state[0]:
            assert state[0].words == now.words  # the numbers are those of now all the same


def test_it_appears_at_the_second_look_and_goes_at_the_fourth(ill, monkeypatch):
    view, quiet = Doctor(ill), [False]
    monkeypatch.setattr(type(known_rules()["vanishing"]), "find",
                        lambda self, seen: None if quiet[0] else finding())  # fmt: skip
    ill.status = "playing"
    assert "vanishing" in cards(view)  # what is there at the first look is shown
    shown = []
    for silent in [True] * 6 + [False] * 3:
        quiet[0] = silent
        ill.version += 1
        shown.append("vanishing" in cards(view))
    assert shown == [True] * 3 + [False] * 3 + [False] + [True] * 2
    quiet[0] = True
    ill.status = "paused"
    ill.version += 1
    assert "vanishing" not in cards(view)  # of a run at rest, at once


# ---- pictures --------------------------------------------------------------------------------------------------------


def test_the_picture_has_the_words_and_small_pictures(ill, ax):
    view = Doctor(ill)
    assert view.plot(ax) is ax
    shown = text_in(ax).replace("\n", " ")
    card = cards(view)["vanishing"]
    assert "ALARM: Vanishing gradient" in shown and card["words"] in shown and "Try: Use ReLU or Use tanh" in shown
    (small,) = ax.child_axes
    np.testing.assert_allclose([bar.get_y() + bar.get_height() for bar in small.patches], view.frame()["picture_0"])
    assert small.lines[0].get_ydata()[0] == pytest.approx(view.frame()["limit"][0])


def test_findings_for_which_there_is_no_room_are_counted(ill, ax, monkeypatch):
    for name in known_rules():
        made = Finding(name, "hint", "word " * 60, (), "", "", Lesson(5, ""))
        monkeypatch.setattr(type(known_rules()[name]), "find", lambda self, seen, made=made: made)
        monkeypatch.setattr(type(known_rules()[name]), "needs", ())
        monkeypatch.setattr(type(known_rules()[name]), "after", ())
    view = Doctor(ill)
    view.plot(ax)
    drawn = text_in(ax).count("HINT")
    assert 0 < drawn < len(known_rules()) and f"and {len(known_rules()) - drawn} more findings" in text_in(ax)


@pytest.mark.parametrize("log", [False, True])
def test_small_pictures_are_loud_where_a_number_is_not_finite_but_not_about_a_bar_that_there_is_none_of(ax, log):
    values = np.array([1.0, np.nan, np.inf, 0.0])
    draw_small(ax, Picture("bars", values, ("a", "b", "c", "d"), limit=0.5, log=log))
    assert [text.get_text() for text in ax.texts] == (["inf", "0"] if log else ["inf"])
    ax.clear()
    draw_small(ax, Picture("line", values, steps=np.arange(4)))
    assert [text.get_text() for text in ax.texts] == ["NaN", "inf"]


def test_a_remedy_may_be_a_turn_and_an_act(ill):
    both = Remedy("both", {"lr": 0.01}, ("reinitialize", ("all", "xavier")))
    both.apply(ill)
    assert [event.name for event in ill.history.events] == ["lr", "reinitialize"]
    assert Remedy("both", {"lr": 0.01}, ("no such method", ())).cannot(ill) == (
        "this Trainer cannot be turned: both is to be done in code"
    )


@pytest.mark.parametrize(("cost", "rate"), [(0.0, 3.0), (0.003, 3.0), (0.01, 2.0), (10.0, 0.5)])
def test_what_takes_long_is_looked_at_less_often(ill, cost, rate, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module, "_work", lambda: now[0])
    monkeypatch.setattr(module, "looked", lambda seen, real=module.looked: now.__setitem__(0, cost) or real(seen))
    view = Doctor(ill)
    view.frame()
    assert view.rate == rate


def test_what_was_treated_in_a_run_that_gave_way_is_not_spoken_of():
    trainer = nb.Trainer(
        nb.nn.mlp([2, *[8] * 8, 1], "sigmoid", seed=0), "circles", optimizer="momentum", lr=0.05, seed=0
    )
    trainer.watch()
    trainer.fit(steps=200, bar=False)
    view = Doctor(trainer)
    view.act("remedy", ("vanishing", "Use ReLU"))
    assert view._of_this_run()
    trainer.fit(steps=20, bar=False)
    trainer.reset()
    trainer.fit(steps=300, bar=False)
    assert not view._of_this_run() and "Taken back" not in view.describe()
