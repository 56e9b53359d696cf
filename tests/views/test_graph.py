"""The graph view: where everything stands, what is known after each step, and in which words."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.sources.walk import Walk
from nbprop.views.base.layered import layered
from nbprop.views.graph import Graph, expression, geometry, short, symbol


def product():
    x, w, b = nb.Tensor(2.0), nb.Tensor(3.0), nb.Tensor(-5.0)
    return Walk((x * w + b) ** 2, {"x": x, "w": w, "b": b})


def shared():
    a = nb.Tensor(3.0)
    b = a * 2.0
    return Walk(b * b + b, {"a": a, "b": b})


def network(steps=3):
    """A recurrent network of single numbers, with shared weights."""
    w, u, h = nb.Tensor(0.5), nb.Tensor(-0.7), nb.Tensor(0.1)
    for k in range(steps):
        h = (w * float(k + 1) + u * h).tanh()
    return Walk(h * h)


def chain(n=39):
    x = nb.Tensor(0.5)
    for _ in range(n):
        x = x.tanh()
    return Walk(x)


def arrays():
    rng = np.random.default_rng(0)
    x, w = nb.Tensor(rng.normal(size=(4, 3))), nb.Tensor(rng.normal(size=(3, 2)), requires_grad=True)
    b = nb.Tensor([0.5, -0.5], requires_grad=True)
    return Walk(((x @ w + b).tanh() ** 2).sum(), {"x": x, "w": w, "b": b})


WALKS = {make.__name__: make for make in (product, shared, network, chain, arrays)}


# Where everything stands.


@pytest.mark.parametrize("name", WALKS)
def test_nodes_stand_apart_inside_the_panel_behind_what_they_are_made_from(name):
    walk = WALKS[name]()
    frame = Graph(walk).frame()
    for width, height in ((700, 320), (560, 300), (240, 160)):
        boxes, curves = geometry(frame, width, height, 10)
        x, y, w, h = boxes.T
        assert (x - w / 2 >= 0).all() and (x + w / 2 <= width + 1e-6).all()
        assert (y - h / 2 >= -1e-6).all() and (y + h / 2 <= height + 1e-6).all()
        for i in range(len(boxes)):
            for j in range(i):
                assert abs(x[i] - x[j]) >= w[i] - 1e-6 or abs(y[i] - y[j]) >= h[i] - 1e-6, (i, j)
        assert len(curves) == sum(len(node.inputs) for node in walk.nodes)
        for points in (curve.reshape(-1, 4, 2) for curve in curves):
            assert (points[..., 0] > -10).all() and (points[..., 0] < width + 10).all()
            assert np.isfinite(points).all()
            np.testing.assert_allclose(points[:-1, 3], points[1:, 0])  # in one stroke
    if (frame["nodes"][:, 2] > 0).all():
        for source, target, _ in frame["edges"].astype(int):
            assert frame["nodes"][source, 0] < frame["nodes"][target, 0]


@pytest.mark.parametrize("name", WALKS)
def test_up_to_forty_nodes_have_boxes_that_can_be_read(name):
    boxes, _ = geometry(Graph(WALKS[name]()).frame(), 700, 320, 10)
    assert boxes[0, 2] >= 28 and boxes[0, 3] >= 28


def test_a_long_chain_is_folded_like_a_snake():
    layout = layered([(), *[(k,) for k in range(39)]])
    x, y, direction = layout.nodes.T
    assert layout.columns < 14 and layout.rows > 2
    turns = np.flatnonzero(np.diff(direction))
    assert len(turns) >= 2
    np.testing.assert_array_equal(x[turns], x[turns + 1])  # the next row begins where the last one ended
    assert (np.diff(y)[turns] > 0).all()


def test_edges_do_not_cross_where_they_need_not():
    # Two chains side by side that are given in an order in which all their edges would cross.
    inputs = [(), (), (1,), (0,), (2,), (3,), (4, 5)]
    layout = layered(inputs)
    y = layout.nodes[:, 1]
    assert (y[0] < y[1]) == (y[3] < y[2]) == (y[5] < y[4])


def test_an_edge_that_passes_a_layer_goes_round_the_nodes_there():
    layout = layered([(), (0,), (1,), (2, 0)])
    long = next(route for route in layout.routes if len(route) == 4)
    for bend in long[1:-1]:
        gaps = np.abs(layout.nodes[:, 1] - bend[1])[np.isclose(layout.nodes[:, 0], bend[0])]
        assert (gaps > 0.2).all()


def test_two_edges_from_one_node_to_another_arrive_apart():
    x = nb.Tensor(3.0)
    edges = Graph(Walk(x * x)).frame()["edges"]
    np.testing.assert_array_equal(edges[:, :2], [[0, 1], [0, 1]])
    assert edges[0, 2] != edges[1, 2]


# What is known after each step.


def test_values_then_gradients_come_one_at_a_time():
    walk = product()
    view = Graph(walk)
    assert view.last == 1 + 3 + 1 + 5
    names = [node.name for node in walk.nodes]
    assert names == ["x", "w", "a", "b", "c", "L"]
    seen = []
    for step in range(view.last + 1):
        view.step = step
        frame = view.frame()
        seen.append((np.isfinite(frame["values"]).sum(), np.isfinite(frame["gradients"]).sum()))
    assert [a for a, _ in seen] == [3, 4, 5, 6, *[6] * 7]
    assert [b for _, b in seen] == [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 6]
    np.testing.assert_array_equal(frame["values"], [2, 3, 6, -5, 1, 1])
    np.testing.assert_array_equal(frame["gradients"], [6, 4, 2, 2, 2, 1])
    np.testing.assert_array_equal(frame["slopes"], [3, 2, 1, 1, 2])
    assert all(array.dtype == np.float32 for array in frame.values())


def test_a_local_derivative_shows_when_both_its_numbers_are_known():
    view = Graph(product(), step=1)
    np.testing.assert_array_equal(view.frame()["slopes"], [3, 2, np.nan, np.nan, np.nan])
    assert [edge["text"] for edge in view.labels()["edges"]] == ["3", "2", "", "", ""]
    np.testing.assert_array_equal(view.frame()["passed"], [1, 1, 0, 0, 0])
    np.testing.assert_array_equal(view.frame()["active"], [2, -1])


def test_the_picture_stays_while_the_numbers_move():
    view = Graph(product())
    before = view.frame()
    view.step = 4
    after = view.frame()
    assert all(before[name] is after[name] for name in ("nodes", "routes", "edges", "grid"))
    assert not np.array_equal(before["values"], after["values"], equal_nan=True)


def test_the_wrong_order_ends_with_a_wrong_gradient_that_is_marked():
    view = Graph(shared(), order="wrong", step=-1)
    names = [node.name for node in view.source.nodes]
    frame = view.frame()
    a = names.index("a")
    assert frame["gradients"][a] == 12 and frame["state"][a] == 3
    assert (
        view.describe() == f"Step {view.last} of {view.last}. Wrong: dL/da = 12, not 26. A gradient was handed on "
        "before all of it had arrived."
    )
    view.order = "right"
    assert view.frame()["gradients"][a] == 26 and (view.frame()["state"] != 3).all()
    assert view.describe().endswith("Done: dL/da = 26.")


# In words.


def test_each_step_in_words():
    view = Graph(product())
    said = []
    for step in range(view.last + 1):
        view.step = step
        said.append(view.describe().partition(". ")[2])
        assert view.describe().startswith(f"Step {step} of {view.last}")
    assert said == [
        "Given: x = 2, w = 3, b = -5. Forward: one operation after the other.",
        "a = x * w = 2 * 3 = 6",
        "c = a + b = 6 + (-5) = 1",
        "L = c**2 = 1**2 = 1",
        "dL/dL = 1. Backward: from the result to all that it was computed from.",
        "dL/dc += dL/dL * dL/dc = 1 * 2 = 2.",
        "dL/da += dL/dc * dc/da = 2 * 1 = 2.",
        "dL/db += dL/dc * dc/db = 2 * 1 = 2.",
        "dL/dx += dL/da * da/dx = 2 * 3 = 6.",
        "dL/dw += dL/da * da/dw = 2 * 2 = 4.",
        "Done: dL/dx = 6, dL/dw = 4, dL/db = 2.",
    ]


def test_sums_and_haste_in_words():
    view = Graph(shared(), order="wrong")
    said = []
    for step in range(view.last + 1):
        view.step = step
        said.append(view.labels()["words"])
    assert "dL/da += dL/db * db/da = 6 * 2 = 12. Too early: 2 of 3 parts of dL/db are still to come." in said
    late = "It was 6 and is now 12. Too late: b has handed its gradient on already."
    assert any(words.startswith("dL/db += dL/dc * dc/db = 1 * 6 = 6 (operand 2). " + late) for words in said)
    assert Graph(product(), order="wrong", step=-1).describe().endswith("nothing that was computed is used twice.")


def test_arrays_in_words():
    view = Graph(arrays())
    said = []
    for step in range(view.last + 1):
        view.step = step
        said.append(view.labels()["words"])
    assert any(words.startswith("a = x @ w = 4×2, norm ") for words in said)
    (words,) = (words for words in said if words.startswith("dL/dw += dL/da · da/dw = 3×2, norm"))
    assert words.endswith(
        "a vector-Jacobian product. The rule of MatMul: y = a b, dL/da = dL/dy b^T, dL/db = a^T dL/dy."
    )
    labels = view.labels()
    assert "VJP" in [edge["text"] for edge in labels["edges"]]
    assert any("6 Jacobian, which is never built" in edge["tip"] for edge in labels["edges"])
    b = next(node for node in labels["nodes"] if node["name"] == "b")
    assert b["value"] == "[0.5 -0.5]" and b["gradient"].startswith("[")
    x = next(node for node in labels["nodes"] if node["name"] == "x")
    assert x["gradient"] == "" and "no gradient: a constant" in x["tip"]


@pytest.mark.parametrize(
    ("array", "words"),
    [(2.0, "2"), (np.float32([[0.1]]), "0.1"), ([1.0, -2.5], "[1 -2.5]"), (np.ones((4, 4)), "4×4, norm 4"),
     (np.full(9, np.nan), "9, norm NaN"), (np.array([1, 0, 1, 1]), "4, norm 1.7")],
)  # fmt: skip
def test_arrays_are_short(array, words):
    assert short(array) == words


def test_operations_as_they_are_written():
    x, y = nb.Tensor(2.0), nb.Tensor(-3.0)
    cases = {
        "x - (-3)": x - y, "x / y": x / y, "-x": -x, "x**-1": x**-1, "x ** y": abs(x) ** y, "tanh(x)": x.tanh(),
        "leaky_relu(x)": x.leaky_relu(), "maximum(x, y)": nb.engine.maximum(x, y), "x[0]": nb.Tensor([1.0])[0],
        "x % y": x % y, "x // y": x // y, "sin(x)": x.sin(), "logaddexp(x, y)": x.logaddexp(y),
    }  # fmt: skip
    for words, result in cases.items():
        with nb.engine.record():
            root = result * x
        walk = Walk(root)
        node = walk.nodes[[node.op for node in walk.nodes].index(result.op.name)] if result.op else None
        operands = ["x", "-3"] if "(-3)" in words else ["x", "y"][: len(node.inputs)] if node else ["x"]
        if node is not None:
            assert expression(node, operands) == words
            assert symbol(node)


# Options.


def test_the_step_is_a_whole_number_up_to_the_last():
    view = Graph(product())
    view.step = np.int64(3)
    assert view.step == 3 and isinstance(view.step, int)
    assert Graph(product(), step=-1).step == view.last == 10 and Graph(product(), step=-11).step == 0
    for bad in (11, -1, 2.0, True, "3"):
        with pytest.raises(ValueError, match="step: expected a whole number from 0 to 10, got"):
            view.step = bad
    assert view.step == 3 and repr(view) == "Graph(Walk, order='right', step=3)"


def test_a_board_tells_the_browser_the_range():
    board = nb.views.Graph(nb.Tensor(2.0) * nb.Tensor(3.0), order="wrong")
    order, step = board._spec["panels"][0]["options"]
    assert order["value"] == "wrong" and "range" not in order
    assert step["range"] == [0, 5] and step["value"] == 0
    board._receive(board, {"type": "option", "view": "a", "panel": 0, "name": "step", "value": 4}, [])
    assert board.views[0].step == 4
    board.close()


def test_names_by_keyword_and_by_dict():
    x, w = nb.Tensor(2.0), nb.Tensor(3.0)
    board = nb.views.Graph(x * w, names={"first weight": w}, x=x)
    assert "x = 2, first weight = 3" in board.describe()
    with pytest.raises(TypeError, match="sept: expected a Tensor, got int"):
        nb.views.Graph(x * w, sept=3)
    with pytest.raises(TypeError, match="a Walk has its names already"):
        nb.views.Graph(product(), x=x)
    with pytest.raises(TypeError, match="Graph: expected a Tensor, such as the loss, got int"):
        Graph(3)
    board.close()


# The picture.


@pytest.mark.parametrize("name", WALKS)
def test_the_plot_shows_the_numbers(name, ax):
    view = Graph(WALKS[name](), step=-1)
    view.plot(ax)
    texts = [text.get_text() for text in ax.texts]
    for node in view.labels()["nodes"]:
        assert node["value"] in texts and node["gradient"] in texts
    curves = sum(len(curve) for curve in geometry(view.frame(), 300, 200, 8)[1])
    assert len(ax.patches) == curves + len(view.source.nodes)


def test_the_picture_is_as_high_as_the_graph_needs():
    boards = [nb.views.Graph(walk) for walk in (product(), network(2), network(5))]
    heights = [board._spec["height"] for board in boards]
    assert 280 <= heights[0] < heights[1] < heights[2] <= 640
    inches = [board._figure().get_size_inches().tolist() for board in boards]
    assert [w for w, _ in inches] == [8.0] * 3 and inches[0][1] < inches[1][1] < inches[2][1]
    boards.append(nb.views.Graph(product(), height=333))
    assert boards[-1]._spec["height"] == 333
    for board in boards:
        board.close()


def test_a_graph_is_drawn_in_a_part_of_a_figure():
    from matplotlib.figure import Figure

    x = nb.Tensor(2.0)
    part = Figure(figsize=(12, 4)).subfigures(1, 2)[1]
    assert nb.views.Graph(x * x).plot(part.subplots()).get_xlim()[1] < 72 * 6 * 1.01
