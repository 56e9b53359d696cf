"""Number words in English, German and French, in the parts that they are put together of.

nb.data.numeral(21, "de")                           # ("ein", "und", "zwanzig")
nb.data.spelled(("ein", "und", "zwanzig"), "de")    # "einundzwanzig"
"""

from collections.abc import Iterable

from nbprop.checks import choice, whole, wrong

_SMALL = {  # from 0 on; above, the ones follow a ten
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen",
    "de": "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn "
    "siebzehn achtzehn neunzehn",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize",
}
_TENS = {  # from 20 on; in French, 70 is sixty-ten, and 80 is four times twenty
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "de": "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "fr": "vingt trente quarante cinquante soixante",
}
_SMALL = {language: words.split() for language, words in _SMALL.items()}
_TENS = {language: words.split() for language, words in _TENS.items()}
_JOINT = {"en": " ", "de": "", "fr": "-"}  # between the parts as they are written
_language = choice(*_JOINT)


def numeral(number: int, language: str = "en") -> tuple[str, ...]:
    """The parts of the word for a number: of 21 ("twenty", "one"), in German ("ein", "und", "zwanzig"), in French
    ("vingt", "et", "un").

    number: whole, 0 to 999,999.  language: "en" (British: "one hundred and one"), "de", "fr" (of France, where 91 is
    four twenties and eleven).
    """
    number, language = whole(0, 999_999)("number", number), _language("language", language)
    if not number:
        return (_SMALL[language][0],)
    thousands, rest = divmod(number, 1000)
    below = {"en": _english, "de": _german, "fr": _french}[language]
    parts = [*below(thousands), {"en": "thousand", "de": "tausend", "fr": "mille"}[language]] if thousands else []
    if language == "fr":
        parts = parts[thousands == 1 :]  # "mille" for 1,000, not "un mille"
        if parts[-2:-1] in (["cents"], ["vingts"]):  # they lose their s before "mille"
            parts[-2] = parts[-2][:-1]
        return (*parts, *below(rest))
    if language == "en" and thousands and 0 < rest < 100:
        parts.append("and")
    parts += below(rest)
    return (*parts[:-1], "eins") if parts[-1] == "ein" else tuple(parts)


def spelled(parts: Iterable[str], language: str = "en") -> str:
    """The parts as one writes them: English with spaces, German as one word, French with hyphens (as since 1990)."""
    joint = _JOINT[_language("language", language)]
    listed = parts if isinstance(parts, str) or not isinstance(parts, Iterable) else tuple(parts)
    if not isinstance(listed, tuple) or not all(isinstance(part, str) for part in listed):
        raise TypeError(wrong("parts", "the parts of a word, such as numeral(21) gives", listed))
    return joint.join(listed)


def _english(n):
    """The parts of 0 to 999, of which 0 has none."""
    hundreds, rest = divmod(n, 100)
    parts = [_SMALL["en"][hundreds], "hundred", *["and"] * bool(rest)] if hundreds else []
    if rest >= 20:
        parts.append(_TENS["en"][rest // 10 - 2])
        rest %= 10
    return [*parts, _SMALL["en"][rest]] if rest else parts


def _german(n):
    hundreds, rest = divmod(n, 100)
    parts = [_SMALL["de"][hundreds], "hundert"] if hundreds else []
    if rest >= 20:
        ones = rest % 10
        return [*parts, *([_SMALL["de"][ones], "und"] if ones else []), _TENS["de"][rest // 10 - 2]]
    return [*parts, _SMALL["de"][rest]] if rest else parts


def _french(n):
    hundreds, rest = divmod(n, 100)
    parts = [_SMALL["fr"][hundreds]] if hundreds > 1 else []
    if hundreds:
        parts.append("cents" if parts and not rest else "cent")
    if rest == 80:
        return [*parts, "quatre", "vingts"]
    if rest >= 80:
        parts += ["quatre", "vingt"]
        rest -= 80
    elif rest >= 20:
        tens = min(rest // 10, 6)
        parts.append(_TENS["fr"][tens - 2])
        rest -= 10 * tens
        parts += ["et"] * (rest in (1, 11))
    if rest > 16:
        parts.append("dix")
        rest -= 10
    return [*parts, _SMALL["fr"][rest]] if rest else parts
