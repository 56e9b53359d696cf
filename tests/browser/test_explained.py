"""A step explained in a real JupyterLab: walked through by mouse, by keys and by itself, and linked with others."""

import pytest

CELL = """import nbprop as nb

trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), "moons", optimizer=nb.optim.SGD(0.1), seed=0)
trainer.fit(steps=20)
board = nb.views.Board(nb.views.Boundary(trainer), nb.views.Explained(trainer), columns=1, height=900)
view = board.views[1]
board"""
PANEL = "[data-panel=explained]"


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab().open("explained.ipynb", [CELL, "2"])
    lab.run_all()
    lab.page.locator(f"{PANEL} canvas").scroll_into_view_if_needed()
    return lab


@pytest.fixture(autouse=True)
def start(lab):
    """Each test begins at the input, with the batch."""
    lab.python("view.station, view.numbers, view.of = 0, False, 'chosen'; board.chosen.set(sample=None, layer=None)")
    expect_station(lab, 0)


def expect_station(lab, station):
    """Slider, number, name for screen readers, words of the picture, and the kernel are all at this station."""
    lab.page.wait_for_function(
        """([panel, station]) => {
            const root = document.querySelector(panel);
            const slider = root.querySelector(".nbprop-stepper input[type=range]");
            return Number(slider.value) === station && root.querySelector("output").textContent === `${station} of 8`
                && slider.getAttribute("aria-valuetext").startsWith(`${station} of 8, `)
                && root.querySelector("canvas").getAttribute("aria-label").includes(`Station ${station} of 8, `);
        }""",
        arg=[PANEL, station],
    )
    assert lab.python("print(view.station)") == str(station)


def button(lab, words):
    return lab.page.locator(PANEL).get_by_role("button", name=f"station: {words}", exact=True)


def picture(lab):
    return lab.page.evaluate(f"document.querySelector('{PANEL} canvas').toDataURL()")


def said(lab, words):
    """The words for screen readers come to hold these."""
    script = "([panel, words]) => document.querySelector(`${panel} canvas`).getAttribute('aria-label').includes(words)"
    lab.page.wait_for_function(script, arg=[PANEL, words])


def test_one_press_at_a_time_on_and_back_and_to_the_ends(lab):
    before = picture(lab)
    button(lab, "one on").click()
    expect_station(lab, 1)
    assert picture(lab) != before
    said(lab, "z₁ = W₁ x + b₁; a₁ = tanh(z₁)")
    button(lab, "last").click()
    expect_station(lab, 8)
    said(lab, "ΔW₂ = −η g")
    button(lab, "one back").click()
    expect_station(lab, 7)
    button(lab, "first").click()
    expect_station(lab, 0)
    assert button(lab, "first").get_attribute("aria-disabled") == "true"


def test_keys_and_the_list_of_phases(lab):
    slider = lab.page.locator(f"{PANEL} .nbprop-stepper input[type=range]")
    slider.focus()
    for key, station in zip(("ArrowRight", "End", "ArrowLeft", "Home"), (1, 8, 7, 0), strict=True):
        lab.page.keyboard.press(key)
        expect_station(lab, station)
    cells = lab.page.locator(".jp-Notebook .jp-Cell").count()
    button(lab, "one on").focus()
    for key, station in (("Enter", 1), ("ArrowRight", 2), ("ArrowLeft", 1)):
        lab.page.keyboard.press(key)
        expect_station(lab, station)
    for key in "dd":
        lab.page.keyboard.press(key)
    assert lab.page.locator(".jp-Notebook .jp-Cell").count() == cells
    lab.page.locator(PANEL).get_by_label("station: part").select_option(label="backward")
    expect_station(lab, 5)
    said(lab, "∂L/∂W₂ = Σᵢ δ₂ a₁ᵀ")


def test_it_plays_slowly_and_stops_at_the_end(lab):
    lab.python("view.station = 6")
    expect_station(lab, 6)
    button(lab, "play slowly").click()
    assert button(lab, "pause").inner_text() == "Pause"
    expect_station(lab, 8)
    button(lab, "play slowly").wait_for()
    button(lab, "first").click()
    button(lab, "play slowly").click()
    button(lab, "pause").click()
    expect_station(lab, 0)


def test_numbers_of_the_run_stand_in_the_equation(lab):
    lab.python("view.station = 6")
    before = picture(lab)
    lab.page.locator(PANEL).get_by_label("numbers").check()
    said(lab, "∂L/∂W₁ = ")
    lab.page.wait_for_function(
        "([panel, old]) => document.querySelector(`${panel} canvas`).toDataURL() !== old", arg=[PANEL, before]
    )
    assert lab.python("print(view.numbers)") == "True"
    lab.page.locator(f"{PANEL} label.nbprop-option select").select_option("sample")
    value = lab.python("from nbprop.views.explained import written; print(written(trainer.observe(0).dz[0]))")
    said(lab, f" = {value}; ∂L/∂W₁")


def test_the_sample_that_is_chosen_elsewhere_is_explained_here_and_the_other_way_round(lab):
    lab.python("board.chosen.set(sample=7)")
    said(lab, "Step 21 with sample 7")
    slider = lab.page.locator(f"{PANEL} label", has_text="sample").locator("input")
    slider.focus()
    lab.page.keyboard.press("ArrowRight")
    said(lab, "Step 21 with sample 8")
    assert lab.python("print(board.chosen.sample)") == "8"


def test_a_press_on_a_layer_goes_there_and_chooses_it(lab):
    lab.python("view.station = 1")
    expect_station(lab, 1)
    canvas = lab.page.locator(f"{PANEL} canvas")
    box = canvas.bounding_box()
    x, step = 0.0, 12
    while lab.python("print(board.chosen.layer)") != "output" and x < box["width"] / 2:
        x += step
        canvas.click(position={"x": x, "y": 60})
        lab.page.wait_for_timeout(60)
    assert lab.python("print(board.chosen.layer, view.station)") == "output 2"
    expect_station(lab, 2)


def test_it_follows_the_run_or_stays(lab):
    lab.python("trainer.step()")
    said(lab, "Step 22 with the batch")
    lab.page.locator(PANEL).get_by_label("follow the run").uncheck()
    while lab.python("print(view.follow)") == "True":
        lab.page.wait_for_timeout(20)
    lab.python("trainer.step(3); view.station = 2")
    said(lab, "Step 22 with the batch")
    lab.page.locator(PANEL).get_by_label("follow the run").check()
    said(lab, "Step 25 with the batch")
    lab.python("trainer.rewind(20)")
    said(lab, "Step 21 with the batch")
