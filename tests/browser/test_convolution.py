"""Filters and percentiles of a convolutional network in a real JupyterLab: their colours, words and keys.

The tests share one tab and follow each other: first the network as it was made, then what training makes of it.
"""

import base64
import io
import json

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from nbprop.views.base import colors
from nbprop.views.base.view import number

CELL = """import numpy as np
import nbprop as nb

# Pictures with a bright left or right half, in turn; filters that add, take away, see an edge, see nothing.
y = np.arange(64) % 2
X = (np.arange(6) // 3 == y[:, None])[:, None, None, :] + np.random.default_rng(0).normal(0, 0.1, (64, 1, 6, 6))
conv = nb.nn.Conv2d(1, 4, 3, rng=0)
conv.weight.data[:, 0] = 0.2 * np.array([[1, 1, 1], [-1, -1, -1], [-1, 0, 1], [0, 0, 0]])[:, None, :]
head = [nb.nn.Linear(64, 8, rng=0), nb.nn.Tanh(), nb.nn.Linear(8, 1, rng=0)]
model = nb.nn.Sequential(conv, nb.nn.Tanh(), nb.nn.Flatten(), *head)
data = nb.data.from_arrays(X[:48], y[:48], X[48:], y[48:], classes=("left half", "right half"))
trainer = nb.Trainer(model, data, lr=0.01, probe_every=1, seed=0)
board = nb.views.Board(nb.views.Percentiles(trainer), nb.views.Filters(trainer), columns=1, height=500)
percentiles, filters = board.views
board"""


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab().open("convolution.ipynb", [CELL, "import json"])
    lab.run_all()
    panel(lab, "filters").scroll_into_view_if_needed()
    panel(lab, "percentiles").scroll_into_view_if_needed()
    wait_for_words(lab, "filters", "On the picture of a left half")
    return lab


def panel(lab, name):
    return lab.page.locator(f"[data-panel={name}]")


def wait_for_words(lab, name, part):
    """Until the words for screen readers say so, which they do once the picture shows it."""
    lab.page.wait_for_function(
        "([name, part]) => document.querySelector(`[data-panel=${name}] canvas`).ariaLabel.includes(part)",
        arg=[name, part],
    )


def frame(lab, name):
    """The numbers of the view in the kernel."""
    said = lab.python(f"print(json.dumps({{name: array.tolist() for name, array in {name}.frame().items()}}))")
    return {name: np.array(numbers) for name, numbers in json.loads(said).items()}


