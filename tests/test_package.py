"""The package as a whole: which storey may import which, what `import nbprop` loads, what a wheel holds."""

import ast
import re
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

import nbprop

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "nbprop"
SOURCES = sorted(PACKAGE.rglob("*.py"))

WIDGETS = {"anywidget", "ipywidgets", "traitlets"}
# Storey -> the storeys of nbprop and the packages that it may import.
STOREYS = {
    "__main__": {"course", "__version__"},
    "course": set(),
    "slides": set(),
    "cells": set(),
    "checks": {"numpy"},
    "elsewhere": {"checks"},
    "engine": {"checks", "numpy"},
    "flops": set(),
    "cost": {"engine", "flops", "numpy"},
    "nn": {"checks", "elsewhere", "engine", "numpy"},
    "optim": {"checks", "elsewhere", "engine", "numpy"},
    "data": {"checks", "numpy"},
    "saving": {"engine", "nn", "numpy"},
    "summary": {"engine", "flops", "nn", "numpy"},
    "equations": {"nn", "optim", "numpy"},
    "record": {"checks", "engine", "nn", "saving", "numpy"},
    "derivatives": {"engine", "numpy"},
    "second_order": {"checks", "derivatives", "engine", "numpy"},
    "theory": {"checks", "engine", "nn", "optim", "numpy"},
    "training": {
        "cells",
        "checks",
        "engine",
        "nn",
        "optim",
        "data",
        "saving",
        "record",
        "second_order",
        "theory",
        "numpy",
    },
    "sources": {
        "checks",
        "derivatives",
        "engine",
        "equations",
        "flops",
        "nn",
        "optim",
        "data",
        "record",
        "training",
        "numpy",
    },
    "diagnosis": {"checks", "data", "nn", "record", "training", "numpy"},
    "views": {"cells", "checks", "diagnosis", "nn", "record", "sources", "numpy"} | WIDGETS,
    "exercises": {
        "cells",
        "checks",
        "derivatives",
        "engine",
        "nn",
        "optim",
        "data",
        "record",
        "training",
        "sources",
        "theory",
        "numpy",
    },
    "papers": {"checks", "data", "engine", "nn", "optim", "record", "theory", "training", "numpy"},
    "comparing": {"checks", "record", "sources", "training", "views"},
    "watching": {"cells", "checks", "nn", "record", "training", "views", "numpy"},
    "sweeping": {"cells", "checks", "record", "views", "ipywidgets", "numpy"},
    "presets": {"checks", "nn", "data", "training", "numpy"},
    "playground": {
        "cells",
        "checks",
        "engine",
        "nn",
        "optim",
        "data",
        "record",
        "training",
        "comparing",
        "presets",
        "views",
        "numpy",
    },
}
# What is imported inside functions only, on first use: (file or storey, what).
LATE = {
    ("__main__", "jupyterlab"),
    ("__main__", "papers"),
    ("data/bundled.py", "sklearn"),
    ("data/episodes.py", "gymnasium"),
    ("data/pictures.py", "PIL"),
    ("nn/module.py", "summary"),
    ("training/__init__.py", "sources"),
    ("diagnosis/diagnosis.py", "pandas"),
    ("exercises/form.py", "ipywidgets"),
    ("exercises/prediction.py", "IPython"),
    ("papers/card.py", "matplotlib"),
    ("record/files.py", "pandas"),
    ("record/history.py", "views"),
    ("sweeping/known.py", "IPython"),
    ("sweeping/packing.py", "cloudpickle"),
    ("sweeping/table.py", "pandas"),
    ("sweeping/task.py", "threadpoolctl"),
    ("training/learning_rates.py", "views"),
    ("training/progress.py", "IPython"),
    ("training/progress.py", "ipywidgets"),
    ("views", "matplotlib"),
    ("views/board/recording.py", "training"),
    ("views/board/shown.py", "IPython"),
    ("watching/board.py", "IPython"),
    ("watching/eyes.py", "torch"),
}
TYPES = "TYPE_CHECKING"


