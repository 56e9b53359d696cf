"""`python -m nbprop`: the course put into a folder, where what was changed stays, and the way into JupyterLab."""

import json
import os
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

import nbprop
from nbprop import __main__ as command, course

ROOT = Path(__file__).parents[1]
LESSON = "01-chain-rule.ipynb"


@pytest.fixture
def release(tmp_path, monkeypatch):
    """Another release of the course, in which the lesson can be made another one."""
    home = tmp_path / "release" / "notebooks"
    home.mkdir(parents=True)
    for name in (course.INDEX, course.PLAYGROUND, LESSON):
        (home / name).write_text(f"{name} of the first release", encoding="utf-8")
    monkeypatch.setattr(course, "PLACES", (tmp_path / "nowhere", home.parent))
    return home


def run(*arguments, **options):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "nbprop", *arguments], capture_output=True, text=True, env=env, **options
    )


def test_the_course_is_the_notebooks_of_the_repository(tmp_path):
    done = course.put(tmp_path / "new" / "folder")
    ours = {path.name: path.read_bytes() for path in (ROOT / "notebooks").glob("*.*[bl]")}  # and results
    assert {path.name: path.read_bytes() for path in (tmp_path / "new" / "folder").glob("*.*[bl]")} == ours
    assert "23-phase-diagrams.jsonl" in ours
    assert done == (sorted(ours), [], [], [])
    assert course.names() == sorted(ours)
    assert course.put(tmp_path / "new" / "folder") == ([], sorted(ours), [], [])


def test_what_was_changed_is_left_alone_and_what_is_missing_comes_back(release, tmp_path):
    folder = tmp_path / "mine"
    course.put(folder)
    (folder / LESSON).write_text("my answers")
    (folder / course.INDEX).unlink()
    assert course.put(folder) == ([course.INDEX], [course.PLAYGROUND], [LESSON], [])
    assert (folder / LESSON).read_text() == "my answers"


def test_a_newer_release_renews_what_is_untouched_and_says_what_else_it_has(release, tmp_path):
    folder = tmp_path / "mine"
    course.put(folder)
    (folder / LESSON).write_text("my answers")
    for name in (LESSON, course.PLAYGROUND):
        (release / name).write_text("of the second release")
    for written in ([course.PLAYGROUND], []):  # and it says so the next time too
        done = course.put(folder)
        assert (done.written, done.kept, done.newer) == (written, [LESSON], [LESSON])
    assert (folder / LESSON).read_text() == "my answers"
    assert (folder / course.PLAYGROUND).read_text() == "of the second release"
    words = command.told(folder, done)
    assert f"yours, though nbprop has newer ones: {LESSON}\n" in words
    assert "python -m nbprop course ANOTHER_FOLDER" in words


def test_a_notebook_of_that_name_that_never_came_from_here_is_kept(release, tmp_path):
    (tmp_path / LESSON).write_text("another course")
    assert course.put(tmp_path).kept == [LESSON]
    (release / LESSON).write_text("of the second release")
    done = course.put(tmp_path)
    assert (done.kept, done.newer) == ([LESSON], [])
    assert (tmp_path / LESSON).read_text() == "another course"


@pytest.mark.parametrize("damage", [b"{", b"[1]", b'{"index.ipynb": 3}', b"\xff\xfe"])
def test_a_damaged_record_never_costs_a_changed_notebook(release, tmp_path, damage):
    course.put(tmp_path)
    (tmp_path / course.INDEX).write_text("mine")
    (tmp_path / course.RECORD).write_bytes(damage)
    assert course.INDEX in course.put(tmp_path).kept
    assert (tmp_path / course.INDEX).read_text() == "mine"
    assert LESSON in json.loads((tmp_path / course.RECORD).read_text())


def test_a_notebook_is_written_whole_or_not_at_all(release, tmp_path, monkeypatch):
    def full(path, content):
        with path.open("wb") as file:
            file.write(content[:3])
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space"):
        course.put(tmp_path / "mine")
    assert list((tmp_path / "mine").iterdir()) == []


def test_an_installation_without_its_notebooks_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(course, "PLACES", (tmp_path,))
    with pytest.raises(SystemExit, match=r"nbprop: the notebooks of the course are not where nbprop is"):
        command.main(["course", str(tmp_path / "x")])


# -------------------------------------------------------------------------------------------------------- the command


def test_the_command_says_what_it_did(tmp_path):
    done = run("course", "a b", cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith("written: 00-playground.ipynb, 01-chain-rule.ipynb, ")
    assert done.stdout.endswith(f"Start here: jupyter lab '{Path('a b') / 'index.ipynb'}'\n")


def test_version_and_help():
    assert run("--version").stdout == f"nbprop {nbprop.__version__}\n"
    shown = run("--help").stdout
    assert "python -m nbprop course FOLDER" in shown and "JupyterLab" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["corse", "x"], "unknown command 'corse'; there are: course FOLDER, papers [KEY]"),
        (["course"], "required: FOLDER"),
        (["course", "x", "y"], "unrecognized arguments: y"),
        (["course", __file__], "cannot be put into"),
    ],
)
def test_what_it_does_not_understand_it_refuses(arguments, words, tmp_path):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode != 0 and words in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def lab(monkeypatch):
    """What JupyterLab is started with."""
    started = []
    module = ModuleType("jupyterlab.labapp")
    module.__dict__["main"] = started.append
    module.__spec__ = ModuleSpec("jupyterlab.labapp", None)
    package = ModuleType("jupyterlab")
    package.__spec__ = ModuleSpec("jupyterlab", None)
    monkeypatch.setitem(sys.modules, "jupyterlab", package)
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", module)
    return started


def test_the_playground_is_a_notebook_in_the_folder_one_is_in(lab, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command.main(["--port", "9000", "--no-browser"])
    notebook = tmp_path / course.PLAYGROUND
    assert lab == [[str(notebook), "--port", "9000", "--no-browser"]]
    assert notebook.read_bytes() == (ROOT / "notebooks" / course.PLAYGROUND).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([course.PLAYGROUND, course.RECORD])
    notebook.write_text("mine")
    command.main([])
    assert notebook.read_text() == "mine" and len(lab) == 2
    assert f"{notebook}, yours, as it was: run its first cell" in capsys.readouterr().out


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder in which not even root may write")
def test_where_nothing_can_be_written_it_goes_elsewhere_and_says_so(lab, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir("/proc")
    command.main([])
    ((notebook,),) = lab
    assert Path(notebook).is_relative_to(tmp_path) and Path(notebook).exists()
    said = capsys.readouterr().out
    assert "Nothing can be written here" in said and notebook in said


def test_without_jupyterlab_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r'pip install "nbprop\[lab\]"'):
        command.main([])
    assert list(tmp_path.iterdir()) == []


def test_the_real_jupyterlab_is_started_from_where_the_command_looks_for_it():
    from jupyterlab.labapp import main

    assert callable(main)