def picture(lab, name):
    """The pixels on the canvas: whole numbers (height, width, 3)."""
    url = panel(lab, name).locator("canvas").evaluate("(canvas) => canvas.toDataURL()")
    pixels = imread(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    return (255 * pixels[..., :3]).round().astype(int)


def rgb(color):
    return (255 * np.array(to_rgb(color))).round().astype(int)


def readout(lab, name, x, y):
    """What is said of the pixel at x, y of the picture (which has one for each CSS pixel)."""
    panel(lab, name).locator("canvas").hover(position={"x": int(x), "y": int(y)})
    tip = panel(lab, name).locator(".nbprop-tip")
    return tip.text_content() if tip.is_visible() else None


# Filters: a row of four, the map of each below it, and at the left the picture.


def squares(image, height):
    """Of the four filters, or maps, that a line across the picture at this height meets: [first, last + 1] column."""
    drawn = (image[int(height * len(image))] != image[-1, -1]).any(axis=1)
    return np.flatnonzero(np.diff(drawn, prepend=False, append=False)).reshape(-1, 2)[-4:]


def stripes(image, height):
    """The colours on that line in each of the four, without their edges."""
    return [image[int(height * len(image)), a + 3 : b - 3] for a, b in squares(image, height)]


FILTERS, MAPS = 0.3, 0.75  # of the height


def blue(stripe):
    """How blue (above zero) or orange (below zero) the left and right end of a stripe are."""
    return (stripe[[0, -1], 2] - stripe[[0, -1], 0]).tolist()


def test_filters_have_the_colours_of_their_weights(lab):
    orange, pale, sky = (rgb(colors.DIVERGING[i]) for i in (0, 3, 6))
    plus, minus, edge, none = stripes(picture(lab, "filters"), FILTERS)
    thirds = [third[3:-3] for third in np.array_split(edge, 3)]
    for part, color in zip((plus, minus, none, *thirds), (sky, orange, pale, orange, pale, sky), strict=True):
        np.testing.assert_allclose(part, np.tile(color, (len(part), 1)), rtol=0, atol=1)


def test_feature_maps_are_those_of_the_picture_that_is_chosen_by_keyboard(lab):
    plus, minus, _, none = map(blue, stripes(picture(lab, "filters"), MAPS))
    assert plus[0] > 50 + plus[1] and minus[0] < minus[1] - 50 and none[0] == none[1]
    panel(lab, "filters").get_by_role("slider", name="picture").focus()
    lab.page.keyboard.press("ArrowRight")
    wait_for_words(lab, "filters", "On the picture of a right half")
    assert lab.python("print(filters.sample)") == "1"
    assert panel(lab, "filters").locator("output").inner_text() == "1 of 99"
    plus, minus, _, none = map(blue, stripes(picture(lab, "filters"), MAPS))
    assert plus[1] > 50 + plus[0] and minus[1] < minus[0] - 50 and none[0] == none[1]


def test_under_the_pointer_stand_the_ends_of_a_filter_and_of_its_map(lab):
    image, numbers = picture(lab, "filters"), frame(lab, "filters")
    filters, maps = (
        [f"{number(array.min(), 2)} to {number(array.max(), 2)}" for array in numbers[name]]
        for name in ("filters", "maps")
    )
    for height in (FILTERS, MAPS):
        for i, (a, b) in enumerate(squares(image, height)):
            lines = [f"filter {i + 1} of hidden 1", f"weights {filters[i]}", f"feature map {maps[i]}"]
            assert readout(lab, "filters", (a + b) / 2, height * len(image)) == "\n".join(lines)
    assert readout(lab, "filters", 10, len(image) / 2).endswith("the option chooses another")


# Percentiles: three layers beside each other.


def bands(image):
    """For each layer how many pixels its band reaches from bottom to top, and a place (x, y) in it at the last step."""
    tint = 0.7 * rgb("white") + 0.3 * rgb(colors.TRAIN)
    found, width = [], image.shape[1] // 3
    for left in range(0, 3 * width, width):
        rows, columns = np.nonzero((abs(image[:, left : left + width] - tint) < 4).all(axis=2))
        last = columns.max()
        found.append((rows.max() + 1 - rows.min(), (left + last, rows[columns == last].mean())))
    return found


def test_percentiles_are_drawn_to_scale_while_it_trains(lab):
    before = picture(lab, "filters")
    assert "Nothing has been recorded yet" in panel(lab, "percentiles").locator("canvas").get_attribute("aria-label")
    lab.python("trainer.play(steps=40)")
    lab.page.wait_for_selector('.nbprop-board[data-step="40"][data-status="paused"]')
    wait_for_words(lab, "percentiles", "after 40 steps: hidden 1 ")
    assert (picture(lab, "filters") != before).any()
    image, numbers = picture(lab, "percentiles"), frame(lab, "percentiles")
    heights = [height for height, _ in bands(image)]
    spans = numbers["high"].max(axis=1) - numbers["low"].min(axis=1)
    assert heights[0] / heights[1] == pytest.approx(spans[0] / spans[1], rel=0.1)  # the hidden layers share a scale
    assert heights[1] > 0.75 * len(image)  # which the wider of the two fills


def test_under_the_pointer_stand_the_percentiles_of_that_step(lab):
    numbers, places = frame(lab, "percentiles"), [place for _, place in bands(picture(lab, "percentiles"))]
    for i, name in enumerate(("hidden 1", "hidden 2", "output")):
        low, middle, high = (number(numbers[name][i, -1]) for name in ("low", "middle", "high"))
        lines = [f"{name} (all units), step 40", f"85 % of z below {high}", f"half below {middle} (the line)"]
        lines.append(f"15 % below {low}")
        assert readout(lab, "percentiles", *places[i]) == "\n".join(lines)


def test_the_unit_and_the_scale_are_chosen_by_keyboard(lab):
    together, _ = bands(picture(lab, "percentiles"))[0]
    panel(lab, "percentiles").get_by_role("checkbox", name="same scale").focus()
    lab.page.keyboard.press("Space")
    lab.page.keyboard.press("Shift+Tab")
    assert panel(lab, "percentiles").get_by_role("combobox", name="of").evaluate("(c) => c === document.activeElement")
    lab.page.keyboard.press("ArrowDown")
    wait_for_words(lab, "percentiles", "15th to 85th percentile of z (the first unit) after 40 steps")
    assert lab.python("print(percentiles.of, percentiles.same)") == "unit False"
    alone, (x, y) = bands(picture(lab, "percentiles"))[0]
    assert alone > 1.2 * together
    assert readout(lab, "percentiles", x, y).startswith("hidden 1 (the first unit), step 40\n")
