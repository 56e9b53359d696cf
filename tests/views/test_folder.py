"""The folder is the registry: a view is two files, and what is missing or wrong is said when it is first looked for."""

import inspect
import subprocess
import sys
from types import ModuleType

import pytest

import nbprop as nb
from nbprop.views import base
from nbprop.views.base import stub
from nbprop.views.base.folder import FOLDER, kind, kind_in, kinds, names, view
from nbprop.views.base.view import View
from nbprop.views.board.javascript import bundle, entry


def test_the_folder_holds_views_and_nothing_else():
    assert names() == sorted(path.stem for path in FOLDER.glob("*.js"))
    assert {path.name for path in FOLDER.iterdir() if path.suffix not in (".js", ".py")} <= {
        "README.md",
        "__init__.pyi",
        "__pycache__",
        "base",
        "board",
    }
    assert sorted(kind(name).name for name in names()) == names()
    assert {*kinds(), "Board", "Controls"} == set(nb.views.__all__) <= set(dir(nb.views))


@pytest.mark.parametrize(("alone", "other"), [("wave.py", "wave.js"), ("wave.js", "wave.py")])
def test_a_missing_half_is_named(tmp_path, alone, other):
    for name in ("loss.py", "loss.js", "__init__.py", alone):
        (tmp_path / name).touch()
    with pytest.raises(FileNotFoundError, match=f"expected {other} in "):
        names(tmp_path)
    with pytest.raises(FileNotFoundError, match=f"expected {other} in "):
        bundle(tmp_path)
    (tmp_path / other).touch()
    assert names(tmp_path) == ["loss", "wave"]


def module(**members):
    made = ModuleType("nbprop.views.wave")
    for name, each in members.items():
        if isinstance(each, type):
            each.__module__ = "nbprop.views.wave"
        setattr(made, name, each)
    return made


def whole(without="", **members):
    methods = {each: lambda self: None for each in ("frame", "plot", "describe") if each != without}
    return type("Wave", (View,), {"name": "wave", "title": "Wave", **methods, **members})


def test_the_class_is_the_one_with_the_name_of_the_file():
    made = whole()
    assert kind_in(module(Wave=made, View=View, helper=3), "wave") is made


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, r"wave\.py: expected one View in it with name = 'wave', got no View"),
        ({"Wave": whole(name="waves")}, "got Wave with name = 'waves'"),
        ({"Wave": whole(), "Other": whole()}, "expected one View"),
        ({"Wave": whole(title="")}, "Wave has no title"),
        ({"Wave": whole(without="plot")}, r"Wave has no plot\(\)"),
    ],
)
def test_what_is_no_whole_view_is_refused(members, words):
    with pytest.raises(TypeError, match=words):
        kind_in(module(**members), "wave")


def test_the_entry_hands_the_board_the_draw_of_every_view():
    text = entry(["loss", "wave"])
    assert 'import { draw as wave } from "./wave.js";' in text and "widget({ loss, wave })" in text


def test_two_files_make_a_view(tmp_path):
    """In a copy of the package, as somebody would who adds one: it has a name, a factory, and its JavaScript."""
    code = """
import shutil, sys
from pathlib import Path
import nbprop
here, there = Path(nbprop.__file__).parent, Path(sys.argv[1]) / "nbprop"
shutil.copytree(here, there, ignore=shutil.ignore_patterns("__pycache__"))
(there / "views/wave.py").write_text('''
import numpy as np
from .base.view import Option, View, new_axes
class Wave(View):
    "A wave."
    name, title = "wave", "Wave"
    options = (Option("high", "high"),)
    def frame(self):
        return {"x": np.zeros(3, np.float32)}
    def plot(self, ax=None):
        return new_axes(ax)
    def describe(self):
        return "still"
''')
(there / "views/wave.js").write_text("export function draw(panel, frame) {}")
"""
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True)
    code = """
import nbprop as nb
made = nb.views.Wave(nb.Descent("bowl"), high=True)
print(made.describe(), made.high, "$wave" in made._code, "Wave" in nb.views.__all__)
"""
    settings = {"env": {"PYTHONPATH": str(tmp_path), "PATH": ""}, "cwd": tmp_path}
    ran = subprocess.run([sys.executable, "-c", code], **settings, capture_output=True, text=True)
    assert ran.stdout.split() == ["still", "True", "True", "True"], ran.stderr


@pytest.mark.parametrize("name", kinds())
def test_a_factory_shows_its_keywords_and_says_what_it_gives(name):
    make, own = getattr(nb.views, name), kinds()[name]
    parameters = inspect.signature(make).parameters
    assert next(iter(parameters)) == "source" and "height" in parameters and "options" not in parameters
    for option in own.options:
        assert parameters[option.name].kind is inspect.Parameter.KEYWORD_ONLY
        assert option.name in inspect.signature(own).parameters
    assert make.__name__ == name and make.__doc__.startswith(inspect.getdoc(own)[:40])


def test_what_editors_are_told_is_up_to_date():
    assert stub.PATH.read_text(encoding="utf-8") == stub.stub(), "run `python -m nbprop.views.base.stub`"
    assert base.__doc__


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"expected a view out of .*got 'lose'; did you mean 'loss'"):
        view("lose", None)
    with pytest.raises(AttributeError, match="has no attribute 'Los'; did you mean 'Loss'"):
        _ = nb.views.Los
