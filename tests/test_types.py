"""What an editor knows of nbprop: pyright reads, as a user's editor would, the code of the READMEs and some more."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import nbprop
from nbprop.training.knob import KNOBS
from nbprop.training.knobs import Knobs, Turns

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "nbprop"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

# What resolves to what: (expression, type).
KNOWN = [
    ("nb.nn.mlp([2, 16, 1])", "nb.nn.Sequential"),
    ("nb.nn.Sequential(nb.nn.Linear(2, 3), nb.nn.Tanh())", "nb.nn.Sequential"),
    ("nb.data.spirals(noise=0.1, seed=0)", "nb.data.Dataset"),
    ("trainer", "nb.Trainer"),
    ("trainer.branch(lr=0.5)", "nb.Trainer"),
    ("trainer.history", "nb.History"),
    ("trainer.fit(steps=1)", "nb.History"),
    ("nb.Playground()", "nb.Playground"),
    ("nb.views.Board(nb.views.Loss(trainer), nb.views.GradientFlow(trainer, quantity='dz'))", "nb.views.Board"),
    ("x", "nb.Tensor"),
    ("(x @ x).tanh().sum()", "nb.Tensor"),
    ("nb.optim.Adam(lr=0.01)", "nb.optim.Adam"),
    ("nb.optim.Adam().betas", "tuple[float, float]"),
    ("x.sum().inputs[0]", "nb.Tensor"),
    ("trainer.batch_size", "int"),
    ("trainer.hidden", "tuple[int, ...]"),
    ("trainer.model.parameters()[0]", "nb.nn.Parameter"),
]
FINE = """
trainer.lr = 0.1
trainer.lr = {"generator": 0.1}
trainer.optimizer = nb.optim.SGD(momentum=0.9)
trainer.optimizer = "adam"
trainer.schedule = nb.optim.CosineAnnealingLR(500)
trainer.hidden = [16, 16]
trainer.activation = nb.nn.ReLU
trainer.clip = None
trainer.frozen = ["output"]
trainer.set(lr=0.3, depth=3, speed=50)
trainer.branch(optimizer="sgd", lr=0.1)
nb.Trainer(nb.nn.mlp([2, 16, 1]), "spirals", optimizer=nb.optim.Adam())
nb.nn.LSTM(2, 3, forget_gate=False, bias=False)
trainer.rewind(200)
trainer.play()
trainer.pause()
trainer.history.plot("gradients")
x.sum().backward()
print(x.grad.round(4), trainer.history["val_accuracy"][-1], trainer.steps, trainer.optimizer.lr)
nb.grad(lambda x: (x**2).sum())(x)
nb.check_gradient(lambda x: (x**2).sum(), [1.0, 2.0])
nb.views.Loss(trainer, log=True)
nb.Playground(nb.data.digits(), hidden=[32, 32], activation="tanh", optimizer="adam", lr=1e-3)
with nb.no_grad():
    trainer.model(x)
"""
WRONG = """
trainer.learning_rate = 0.1
trainer.lrr = 1
trainer.lr = "fast"
trainer.depth = "deep"
trainer.set(lrr=1)
trainer.set(batch_size="large")
trainer.branch(learning_rate=0.1)
trainer.model.paramters()
nb.optim.Adam().beta1 = 0
nb.optim.Adam().beta1
x.sum().inputs[0].gard
x.bakward()
nb.views.Losss
nb.views.Loss(trainer).lgo = True
nb.views.Loss(trainer, lgo=True)
nb.nn.LSTM(2, 3, frget_gate=False)
trainer.fit(stps=600)
trainer.branhc()
nb.Trainr
nb.nn.Liner(2, 3)
nb.nn.Linear(2)
nb.data.spiral()
nb.optim.Adam(learning_rate=0.1)
"""
START = """\
from typing import assert_type

import nbprop as nb

