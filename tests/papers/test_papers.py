"""The paper cards: what is kept agrees with the cards and with the page; none rots; with --papers all are made anew."""

import dataclasses
import html
import runpy
from pathlib import Path

import numpy as np
import pytest

import nbprop as nb
from nbprop.papers import cards, kept
from nbprop.papers.card import SAME, Outcome, Setting, html_table, part

ROOT = Path(__file__).parents[2]
each = pytest.mark.parametrize("card", cards.values(), ids=list(cards))
SHORT = 0.002  # of a card's steps
MINUTES = 2


@each
def test_a_card_runs(card):
    """A few steps of each: it gives the numbers that are kept, and a picture of its curves."""
    numbers = [card.train(0, SHORT)]
    flat = {name for name, value in numbers[0].items() if not isinstance(value, list)}
    assert flat == card.kept.numbers[0].keys()
    assert all(isinstance(numbers[0][name], int | float) for name in flat)
    assert (card.draw is not None) == any(isinstance(value, list) for value in numbers[0].values())
    if card.draw is not None:
        figure = Outcome(card, (0,), tuple(numbers), 0.0).plot()
        figure.canvas.draw()
        assert figure.axes[0].get_xlabel()


@each
def test_what_is_kept_is_of_this_card(card):
    made = card.kept
    assert made is not None, f"the settings have changed: python docs/papers.py {card.key}"
    assert made.seeds == tuple(range(card.seeds))
    assert made.seconds < 60 * MINUTES
    verdict = made.verdict
    assert type(verdict.passed) is bool and np.isfinite(verdict.figure)
    assert verdict.passed or verdict.why, "a card that does not pass says why"


@each
def test_a_card_is_whole(card):
    words = (card.paper, card.section, card.claim, card.criterion, card.published)
    assert all(words) and card.key == card.key.lower() and card.tolerance > 0
    changed = [each for each in card.settings.values() if each.here is not SAME]
    assert all(each.words and each.there != each.here for each in changed)
    assert card.key in repr(card) and card.criterion in html.unescape(card._repr_html_())


def test_nothing_is_kept_of_cards_that_are_gone():
    assert kept.read().keys() == cards.keys()


def test_the_page_is_what_the_command_writes():
    page = runpy.run_path(str(ROOT / "docs" / "papers.py"))["page"]
    assert (ROOT / "docs" / "papers.md").read_text() == page(), "python docs/papers.py"


@each
@pytest.mark.papers
@pytest.mark.timeout(1800)
def test_a_card_comes_out_as_it_is_kept(card):
    made, before = card.run(progress=False), card.kept
    assert before is not None
    print(made)
    assert made.passed == before.passed
    assert abs(made.verdict.figure - before.verdict.figure) <= card.tolerance


# ---- the table -------------------------------------------------------------------------------------------------------


def test_the_table_is_a_mapping():
    assert list(cards) == list(cards.keys()) == [key for key, _ in cards.items()]
    assert len(cards) == len(cards.values()) >= 14
    assert "he-2015" in cards and "he-2016" not in cards and cards.get("he-2016") is None
    with pytest.raises(KeyError, match=r"no paper card 'he-2016'; there are rumelhart.*did you mean 'he-2015'"):
        cards["he-2016"]
    assert all(key in repr(cards) and key in cards._repr_html_() for key in cards)


def test_what_is_right_in_training_and_wrong_afterwards_is_not_solved():
    judge = cards["hochreiter-1997-order"].judge
    assert judge([{"wrong": 1, "sequences": 9000}]).passed
    verdict = judge([{"wrong": 2, "sequences": 9000}])
    assert not verdict.passed and "1 of 1 seeds" in verdict.why


def test_windows_that_give_another_gradient_do_not_pass():
    judge, numbers = cards["williams-1990"].judge, cards["williams-1990"].kept.numbers
    assert judge(numbers).passed and not judge([{**each, "identity": 1e-3} for each in numbers]).passed


def test_an_outcome_says_what_it_is():
    made = nb.papers.cards["rumelhart-1986-xor"].run(seeds=[3], progress=True)
    assert made.seeds == (3,) and "ours, 1 seed: " in repr(made) and "criterion" in made._repr_html_()
    with pytest.raises(ValueError, match="has no curve to draw"):
        made.plot()


def test_a_picture_is_shown_where_there_are_curves():
    card = nb.papers.cards["cohen-2021"]
    made = Outcome(card, (0,), (card.train(0, SHORT),), 0.0)
    assert "data:image/png;base64," in made._repr_html_()
    assert "data:image" not in card.kept._repr_html_()


@pytest.mark.parametrize("seeds", [0, -1, 1.5, "all", []])
def test_seeds_are_checked(seeds):
    with pytest.raises((TypeError, ValueError), match="seed"):
        nb.papers.cards["rumelhart-1986-xor"].run(seeds=seeds)


def test_other_settings_are_not_those_that_are_kept():
    card = nb.papers.cards["rumelhart-1986-xor"]
    other = dataclasses.replace(card, settings={**card.settings, "lr": Setting("learning rate η", 0.5, 0.1)})
    assert other.kept is None and "here 0.1" in repr(other)


def test_what_is_written_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "FILE", tmp_path / "results.json")
    kept.read.cache_clear()
    card = nb.papers.cards["rumelhart-1986-xor"]
    made = card.run(seeds=1)
    kept.write(made)
    assert card.kept.numbers == made.numbers and card.kept.seeds == (0,)
    kept.read.cache_clear()


def test_a_share_of_the_steps():
    assert part(1000, 1.0) == 1000 and part(1000, 0.002) == 2 and part(3, 0.002) == 2


def test_no_text_becomes_html():
    assert "<script" not in html_table(("a",), [("<script>",)])
