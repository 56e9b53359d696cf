"""The site: built with warnings as errors, whole, and at home without a network."""

import inspect
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import nbprop as nb

ROOT = Path(__file__).parents[1]
GUIDES = [f"guides/{path.stem}" for path in sorted((ROOT / "docs").glob("*.md"))]
LESSONS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder with the built pages."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, ROOT / "docs" / "build.py", folder], capture_output=True, text=True, timeout=250
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
    assert (site / "_sources" / f"{lesson}.ipynb").exists()


def test_every_page_is_reached_from_the_first_one(site):
    first = (site / "index.html").read_text()
    for page in [*LESSONS, *GUIDES, "reference/nbprop", "reference/nn"]:
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
