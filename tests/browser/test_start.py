"""`python -m nbprop`, from nothing to a run that plays."""

import pytest
from harness import LAB, Lab, serve
from test_playground import App, until

from nbprop import course


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory):
    with serve(tmp_path_factory.mktemp("anywhere"), app=("nbprop",)) as server:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        yield Lab(context.new_page(), server, LAB)
        context.close()


def test_the_playground_opens_and_plays(lab):
    """The first cell, then Play: as the notebook says."""
    assert "run its first cell (Shift+Enter), then press Play" in lab.server.log.read_text()
    lab.open(course.PLAYGROUND)
    cell = lab.page.locator(".jp-CodeCell").first
    cell.locator(".cm-content").click()
    lab.page.keyboard.press("Shift+Enter")
    app = App(lab, "playground", 2)
    app.board.wait_for(timeout=60_000)
    app.play()
    until(lambda: app.number("painted") > 10, "frames are painted")
    app.pause()
    assert lab.errors == lab.foreign == []
