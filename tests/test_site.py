"""The site: built with warnings as errors, whole, and at home without a network; its boards live without a kernel.

The first build runs the notebooks: about six minutes on two cores. What it made of them is in build/boards.
"""

import inspect
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import nbprop as nb

ROOT = Path(__file__).parents[1]
GUIDES = [f"guides/{path.stem}" for path in sorted((ROOT / "docs").glob("*.md"))]
pytestmark = pytest.mark.timeout(1200)
LESSONS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder with the built pages."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, ROOT / "docs" / "build.py", folder], capture_output=True, text=True, timeout=1100
    )
    assert built.returncode == 0, built.stderr[-3000:]
    return folder / "html"


class Loaded(HTMLParser):
    """What a page loads by itself."""

    def __init__(self, html):
        super().__init__()
        self.urls = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag in ("script", "img", "iframe", "source"):
            self.urls.append(attrs.get("src"))
        if tag == "link" and attrs.get("rel") not in ("canonical", "next", "prev", "search", "index"):
            self.urls.append(attrs.get("href"))


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_has_its_outputs_and_its_binder_button(site, lesson):
    html = (site / f"{lesson}.html").read_text()
    assert f"urlpath=lab/tree/notebooks/{lesson}.ipynb" in html and "mybinder.org/v2/gh/" in html
    assert html.count('class="cell_output') >= 5
    assert (site / "_sources" / f"{lesson}.ipynb").read_bytes() == (ROOT / "notebooks" / f"{lesson}.ipynb").read_bytes()


def test_every_page_is_reached_from_the_first_one(site):
    first = (site / "index.html").read_text()
    for page in [*LESSONS, *GUIDES, "reference/nbprop", "reference/nn", "reference/ops"]:
        assert f'href="{page}.html"' in first


def test_every_page_of_docs_is_on_the_site_and_points_into_the_repository(site):
    assert len(GUIDES) >= 2
    for page in GUIDES:
        html = (site / f"{page}.html").read_text()
        leads = "](../" in (ROOT / "docs" / f"{page.removeprefix('guides/')}.md").read_text()
        assert ("/blob/HEAD/" in html) == leads
        assert not re.search(r'href="[^"]*\.\./(nbprop|tests)/', html)


def test_the_reference_has_every_public_name(site):
    for storey in ("engine", "nn", "optim", "data", "training", "views", "exercises"):
        html = (site / "reference" / f"{storey}.html").read_text()
        module = getattr(nb, storey)
        public = [name for name in module.__all__ if not inspect.ismodule(getattr(module, name))]
        assert [name for name in public if f'id="nbprop.{storey}.{name}"' not in html] == []
    html = (site / "reference" / "training.html").read_text()
    assert 'id="nbprop.training.Trainer.rewind"' in html


def test_nothing_is_loaded_from_elsewhere(site):
    for page in site.rglob("*.html"):
        away = [url for url in Loaded(page.read_text()).urls if url and re.match(r"(https?:)?//", url)]
        assert away == [], page.name


def boards_of(page):
    """The names of the pages in the frames of a page."""
    return re.findall(r'<iframe class="nbprop-page" src="boards/([\w-]+\.html)"', page.read_text())


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_board_of_a_lesson_is_there_without_a_kernel(site, lesson):
    cells = json.loads((ROOT / "notebooks" / f"{lesson}.ipynb").read_text())["cells"]
    texts = ["".join(o.get("data", {}).get("text/plain", "")) for cell in cells for o in cell.get("outputs", ())]
    kept = [text for text in texts if re.match(r"(Board|Compared|Playground|Controls)\(", text)]
    assert boards_of(site / f"{lesson}.html") == [f"{lesson}-{i + 1}.html" for i in range(len(kept))] != []


def test_the_boards_have_their_bounds(site):
    sizes = {path.name: path.stat().st_size for path in (site / "boards").iterdir()}
    assert set(sizes) == {name for page in site.glob("*.html") for name in boards_of(page)}
    assert boards_of(site / "index.html") == ["landing.html"] and sizes["landing.html"] < 1_000_000
    assert max(size for name, size in sizes.items() if name != "landing.html") <= 600_000
    assert sum(sizes.values()) < 1_000_000 * len(LESSONS)


@pytest.mark.browser
def test_every_board_moves_and_answers_offline(site, browser):
    context = browser.new_context(viewport={"width": 1000, "height": 900}, offline=True)
    page = context.new_page()
    errors, away = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: "[nbprop]" in message.text and errors.append(message.text))
    page.on("request", lambda request: away.append(request.url) if request.url.startswith("http") else None)
    page.set_default_timeout(20_000)
    pictures = (
        """() => [...document.querySelectorAll(".nbprop-canvas canvas")].map((canvas) => canvas.toDataURL()).join()"""
    )
    moved = {}
    for path in sorted((site / "boards").iterdir()):
        page.goto(path.as_uri())
        page.locator(".nbprop-board[data-painted]:not([data-painted='0'])").wait_for()
        assert page.locator("#said").get_attribute("class") is None, path.name
        if not page.locator(".nbprop-player-bar").is_visible():
            continue
        end = page.locator(".nbprop-player output").inner_text().split(" ·")[0]
        page.keyboard.press("End")
        page.wait_for_timeout(100)
        last = page.evaluate(pictures)
        page.keyboard.press("Home")
        page.wait_for_timeout(100)
        moved[path.name] = page.evaluate(pictures) != last
        assert page.locator(".nbprop-player output").inner_text() != end or end.startswith("step 0")
    assert len(moved) > 25 and all(moved.values()), moved
    assert (errors, away) == ([], [])
    context.close()


@pytest.mark.browser
def test_a_board_in_a_lesson_is_as_high_as_it_has_to_be_and_answers(site, browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto((site / "index.html").as_uri())
    frame = page.frame_locator("iframe.nbprop-page")
    slider = frame.get_by_role("slider", name="Moment")
    slider.press("Home")
    assert frame.locator(".nbprop-player output").inner_text().startswith("step 0 of")
    assert not frame.locator("h1").is_visible()
    frame.locator("[data-panel=gradients] .nbprop-ask").click()
    link = frame.get_by_role("link", name="A network that does not learn")
    lesson, _, section = link.evaluate("(link) => link.href").partition("#")
    assert lesson == (site / "05-vanishing-and-exploding.html").as_uri()
    assert f'id="{section}"' in (site / "05-vanishing-and-exploding.html").read_text()
    link.press("Escape")
    inside = frame.locator("html").evaluate("(html) => [html.scrollHeight, html.clientHeight]")
    assert inside[0] <= inside[1] > 500
    canvas = frame.locator("[data-panel=loss] canvas")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert frame.locator("[data-panel=loss] .nbprop-tip").inner_text().startswith("step ")
    context.close()


@pytest.mark.browser
def test_it_opens_without_errors_shows_formulas_and_is_searchable(site, browser):
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    errors, away = [], []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: away.append(request.url) if request.url.startswith("http") else None)
    for name in ["index", *LESSONS, *GUIDES, "reference/training"]:
        page.goto((site / f"{name}.html").as_uri())
        page.get_by_role("heading", level=1).first.wait_for()
    page.goto((site / f"{LESSONS[0]}.html").as_uri())
    page.locator("mjx-container").first.wait_for()
    page.goto((site / "search.html").as_uri() + "?q=backpropagation")
    page.locator("#search-results li a").first.wait_for()
    assert (errors, away) == ([], [])
    context.close()
