"""What is this? Every panel and every control says it in two sentences, and names a lesson that there is."""

import json
import re
from pathlib import Path

import pytest

import nbprop as nb
from nbprop.playground import OWN_DIALS
from nbprop.record.lessons import LESSONS, Lesson
from nbprop.training.knob import KNOBS
from nbprop.views.base.folder import kinds

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
RUNS = nb.Playground(hidden=[3])
COMPARED = nb.compare(nb.Trainer(nb.nn.mlp([2, 3, 1], seed=0), "moons", seed=0), lr=0.1)
TOLD = {
    **{f"view {name}": kind for name, kind in kinds().items()},
    **{f"knob {name}": knob.control for name, knob in KNOBS.items() if knob.control is not None},
    **{f"playground {name}": RUNS._desk.dials[name].control for name in OWN_DIALS},
    **{f"compare {name}": dial.control for name, dial in COMPARED._desk.dials.items() if name not in KNOBS},
}
SENTENCE = re.compile(r"[.!?](?= [A-Z]| [a-z_]+ |$)")  # "sgd follows it": a name may begin one


def headings(number):
    cells = json.loads((NOTEBOOKS / Lesson(number, "").notebook).read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return re.findall(r"^#+ (.+)$", text, re.MULTILINE)


@pytest.mark.parametrize("name", TOLD)
def test_it_is_said_in_two_plain_sentences_and_a_lesson(name):
    about, lesson = TOLD[name].about, TOLD[name].lesson
    assert len(SENTENCE.findall(about)) == 2 and about.endswith(".") and about[0].isupper()
    assert 80 < len(about) < 300 and about.isprintable() and "  " not in about
    assert lesson.section in headings(lesson.number)[1:]
    assert str(lesson) == f"Lesson {lesson.number}, “{headings(lesson.number)[0]}”: “{lesson.section}”"


def test_no_two_say_the_same():
    said = [each.about for name, each in TOLD.items() if not name.startswith("compare")]
    assert len(set(said)) == len(said) > 40


def test_a_lesson_says_where_it_is_and_whether_its_notebook_is_here(monkeypatch, tmp_path):
    lesson = Lesson(10, "What is left after k steps")
    monkeypatch.chdir(tmp_path)
    assert lesson.where == {"page": "10-sequences", "section": lesson.section, "beside": False}
    (tmp_path / "10-sequences.ipynb").write_text("{}")
    assert lesson.where["beside"]


def test_the_lessons_are_the_notebooks_of_the_course():
    files = sorted(path.name for path in NOTEBOOKS.glob("[0-9]*.ipynb"))
    assert [Lesson(number, "").notebook for number in LESSONS] == files
    assert [f"{number:02}" for number in LESSONS] == [name[:2] for name in files]


def test_pages_are_told(tmp_path):
    spec = RUNS._spec
    assert [panel["about"] for panel in spec["panels"]] == [view.about for view in RUNS.views]
    assert [panel["lesson"] for panel in spec["panels"]] == [str(view.lesson) for view in RUNS.views]
    assert [panel["where"] for panel in spec["panels"]] == [view.lesson.where for view in RUNS.views]
    for dial in spec["desk"]["dials"]:
        control = RUNS._desk.dials[dial["name"]].control
        assert (dial["about"], dial["lesson"]) == (control.about, str(control.lesson))
    RUNS.trainer.step()
    page = RUNS.save(tmp_path / "run.html")
    assert page.size < 2_000_000


def test_a_view_without_words_has_no_question_mark():
    class Own(nb.views.base.view.View):
        name, title = "own", "Own"

    view = Own(RUNS.trainer)
    assert view.about == "" and view.lesson is None
    assert "about" not in nb.views.board.panel.Panel(view).spec()


def test_explain_begins_with_what_it_is():
    loss = kinds()["Loss"](RUNS.trainer)
    first, second, *_ = loss.explain().splitlines()
    assert first == f"{loss.about} ({loss.lesson})" and second == loss.describe()
    assert nb.views.Loss(RUNS.trainer).explain() == loss.explain()
