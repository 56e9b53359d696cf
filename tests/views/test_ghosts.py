"""What a view is seen beside: ghosts behind its picture, peers with the same options and range."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from fakes import Page

import nbprop as nb
from nbprop.sources import Ghost
from nbprop.views.base.beside import common, make_peers
from nbprop.views.base.folder import kinds
from nbprop.views.base.laid import ABSENT

OUTLINING = ("Boundary", "GradientFlow", "Histograms", "Loss", "Percentiles")  # and Lags, a kind of GradientFlow


def trainer(data="moons", hidden=(6, 6), steps=40, **settings):
    data = nb.data.dataset(data) if isinstance(data, str) else data
    model = nb.nn.mlp([data.inputs, *hidden, data.outputs], seed=0)
    made = nb.Trainer(model, data, seed=0, **{"optimizer": "sgd", "lr": 0.05, **settings})
    made.watch(percentiles=True)
    made.fit(steps=steps)
    return made


def ghostly(view):
    return {name: array for name, array in view.frame().items() if name.startswith("ghost")}


def test_those_views_draw_ghosts_and_the_others_say_that_they_do_not():
    assert [name for name, kind in kinds().items() if kind.outlined] == sorted(
        [*OUTLINING, "Confusion", "Lags", "Sharpness"]
    )
    with pytest.raises(ValueError, match="Graph draws no ghosts"):
        kinds()["Graph"](nb.sources.Walk(nb.Tensor(2.0) * 3.0)).ghosts = (trainer(),)
    with pytest.raises(TypeError, match="Landscape: expected options out of"):
        nb.views.Landscape(nb.Descent("bowl"), ghosts=())


@pytest.mark.parametrize("kind", OUTLINING)
def test_a_ghost_is_the_same_numbers_as_the_view_of_it_alone(kind):
    run, other = trainer(), trainer(lr=0.5)
    view = kinds()[kind](run, ghosts=(other,))
    alone = kinds()[kind](other).frame()
    found = ghostly(view)
    assert found and view.ghosts == (other,)
    for name in view.outlined:
        if name in alone:
            np.testing.assert_array_equal(found[f"ghost0_{name}"], alone[name])
    assert view.labels()["ghosts"] == ["lr 0.5"] and "ghost" in view.marks()
    assert " Behind it lr 0.5: " in view.describe()
    view.ghosts = ()
    assert not ghostly(view) and "ghost" not in view.marks() and "Behind" not in view.describe()


@pytest.mark.parametrize("kind", OUTLINING)
def test_options_are_those_of_the_view(kind):
    run, other = trainer(), trainer(lr=0.5)
    options = {"GradientFlow": {"quantity": "a"}, "Histograms": {"kind": "gradients"}, "Percentiles": {"of": "unit"}}
    view = kinds()[kind](run, ghosts=(other,))
    for name, value in options.get(kind, {}).items():
        setattr(view, name, value)
    alone = kinds()[kind](other, **options.get(kind, {})).frame()
    name = next(name for name in view.outlined if name in alone)
    np.testing.assert_array_equal(ghostly(view)[f"ghost0_{name}"], alone[name])


def test_a_pinned_one_is_reckoned_once_and_not_sent_again(make_board):
    run = trainer()
    board = make_board(*(kinds()[name](run) for name in OUTLINING))
    board.pin()
    first = [ghostly(view) for view in board.views]
    page = Page(board)
    run.fit(steps=3)
    second = [ghostly(view) for view in board.views]
    assert all(a[name] is b[name] for a, b in zip(first, second, strict=True) for name in a)
    page.ack()
    for i, names in enumerate(first):
        sent = page.arrays(i)
        assert [sent[name] for name in names] == [None] * len(names)


def test_one_range_holds_all():
    run, other = trainer(lr=1e-4), trainer(lr=2.0)
    for kind in ("Loss", "GradientFlow", "Percentiles", "Histograms"):
        view, alone = kinds()[kind](run, ghosts=(other,)), [kinds()[kind](each).frame() for each in (run, other)]
        np.testing.assert_array_equal(view.frame()["range"], common([frame["range"] for frame in alone]))
    until = kinds()["Loss"](trainer(steps=10), ghosts=(trainer(steps=30),)).frame()["until"]
    assert until.tolist() == [30]
    np.testing.assert_array_equal(common([np.float32([0, 1, 2, 3]), np.float32([1, 2, 1, 4])]), [0, 2, 1, 4])


def test_layers_of_a_ghost_stand_in_the_rows_of_their_names():
    deep, shallow = trainer(hidden=(6, 6, 6)), trainer(hidden=(6,))
    found = ghostly(kinds()["GradientFlow"](deep, ghosts=(shallow,)))["ghost0_now"]
    alone = kinds()["GradientFlow"](shallow).frame()["now"]
    assert found[[1, 2]].tolist() == [ABSENT] * 2 and found[[0, 3]].tolist() == alone.tolist()
    reverse = ghostly(kinds()["GradientFlow"](shallow, ghosts=(deep,)))["ghost0_now"]
    assert reverse.tolist() == kinds()["GradientFlow"](deep).frame()["now"][[0, 3]].tolist()
    counts = ghostly(kinds()["Histograms"](deep, ghosts=(shallow,)))["ghost0_counts"]
    assert counts[[1, 2]].sum() == 0 and counts[[0, 3]].sum(axis=1).tolist() == [12, 6]
    frame = kinds()["Histograms"](deep, ghosts=(shallow,)).frame()
    assert np.isfinite(frame["range"]).all()
    bands = ghostly(kinds()["Percentiles"](deep, ghosts=(shallow,)))
    assert (bands["ghost0_low"][[1, 2]] == ABSENT).all() and (bands["ghost0_low"][[0, 3]] != ABSENT).all()


def test_time_steps_of_a_ghost_stand_in_the_rows_of_theirs(fake):
    def recurrent(lags, rate):
        values = np.tile(rate ** np.arange(lags, dtype=np.float32), (4, 1))
        return fake({"dh": (10 * np.arange(1, 5), values)}, activations=("identity",))

    view = kinds()["Lags"](recurrent(6, 0.5), ghosts=(recurrent(4, 0.25),))
    found = ghostly(view)["ghost0_now"]
    assert found[:2].tolist() == [ABSENT] * 2 and found[2:].tolist() == [1 / 64, 1 / 16, 1 / 4, 1]
    assert " Behind it step 100: dL/dh is 0.12 to 1 times as large." in view.describe() and "ghost" in view.marks()


DATA = {"binary": "moons", "multiclass": "gaussians", "confusion": "iris", "curve": None}


@pytest.mark.parametrize("data", DATA)
def test_a_ghost_is_asked_about_the_points_of_the_run(data):
    if data == "curve":
        x = np.linspace(-1, 1, 60)
        given = nb.data.from_arrays(x[:, None], np.sin(3 * x), seed=0)
    else:
        given = nb.data.dataset(DATA[data])
    run, other = trainer(given), trainer(given, lr=0.5)
    view = kinds()["Boundary"](run, ghosts=(Ghost(other),))
    frame, found = kinds()["Boundary"](other).frame(), ghostly(view)
    (name,) = found
    np.testing.assert_array_equal(found[name], frame[name.removeprefix("ghost0_")])
    said = view.describe()
    assert " Behind it step 40: " in said
    if data != "curve":
        right = np.mean(other.predict(given.X_val).argmax(axis=1) == given.y_val if given.outputs > 1 else
                        (other.predict(given.X_val)[:, 0] >= 0.5) == given.y_val)  # fmt: skip
        assert f"{right:.0%}".replace("%", " %") in said.partition("Behind")[2]


def test_of_a_network_for_other_data_nothing_is_drawn():
    view = kinds()["Boundary"](trainer(), ghosts=(trainer("iris"), nb.Descent("bowl")))
    assert not ghostly(view) and view.frame()["grid"].shape == (32, 32)
    assert "Behind" not in view.describe() and view.labels()["ghosts"] == ["loss cross_entropy, data iris", "step 0"]
    assert not ghostly(kinds()["GradientFlow"](trainer(), ghosts=(nb.Descent("bowl"),)))


def test_pictures_have_them_too():
    for data in ("moons", "gaussians"):
        run, other = trainer(data), trainer(data, lr=0.5)
        for kind in OUTLINING:
            view = kinds()[kind](run)
            without = len(plt.figure().axes), view.plot()
            ghost = kinds()[kind](run, ghosts=(other,)).plot()
            count = lambda ax: sum(  # noqa: E731
                len(part.lines) + len(part.collections) + len(part.patches) for part in (ax, *ax.child_axes)
            )
            assert count(ghost) > count(without[1]), kind
            plt.close("all")


def test_words_give_the_difference_in_numbers():
    run, other = trainer(), trainer(lr=0.5)
    said = kinds()["Loss"](run, ghosts=(other,)).describe()
    ours, theirs = run.history["val_loss"][-1], other.history["val_loss"][-1]
    more = f"here {nb.views.base.view.number(abs(ours - theirs))} {'higher' if ours > theirs else 'lower'}"
    assert f"Behind it lr 0.5: validation loss {nb.views.base.view.number(theirs)} after 40 steps, {more}." in said
    flow = kinds()["GradientFlow"](run, ghosts=(other,)).describe()
    times = other.probe()["dz"] / run.probe()["dz"]
    low, high = (nb.views.base.view.number(each, 2) for each in (times.min(), times.max()))
    assert f"dL/dz is {low} to {high} times as large" in flow
    assert "here the same" in kinds()["Loss"](run, ghosts=(Ghost(run),)).describe()


# ------------------------------------------------------------------------------------------------------------- boards


def test_pin_keeps_the_run_in_every_view_that_can_draw_it(make_board):
    run = trainer()
    board = make_board(*(kinds()[name](run) for name in (*OUTLINING, "Activations")))
    board.pin()
    run.lr = 0.2
    run.fit(steps=5)
    (ghost,) = board.ghosts
    assert [view.ghosts for view in board.views] == [(ghost,)] * 5 + [()] and ghost.name == "lr 0.05"
    board.pin("second")
    assert [each.name for each in board.ghosts] == ["lr 0.05", "second"]
    board.pin()
    board.pin()
    with pytest.raises(ValueError, match=r"there are 4 ghosts already.*unpin\(\)"):
        board.pin()
    board.unpin()
    assert board.ghosts == () and not ghostly(board.views[-2])


def test_a_board_without_such_a_view_says_so(make_board):
    with pytest.raises(ValueError, match="expected a view that draws ghosts"):
        make_board(kinds()["Landscape"](nb.Descent("bowl"))).pin()


def test_a_ghost_that_goes_on_is_followed_while_the_run_stands(make_board):
    run, other = trainer(), trainer(lr=0.5)
    board = make_board(kinds()["Loss"](run))
    page = Page(board)
    page.ack()
    board.put_behind(other)
    page.ack()
    assert page.arrays()["ghost0_train"].shape[1] == 40
    count = len(page.sent)
    other.fit(steps=10)
    board.clock.now += 1
    page.ack()
    assert len(page.sent) > count and page.arrays()["ghost0_train"].shape[1] == 50
    board.unpin()
    assert other.watchers == set()


def test_ghosts_of_a_closed_board_are_let_go(make_board):
    run, other = trainer(), trainer(lr=0.5)
    board = make_board(kinds()["Loss"](run))
    board.put_behind(other)
    assert board in other.watchers
    board.close()
    assert other.watchers == set() and run.watchers == set()


def test_what_is_no_source_is_refused():
    view = kinds()["Loss"](trainer())
    with pytest.raises(TypeError, match=r"Loss: expected ghosts such as another trainer, .* got int, which has no"):
        view.ghosts = (3,)
    with pytest.raises(ValueError, match="at most 4 ghosts"):
        view.ghosts = [trainer(steps=1)] * 5
    assert view.ghosts == ()


# ------------------------------------------------------------------------------------------------------------- peers


@pytest.mark.parametrize("kind", ["Loss", "GradientFlow", "Histograms", "Percentiles"])
def test_peers_have_one_range_and_the_same_options(kind):
    runs = [trainer(lr=lr) for lr in (1e-3, 0.1, 2.0)]
    views = [kinds()[kind](run) for run in runs]
    alone = [view.frame()["range"] for view in views]
    make_peers(views)
    for view in views:
        np.testing.assert_array_equal(view.frame()["range"], common(alone))
    runs[0].fit(steps=20)
    new = kinds()[kind](runs[0]).frame()["range"]
    for view in views:
        np.testing.assert_array_equal(view.frame()["range"], common([new, *alone[1:]]))
    option, value = {"Loss": ("log", True), "GradientFlow": ("quantity", "a"), "Histograms": ("kind", "gradients"),
                     "Percentiles": ("of", "unit")}[kind]  # fmt: skip
    setattr(views[1], option, value)
    assert [getattr(view, option) for view in views] == [value] * 3
    with pytest.raises((ValueError, TypeError)):
        setattr(views[1], option, "nonsense")
    assert [getattr(view, option) for view in views] == [value] * 3
