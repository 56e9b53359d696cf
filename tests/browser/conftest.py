"""Fixtures of the browser tests: one JupyterLab server for all of them, a tab per module."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode does not
from harness import CHROMIUM_ARGS, FRONTEND, VOILA, Lab, serve
from voila_page import VoilaPage


def pytest_addoption(parser):
    group = parser.getgroup("abuse", "tests/browser/test_abuse.py")
    group.addoption("--minutes", type=float, default=0, help="so long; by default every act once")
    group.addoption("--seed", type=int, default=0, help="of the order of the acts")
    group.addoption("--acts", default="", help="only these, by their names, with commas between")


def pytest_collection_modifyitems(config, items):
    for item in items:
        if getattr(item, "originalname", "") == "test_abuse":
            item.add_marker(pytest.mark.timeout(60 * config.getoption("minutes", 0) + 600))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    return {**browser_type_launch_args, "args": [*browser_type_launch_args.get("args", []), *CHROMIUM_ARGS]}


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("notebooks")) as server:
        yield server


@pytest.fixture(scope="module")
def new_lab(browser, jupyter):
    """Makes a tab of 1280 x 800; in the end nothing must have gone wrong in any of them."""
    made = []

    def make(**options):
        context = browser.new_context(viewport={"width": 1280, "height": 800}, **options)
        lab = (VoilaPage if FRONTEND == VOILA else Lab)(context.new_page(), jupyter)
        made.append(lab)
        return lab

    yield make
    for lab in made:
        lab.close()
    assert [lab.errors for lab in made if lab.errors] == []
    assert [lab.foreign for lab in made if lab.foreign] == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call" and report.failed:
        for name, lab in item.funcargs.items():
            if isinstance(lab, Lab):
                folder = item.config.rootpath / "build" / "browser"
                folder.mkdir(parents=True, exist_ok=True)
                report.sections.append((name, lab.explain(folder, item.name)))
    return report
