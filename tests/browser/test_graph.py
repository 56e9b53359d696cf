"""The graph in a real JupyterLab: its steps are taken by mouse and by keyboard, and the kernel follows."""

import pytest

CELL = """import nbprop as nb

a = nb.Tensor(3.0)
b = a * 2.0
board = nb.views.Graph(b * b + b, a=a, b=b)
board"""
PANEL = "[data-panel=graph]"


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab().open("graph.ipynb", [CELL, "2"])
    lab.run_all()
    lab.page.locator(f"{PANEL} canvas").scroll_into_view_if_needed()
    return lab


@pytest.fixture(autouse=True)
def start(lab):
    """Each test begins at step 0."""
    lab.python("board.views[0].order = 'right'; board.views[0].step = 0")
    expect_step(lab, 0)


def expect_step(lab, step):
    """The slider, the number beside it, the words for screen readers, and so the kernel, are all at this step."""
    lab.page.wait_for_function(
        """([panel, step]) => {
            const root = document.querySelector(panel);
            return Number(root.querySelector("input[type=range]").value) === step
                && root.querySelector("output").textContent.startsWith(`${step} of `)
                && root.querySelector("canvas").getAttribute("aria-label").includes(`Step ${step} of `);
        }""",
        arg=[PANEL, step],
    )
    assert lab.python("print(board.views[0].step)") == str(step)


def picture(lab):
    return lab.page.evaluate(f"document.querySelector('{PANEL} canvas').toDataURL()")


def test_the_buttons_take_one_step_on_and_one_back_and_stop_at_the_ends(lab):
    on, back = (lab.page.get_by_role("button", name=f"step: one {words}") for words in ("on", "back"))
    before = picture(lab)
    back.click(force=True)  # at an end a button says that it is disabled, but keeps the focus
    expect_step(lab, 0)
    on.click()
    expect_step(lab, 1)
    assert picture(lab) != before
    on.click()
    on.click()
    expect_step(lab, 3)
    back.click()
    expect_step(lab, 2)
    last = int(lab.python("print(board.views[0].last)"))
    lab.python(f"board.views[0].step = {last}")
    expect_step(lab, last)
    on.click(force=True)
    expect_step(lab, last)
    assert on.get_attribute("aria-disabled") == "true" and back.get_attribute("aria-disabled") == "false"


def test_the_slider_and_the_buttons_take_the_keys(lab):
    slider = lab.page.locator(f"{PANEL} input[type=range]")
    slider.focus()
    cells = lab.page.locator(".jp-Notebook .jp-Cell").count()
    keys = ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowRight", "Home")
    for key, step in zip(keys, (1, 2, 1, 10, 10, 0), strict=True):
        lab.page.keyboard.press(key)
        expect_step(lab, step)
    lab.page.keyboard.press("Tab")  # to the button behind it
    for key, step in (("Enter", 1), ("Space", 2), ("ArrowLeft", 1), ("ArrowRight", 2)):
        lab.page.keyboard.press(key)
        expect_step(lab, step)
    lab.page.keyboard.press("d")
    lab.page.keyboard.press("d")
    assert lab.page.locator(".jp-Notebook .jp-Cell").count() == cells  # JupyterLab has not taken them for commands
    assert slider.evaluate("(s) => s.labels[0].innerText.trim()") == "step"
    assert slider.get_attribute("aria-valuetext") == "2 of 10"


def test_the_wrong_order_ends_in_a_wrong_gradient(lab):
    canvas = lab.page.locator(f"{PANEL} canvas")
    lab.page.locator(f"{PANEL} select").select_option("wrong")
    lab.page.locator(f"{PANEL} input[type=range]").focus()
    lab.page.keyboard.press("End")
    expect_step(lab, 10)
    assert "Wrong: dL/da = 12, not 26" in canvas.get_attribute("aria-label")
    lab.page.locator(f"{PANEL} select").select_option("right")
    lab.page.wait_for_function(
        "(panel) => document.querySelector(`${panel} canvas`).getAttribute('aria-label').includes('dL/da = 26')",
        arg=PANEL,
    )
