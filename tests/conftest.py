"""What holds for every test: what must be installed, the order, the browser, Matplotlib without a screen."""

import os
import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode does not

# For the kernels of notebooks too, before anything loads NumPy: on a machine that is busy, BLAS threads that wait for
# each other make small products many times slower. (binder/start does the same.)
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# The same examples every time, and no wall clock: a slow machine is not a failure.
settings.register_profile("nbprop", derandomize=True, deadline=None, database=None)
settings.load_profile("nbprop")


def find_chromium():
    """Path of the system's Chromium or Chrome, or None. NBPROP_CHROMIUM overrides."""
    names = (
        os.environ.get("NBPROP_CHROMIUM") or "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    )
    return next(filter(None, map(shutil.which, names)), None)


# Marker -> (is it here?, how to get it).
OPTIONAL = {
    "browser": (
        lambda: find_chromium() is not None,
        "no Chromium found: install it with the system's packages (apt-get install chromium), "
        "or put the path of a Chromium or Chrome into NBPROP_CHROMIUM",
    ),
    "binder": (
        lambda: "binder" in os.environ.get("NBPROP_REQUIRE", ""),
        "no wish for it: NBPROP_REQUIRE=binder installs the pinned packages from the registry",
    ),
    "torch": (lambda: find_spec("torch") is not None, 'no PyTorch found: pip install -e ".[torch]"'),
}


def pytest_addoption(parser):
    parser.addoption("--papers", action="store_true", help="make all paper cards anew (7 minutes), and nothing else")


def pytest_configure(config):
    config.pluginmanager.register(Memory())
    required = {name.strip() for name in os.environ.get("NBPROP_REQUIRE", "").split(",") if name.strip()}
    if unknown := required - OPTIONAL.keys():
        raise pytest.UsageError(f"NBPROP_REQUIRE: expected names out of {sorted(OPTIONAL)}, got {sorted(unknown)}")
    for name in sorted(required):
        here, how = OPTIONAL[name]
        if not here():
            raise pytest.UsageError(f"NBPROP_REQUIRE asks for {name}, but there is {how}")


def pytest_collection_modifyitems(config, items):
    chosen = {True: [], False: []}
    for item in items:
        chosen[(item.get_closest_marker("papers") is not None) == config.getoption("--papers")].append(item)
    items[:] = chosen[True]
    if chosen[False]:
        config.hook.pytest_deselected(items=chosen[False])
    for item in items:
        if "playwright" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
    # Last, because Playwright keeps an event loop running to the end: beside it asyncio.run() refuses to start.
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


MEMORY = 500  # MB that the kernel of a notebook may take: a Binder machine has 2000, for several of them


class Memory:
    """Notebooks are run by nbval: looks at the most memory that the kernel has taken before it is shut down. A plugin,
    for the hooks of this file are not called for files in other folders."""

    def __init__(self, most=MEMORY):
        self.most = most

    def pytest_collectstart(self, collector):
        if type(collector).__name__ != "IPyNbFile":
            return
        shut_down = collector.teardown

        def teardown():
            pid = collector.kernel.km.provisioner.pid
            status = Path(f"/proc/{pid}/status")
            peak = re.search(r"VmHWM:\s*(\d+) kB", status.read_text()) if status.exists() else None
            shut_down()
            took = 0 if peak is None else int(peak[1]) / 1000
            assert took < self.most, f"{collector.name} took {took:.0f} MB"

        collector.teardown = teardown


def pytest_runtest_setup(item):
    for name, (here, how) in OPTIONAL.items():
        if item.get_closest_marker(name) and not here():
            pytest.skip(how)


@pytest.fixture(scope="session", autouse=True)
def _no_screen():
    import matplotlib

    matplotlib.use("Agg")


@pytest.fixture
def ax():
    """Axes to draw on, drawn in full at the end: Matplotlib finds most of its faults only then."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    yield axes
    figure.canvas.draw()
    plt.close(figure)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """pytest-playwright drives the system's Chromium: nothing is downloaded."""
    sandbox = [] if os.getuid() else ["--no-sandbox"]  # Chromium refuses to run as root with its sandbox.
    return {**browser_type_launch_args, "executable_path": find_chromium(), "args": sandbox}