def imports(path):
    """(what, is it inside a function?) for each import in a file: a storey of nbprop, or another package's name.

    What only editors see is none: `if TYPE_CHECKING:` never runs."""
    tree = ast.parse(path.read_text())
    tree.body = [node for node in tree.body if not (isinstance(node, ast.If) and ast.unparse(node.test) == TYPES)]
    late = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
    }
    package = ["nbprop", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            modules = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        for module in modules:
            top, _, rest = f"{module}.".partition(".")
            if top == "nbprop":
                name = rest.partition(".")[0]
                top = nbprop._HOME.get(name, name)
            if top not in sys.stdlib_module_names:
                yield top, node in late


def relative(path):
    return path.relative_to(PACKAGE).as_posix()


def storey(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@pytest.mark.parametrize("name", STOREYS)
def test_a_storey_imports_only_upward(name):
    files = [path for path in SOURCES if storey(path) == name]
    assert files
    for path in files:
        for what, late in imports(path):
            here = relative(path)
            allowed = what in STOREYS[name] | {name} or (late and LATE & {(here, what), (name, what)})
            assert allowed, f"nbprop/{here} imports {what}{' inside a function' if late else ''}"


def test_every_late_import_that_is_allowed_is_there():
    late = {(path, what) for path in SOURCES for what, inside in imports(path) if inside}
    assert {(key(path), what) for path, what in late for key in (storey, relative)} >= LATE


def test_every_file_belongs_to_a_storey():
    assert {storey(path) for path in SOURCES} == {"__init__", *STOREYS}


def run(code, **kwargs):
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, **kwargs)
    assert process.returncode == 0, process.stderr
    return process.stdout.split()


def test_nbprop_up_to_training_loads_only_numpy_and_the_standard_library():
    code = """
import sys, numpy
import numpy.random  # which brings the runtime of Cython along
before = set(sys.modules)
import nbprop as nb
nb.Tensor, nb.nn, nb.optim, nb.data, nb.training, nb.Trainer
print(*{name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)
"""
    loaded = run(code)
    assert "nbprop" in loaded
    assert set(loaded) <= {"nbprop", "numpy"}


def test_importing_nbprop_alone_loads_nothing_else():
    code = "import sys; import nbprop; print(*(m for m in sys.modules if m.partition('.')[0] in ('nbprop', 'numpy')))"
    assert run(code) == ["nbprop"]


def test_every_public_name_can_be_reached():
    for name in nbprop.__all__:
        assert getattr(nbprop, name) is not None
        assert name in dir(nbprop)
    with pytest.raises(AttributeError, match="no attribute 'Trainr'"):
        _ = nbprop.Trainr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_the_wheel_holds_every_source_file_and_nothing_else(wheel):
    sources = {
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
    assert {".py", ".js"} <= {Path(name).suffix for name in sources}
    sources |= {f"nbprop/notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.*[bl]")}
    info = f"nbprop-{nbprop.__version__}.dist-info"
    files = set(wheel.namelist())
    assert {name for name in files if not name.startswith(info)} == sources
    assert f"{info}/licenses/LICENSE" in files


def test_the_wheel_needs_four_packages(wheel):
    metadata = wheel.read(f"nbprop-{nbprop.__version__}.dist-info/METADATA").decode()
    needs = re.findall(r"^Requires-Dist: ([\w-]+)(?!.*extra ==)", metadata, re.MULTILINE)
    assert needs == ["anywidget", "ipywidgets", "matplotlib", "numpy"]
    extras = set(re.findall(r"^Provides-Extra: (.*)", metadata, re.MULTILINE))
    assert extras == {"docs", "lab", "sweep", "test", "torch", "tutorials"}


def test_the_wheel_works_from_where_it_is_put(wheel, tmp_path):
    wheel.extractall(tmp_path)
    code = """
import nbprop as nb
trainer = nb.Trainer(nb.nn.mlp([2, 8, 1], seed=0), nb.data.xor(), loss="bce", seed=0)
nb.views.Loss(trainer)
print(nb.__file__)
"""
    (where,) = run(code, env={"PYTHONPATH": str(tmp_path), "PATH": ""}, cwd=tmp_path)
    assert Path(where).is_relative_to(tmp_path)


def test_the_wheel_has_the_course_as_it_is_in_the_repository(wheel, tmp_path):
    wheel.extractall(tmp_path / "site")
    command = [sys.executable, "-m", "nbprop", "course", "lessons"]
    done = subprocess.run(
        command, env={"PYTHONPATH": "site", "PATH": ""}, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    lessons = {path.name: path.read_bytes() for path in (ROOT / "notebooks").glob("*.*[bl]")}
    assert {path.name: path.read_bytes() for path in (tmp_path / "lessons").glob("*.*[bl]")} == lessons
    assert done.stdout.startswith("written: 00-playground.ipynb, 01-chain-rule.ipynb, ") and not done.stderr


def test_one_version():
    assert version("nbprop") == nbprop.__version__
    assert f"\n## [{nbprop.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


# A sweep hands functions to processes that it has begun, or that its user gave it; it reads no file with it.
CARRIED = {"sweeping/packing.py": {"cloudpickle", "pickle"}, "sweeping/task.py": {"pickle"}}
FORBIDDEN_MODULES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}


def test_nothing_that_is_loaded_can_execute_code():
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                assert not names & (FORBIDDEN_MODULES - CARRIED.get(str(path.relative_to(PACKAGE)), set())), where
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in FORBIDDEN_CALLS, where
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant), where
                assert node.value.value is False, where


def test_no_text_becomes_html_or_code_in_the_browser():
    pattern = r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|new Function|setHTMLUnsafe)\b"
    for path in PACKAGE.rglob("*.js"):
        assert not re.search(pattern, path.read_text()), path.name
