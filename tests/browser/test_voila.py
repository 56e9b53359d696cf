"""A Voila page of one cell: the app without a notebook around it."""

import time

import pytest
from harness import notebook

CELL = "import nbprop as nb\nplayground = nb.Playground(hidden=[8])\nplayground"
# Voila's own page asks for these. The test lets nothing through, and everything works.
VOILA = ("https://cdn.jsdelivr.net/npm/@fortawesome/", "https://cdnjs.cloudflare.com/ajax/libs/mathjax/")


@pytest.fixture
def voila(new_lab, jupyter):
    (jupyter.root / "app.ipynb").unlink(missing_ok=True)
    jupyter.write("app.ipynb", notebook(CELL))
    tab = new_lab()
    tab.page.route(lambda url: not url.startswith(jupyter.url), lambda route: route.abort())
    tab.page.goto(f"{jupyter.url}/voila/render/app.ipynb?token={jupyter.token}", timeout=60_000)
    tab.page.locator(".nbprop-board canvas").first.wait_for(timeout=60_000)
    yield tab
    tab.foreign[:] = [url for url in tab.foreign if not url.startswith(VOILA)]


def test_it_plays_paints_and_obeys(voila):
    page = voila.page
    board = page.locator(".nbprop-board")

    def pictures():
        return board.evaluate("(board) => [...board.querySelectorAll('canvas')].map((c) => c.toDataURL())")

    def until(condition, what):
        end = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < end, f"waited in vain until: {what}"
            time.sleep(0.03)

    before = pictures()
    assert len(before) == 4
    page.get_by_role("button", name="Play", exact=True).click()
    until(lambda: int(board.get_attribute("data-painted")) > 20, "20 frames are painted")
    until(lambda: all(a != b for a, b in zip(pictures(), before, strict=True)), "all four pictures have changed")
    # The slider acts: the words of the kernel for the picture of the weights know another layer.
    deeper = board.get_by_role("img", name="hidden 2")
    assert deeper.count() == 0
    page.get_by_role("slider", name="Depth").focus()
    page.keyboard.press("ArrowRight")
    until(lambda: deeper.count() == 1, "the picture has another layer")
    page.get_by_role("button", name="Pause", exact=True).click()
    until(lambda: board.get_attribute("data-status") == "paused", "it is paused")
    assert int(board.get_attribute("data-step")) > 0
