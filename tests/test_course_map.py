"""The map of the course: what builds on what is one list, and the index shows that list and no older one."""

import base64
import re
import runpy
from pathlib import Path

import nbformat
import pytest

from nbprop.record.lessons import LESSONS, WAYS

ROOT = Path(__file__).parents[1]
MAP = runpy.run_path(str(ROOT / "docs" / "course_map.py"), run_name="map")
(INDEX,) = nbformat.read(ROOT / "notebooks" / "index.ipynb", as_version=4).cells


def behind(number):
    """All lessons that this one builds on."""
    return {each for needed in LESSONS[number].needs for each in (needed, *behind(needed))}


def test_every_lesson_builds_on_earlier_ones_and_says_nothing_twice():
    for number, page in LESSONS.items():
        assert all(needed in LESSONS and needed < number for needed in page.needs)
        assert not any(a in behind(b) for a in page.needs for b in page.needs), number


@pytest.mark.parametrize("way", WAYS)
def test_a_way_leaves_out_nothing_that_it_needs(way):
    for k, number in enumerate(WAYS[way]):
        assert behind(number) <= set(WAYS[way][:k]), number


def test_the_ways_take_as_long_as_they_are_called():
    minutes = {way: sum(LESSONS[number].minutes for number in lessons) for way, lessons in WAYS.items()}
    assert minutes["an hour"] <= 60 and minutes["an afternoon"] <= 240 and len(WAYS["a semester"]) == len(LESSONS)


# What the first words of a lesson name beside what it builds on: Adam, and what is said there once more in a sentence.
TOUCHED = {11: {6, 12}}


@pytest.mark.parametrize("number", LESSONS)
def test_a_notebook_sends_nobody_forward_before_it_begins(number):
    """The lessons that it says you need are among those that the map leads to it from."""
    first = nbformat.read(ROOT / "notebooks" / f"{LESSONS[number].stem}.ipynb", as_version=4).cells[0].source
    needed = "".join(re.findall(r"You\s+need.*?(?:\.\s|\Z)", first, re.DOTALL))
    asked = {int(each) for each in re.findall(r"\]\((\d\d)-[\w-]+\.ipynb\)", needed)}
    assert asked <= behind(number) | {0} | TOUCHED.get(number, set())


def test_the_index_shows_the_list_as_it_is():
    assert MAP["table"]() in INDEX.source
    assert f"![{MAP['words']()}](attachment:{MAP['NAME']})" in INDEX.source
    said = f"{MAP['MARK']} {MAP['digest']()}".encode()
    assert said in base64.b64decode(INDEX.attachments[MAP["NAME"]]["image/png"]), "run python docs/course_map.py"
    assert said in (ROOT / "docs" / "static" / "course.svg").read_bytes(), "run python docs/course_map.py"


def test_no_two_lessons_stand_in_one_place_and_arrows_lead_to_the_right():
    places = MAP["places"]()
    assert len(set(places.values())) == len(LESSONS)
    assert all(places[needed][0] < places[number][0] for number in LESSONS for needed in LESSONS[number].needs)


def test_the_map_is_drawn_the_same_way_every_time():
    svg = MAP["picture"]("svg")
    assert svg == MAP["picture"]("svg")
    for page in LESSONS.values():
        assert f"{page.minutes} min".encode() in svg