trainer = nb.Trainer(nb.nn.mlp([2, 16, 1], seed=0), nb.data.spirals(noise=0.1, seed=0), loss="bce", seed=0)
x = nb.Tensor([[1.0, 2.0]], requires_grad=True)
"""


def code_of(page):
    """The python blocks of a page, one after the other, each on the lines that it has there."""
    kept, inside = [], False
    for line in page.read_text().splitlines():
        if line.startswith("```"):
            inside = line == "```python"
            kept.append("")
        else:
            kept.append(line if inside else "")
    return "\n".join(kept)


def name_of(page):
    return f"{'_'.join(page.relative_to(ROOT).with_suffix('').parts)}.py"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What pyright finds in a user's folder, nbprop being installed beside its needs: {file: {line: what is wrong}}."""
    folder = tmp_path_factory.mktemp("user")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    shutil.copytree(PACKAGE, site / "nbprop", ignore=shutil.ignore_patterns("__pycache__"))
    (site / "needs.pth").write_text(sysconfig.get_path("purelib"))
    asserted = "".join(f"assert_type({expression}, {kind})\n" for expression, kind in KNOWN)
    files = {"fine.py": START + asserted + FINE, "wrong.py": START + WRONG}
    for name, text in (files | {name_of(page): code_of(page) for page in PAGES}).items():
        (folder / name).write_text(text)
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "basic", "exclude": ["venv"]}')
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", folder / "venv" / "bin" / "python"]
    env = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}  # of newer versions, among the JSON
    env.pop("PYTHONPATH", None)
    report = json.loads(subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True).stdout)
    assert report["summary"]["filesAnalyzed"] == len(PAGES) + 2
    messages = {path.name: {} for path in folder.glob("*.py")}
    for each in report["generalDiagnostics"]:
        line = each["range"]["start"]["line"]
        messages[Path(each["file"]).name][line + 1] = each["message"]
    return messages


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_editor_has_nothing_against_the_code_of_a_page(found, path):
    assert found[name_of(path)] == {}


def test_what_a_user_types_is_known_to_the_editor(found):
    assert found["fine.py"] == {}


def test_a_slip_is_underlined(found):
    first = START.count("\n") + 2
    wanted = {first + i: line for i, line in enumerate(WRONG.strip().splitlines())}
    assert {line: wanted[line] for line in wanted if line not in found["wrong.py"]} == {}
    assert found["wrong.py"].keys() <= wanted.keys(), found["wrong.py"]


def test_editors_are_shown_the_names_that_are_looked_up_when_they_are_used():
    body = ast.parse((PACKAGE / "__init__.py").read_text()).body
    (shown,) = (node for node in body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    imported = {alias.name: node.module for node in shown.body for alias in node.names}
    assert imported == nbprop._HOME | dict.fromkeys(nbprop._STOREYS)
    assert sorted(imported) == nbprop.__all__


def test_what_set_takes_is_what_each_knob_takes():
    takes = {name: get_args(kind)[1] for name, kind in get_type_hints(Knobs).items()}
    assert get_type_hints(Turns) == takes | {"speed": float}
    assert takes.keys() == KNOBS.keys()


def missing(path):
    """Public functions and methods of a file that do not say what they give."""
    within = [(path.stem, ast.parse(path.read_text()))]
    for name, node in within:
        for inner in node.body:
            if isinstance(inner, ast.ClassDef | ast.If):
                within.append((f"{name}.{inner.name}" if isinstance(inner, ast.ClassDef) else name, inner))
            elif isinstance(inner, ast.FunctionDef) and inner.returns is None and not re.match("_(?!_)", inner.name):
                yield f"{name}.{inner.name}"


@pytest.mark.parametrize("folder", sorted({path.parent for path in PACKAGE.rglob("*.py")}), ids=lambda path: path.name)
def test_every_public_function_says_what_it_gives(folder):
    if folder.name != "exercises":  # whose functions are checks that nobody calls
        assert [name for path in sorted(folder.glob("*.py")) for name in missing(path)] == []


def test_no_rule_of_pyright_rests():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pyright"]
    assert settings.pop("reportUnnecessaryTypeIgnoreComment")  # so none stays that is not needed
    assert settings == {"include": ["nbprop"], "pythonVersion": "3.11", "typeCheckingMode": "basic"}
    ignored = [path for path in PACKAGE.rglob("*.py") if re.search("# *(pyright|type): *[a-z]", path.read_text())]
    assert ignored == [PACKAGE / "data" / "__init__.py"]  # __all__ with the names of a table


def test_pages_have_code():
    assert all(re.search(r"^```python$", page.read_text(), re.MULTILINE) for page in PAGES)
