"""Number words: as somebody else writes them, and what is refused."""

import random

import pytest

from nbprop.data import numeral, spelled

num2words = pytest.importorskip("num2words").num2words

WRITTEN = {  # num2words with the spaces and hyphens that are meant here; it has "einstausend" in 301,000, Duden "ein"
    "en": lambda text: text.replace("-", " ").replace(",", ""),
    "de": lambda text: text.replace("einstausend", "eintausend"),
    "fr": lambda text: text.replace(" ", "-"),
}
NUMBERS = [*range(1200), *range(79_000, 82_200), *random.Random(0).sample(range(1_000_000), 500), 999_999]


@pytest.mark.parametrize("language", WRITTEN)
def test_they_are_spelled_as_by_num2words(language):
    ours = [spelled(numeral(number, language), language) for number in NUMBERS]
    assert ours == [WRITTEN[language](num2words(number, lang=language)) for number in NUMBERS]


def test_their_parts():
    assert numeral(0) == ("zero",) and numeral(1, "de") == ("eins",) and numeral(1000, "fr") == ("mille",)
    assert numeral(121) == ("one", "hundred", "and", "twenty", "one")
    assert numeral(121, "de") == ("ein", "hundert", "ein", "und", "zwanzig")
    assert numeral(91, "fr") == ("quatre", "vingt", "onze") and numeral(80, "fr") == ("quatre", "vingts")
    assert numeral(200_000, "fr") == ("deux", "cent", "mille")


@pytest.mark.parametrize(
    ("number", "language", "error", "words"),
    [
        (1_000_000, "en", ValueError, "number"),
        (-1, "de", ValueError, "number"),
        (1.5, "en", TypeError, "number"),
        (3, "it", ValueError, "language must be one of 'en', 'de', 'fr'"),
    ],
)
def test_others_are_refused(number, language, error, words):
    with pytest.raises(error, match=words):
        numeral(number, language)
    with pytest.raises(ValueError, match="language must be one of"):
        spelled(("one",), "latin")


@pytest.mark.parametrize("parts", ["one", 21, None, [1, 2], ("one", 2)])
def test_what_are_no_parts_is_refused(parts):
    with pytest.raises(TypeError, match=r"parts must be the parts of a word, such as numeral\(21\) gives; got"):
        spelled(parts)
