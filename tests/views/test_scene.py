"""A scene: what a function draws is what is shown, moment by moment; what does not fit is named."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.views.base.stage import COLORS, Stage
from nbprop.views.board.panel import specs
from nbprop.views.scene import MOST, Scene

TIME = np.arange(5.0)


def cart(stage, source):
    stage.line([-2, 2], [0, 0], color="muted")
    stage.rectangle(TIME / 10, 0.1, 0.4, 0.2, color="train", name="cart")
    stage.line(np.stack([TIME / 10, TIME / 5], axis=1), [0.2, 1.2], color="validation", width=4, name="pole")
    stage.circle(TIME / 5, 1.2, 0.05, name="tip")
    stage.say([f"time {t:.0f}" for t in TIME])


def test_the_frame_has_what_was_drawn(fake):
    view = Scene(fake(), cart, time=3)
    frame, labels = view.frame(), view.labels()
    assert [frame[f"shape{i}"].shape for i in range(4)] == [(1, 2, 2), (5, 1, 4), (5, 2, 2), (5, 1, 3)]
    assert {array.dtype for array in frame.values()} == {np.dtype(np.float32)}
    np.testing.assert_allclose(frame["shape1"][3, 0], [0.1, 0, 0.4, 0.2], atol=1e-7)  # left, bottom, width, height
    np.testing.assert_allclose(frame["shape2"][3], [[0.3, 0.2], [0.6, 1.2]], atol=1e-7)
    np.testing.assert_allclose(frame["range"], [-2.2, 2.2, -0.0625, 1.3125], atol=1e-6)
    assert labels["shapes"][1:3] == [["rectangle", "train", 0, "cart"], ["line", "validation", 4, "pole"]]
    assert labels["stops"]["time"]["last"] == 4 and labels["said"][3] == "time 3"


def test_words_are_of_the_moment_that_is_shown(fake):
    view = Scene(fake(), cart, time=3)
    assert view.describe() == (
        "Moment 3 of 4: cart at (0.30, 0.10); pole from (0.30, 0.20) to (0.60, 1.20); tip at (0.60, 1.20). time 3."
    )
    view.time = 4
    assert view.describe().startswith("Moment 4 of 4: cart at (0.40, 0.10)")
    view.time = 400  # a run of fewer moments came: the last one
    assert view.shown == 4 and view.describe().startswith("Moment 4 of 4")


def test_what_stands_still_is_one_moment(fake):
    view = Scene(fake(), lambda stage, source: stage.circle(0, 1, 0.5, name="ball"))
    assert view.describe() == "One moment: ball at (0.00, 1.00)."
    plain = Scene(fake(), lambda stage, source: stage.line([0, 1], [0, 1]))
    assert plain.describe() == "One moment, 1 shape."


def test_it_is_drawn_anew_when_the_source_has_made_a_step(fake):
    asked = []

    def count(stage, source):
        asked.append(source.steps)
        stage.line([0, source.steps], [0, 1])

    source = fake()
    view = Scene(source, count)
    first = view.frame()
    assert view.frame()["shape0"] is first["shape0"] and view.frame()["range"] is first["range"] and asked == [100]
    view.describe(), view.labels()
    assert asked == [100]
    source.version, source.steps = 1, 101
    assert view.frame()["shape0"][0, 1, 0] == 101 and asked == [100, 101]


def test_a_range_of_ones_own(fake):
    view = Scene(fake(), cart, x=(-3, 3), y=(-1, 2))
    np.testing.assert_allclose(view.frame()["range"], [-3, 3, -1, 2])
    for bad in ((1,), (2, 1), (0, np.nan), "ab", (1, 2, 3), ("a", "b")):
        with pytest.raises(ValueError, match=r"Scene: x: expected \(low, high\), got"):
            Scene(fake(), cart, x=bad)


def test_the_picture_has_the_shapes_of_the_moment(fake, ax):
    Scene(fake(), cart, time=2).plot(ax)
    np.testing.assert_allclose(ax.lines[1].get_xdata(), [0.2, 0.4], atol=1e-6)
    rectangle, circle = ax.patches
    np.testing.assert_allclose([*rectangle.get_xy(), rectangle.get_width()], [0, 0, 0.4], atol=1e-6)
    np.testing.assert_allclose(circle.center, [0.4, 1.2], atol=1e-6)
    assert [text.get_text() for text in ax.texts] == ["time 2"] and ax.get_aspect() == 1


def test_the_trail_is_pale_and_only_of_what_moves(fake, ax):
    Scene(fake(), cart, time=4, trail=True).plot(ax)
    assert len(ax.lines) == 2 + 4 and len(ax.patches) == 2 + 8  # four other moments of three shapes
    assert sorted({line.get_alpha() for line in ax.lines}) == [0.2, 1.0]


def test_what_is_not_finite_is_said_and_not_drawn(fake, ax):
    def lost(stage, source):
        stage.line([0, 1], [0, 1], name="arm")
        stage.circle([0.0, np.nan], 0, 1, name="hand")

    view = Scene(fake(), lost, time=1)
    assert view.describe().endswith("hand: not finite. 1 shape not finite.")
    assert np.isfinite(view.frame()["range"]).all()
    view.plot(ax)
    assert not ax.patches and "1 shape not finite." in ax.texts[0].get_text()


def test_what_is_too_large_to_be_sent_is_not_finite(fake):
    view = Scene(fake(), lambda stage, source: stage.circle(1e300, 0, 1, name="far"))
    assert view.describe() == "One moment: far: not finite. 1 shape not finite."


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda stage, source: None, "has drawn nothing: try stage.line"),
        (
            lambda stage, source: (stage.circle(TIME, 0, 1, name="a"), stage.circle(TIME[:3], 0, 1)),
            "got of a 5, circle 3",
        ),
        (lambda stage, source: (stage.circle(TIME, 0, 1), stage.say(["a", "b"])), "circle 5, words 2"),
        (lambda stage, source: stage.circle(np.zeros(MOST + 1), 0, 1), "at most 2,000 moments, got 2,001"),
    ],
)
def test_what_cannot_be_shown_is_said_in_its_place(fake, draw, words):
    view = Scene(fake(), draw)
    assert view.frame() == {} and words in view.describe() and view.unserved == view.describe()


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda stage: stage.line([0], [1]), r"line: expected x and y of two or more points"),
        (lambda stage: stage.line(0, 1, name="arm"), r"line 'arm': expected x and y of two or more points"),
        (lambda stage: stage.line([0, 1], [0, 1, 2]), r"line: expected x and y of .* got shapes \(2,\), \(3,\)"),
        (lambda stage: stage.line(np.zeros((0, 2)), np.zeros((0, 2))), r"line: .* got shapes \(0, 2\), \(0, 2\)"),
        (lambda stage: stage.line([[0, 1], [2]], [0, 1]), "line: .* got lists of different lengths"),
        (lambda stage: stage.line([0, "a"], [0, 1]), "line: expected x and y of two or more points"),
        (lambda stage: stage.line([0, 1], [0, 1], width=-2), "line: width must be a finite number, at least 0; got -2"),
        (lambda stage: stage.circle([], [], 1), r"circle: expected numbers, or arrays \(T,\)"),
        (lambda stage: stage.circle(np.zeros((2, 2)), 0, 1), r"circle: expected numbers, or arrays \(T,\)"),
        (lambda stage: stage.rectangle([1, 2], [1, 2, 3], 1, 1), r"rectangle: expected .* got shapes \(2,\), \(3,\)"),
        (lambda stage: stage.line([0, 1, 2], [0, 1]), r"line: expected x and y .* got shapes \(3,\), \(2,\)"),
        (lambda stage: stage.circle(0, 0, [1, -2]), "circle: expected sizes from 0 up, got -2"),
        (lambda stage: stage.rectangle(0, 0, -1, 1, name="box"), "rectangle 'box': expected sizes from 0 up, got -1"),
        (lambda stage: stage.line([0, 1], [0, 1], width=np.nan), "line: width must be a finite number, at least 0"),
        (lambda stage: stage.circle(0, 0, 1, color="trian"), "expected one of .*, got 'trian'; did you mean 'train'"),
    ],
)
def test_what_is_no_shape_is_refused(act, words):
    with pytest.raises(ValueError, match=words):
        act(Stage())


@pytest.mark.parametrize("words", [3, [], None])
def test_words_are_a_text_or_one_for_each_moment(words):
    with pytest.raises(TypeError, match="say: expected a text, or a list of texts"):
        Stage().say(words)


def test_without_a_function_it_says_what_it_needs(fake):
    assert Scene(fake()).describe() == "Scene shows what a function draws: pass draw, a function draw(stage, source)."
    with pytest.raises(TypeError, match="expected draw to be a function"):
        Scene(fake(), "cart")
    assert not Scene.suits(fake())


def test_every_color_is_one_of_the_theme(fake, ax):
    def all_of_them(stage, source):
        for k, color in enumerate(COLORS):
            stage.line([0, 1], [k, k], color=color)

    Scene(fake(), all_of_them).plot(ax)
    assert len({line.get_color() for line in ax.lines}) == len(COLORS)


def test_its_time_plays_at_a_pace_of_its_own(fake):
    (spec,) = specs([Scene(fake(), cart)])
    time = spec["options"][0]
    assert (time["name"], time["where"], time["walk"], time["pace"]) == ("time", "browser", True, 40)


def test_of_a_run_it_shows_what_the_network_says_now():
    trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), nb.data.moons(seed=0), lr=0.1, seed=0)

    def height(stage, source):
        stage.circle(0, source.predict([[0.0, 0.0]]).item(), 0.1, name="said")

    view = nb.views.Scene(trainer, height).views[0]
    before = view.describe()
    trainer.fit(steps=20, bar=False)
    assert view.describe() != before
    moment = trainer.at(0)
    assert Scene(moment, height).describe() == before
    moment.close()
