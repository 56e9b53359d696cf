"""Speech by formula: a source, the pulses of the voice and noise, and a filter, the resonances of the mouth, which move
from sound to sound.

sound = nb.data.speech.say("one two three", speaker="woman")          # float32 (n,), 8,000 numbers a second
digits = nb.data.speech.spoken_digits(seed=0)                         # to train; other speakers to validate

The vowels are the mean pitch and formants that Peterson & Barney (1952, table II) measured of 33 men, 28 women and 15
children. The consonants are rough: what they need to be told apart, in the manner of Klatt (1980), made up here and
measured of nobody. It is no good synthesizer: it says enough to learn from, and everything in it is known.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from nbprop.checks import choice, number, two, whole
from nbprop.data.sequences import pad
from nbprop.data.several import Arrays
from nbprop.data.sound import log_mel

RATE = 8000  # numbers a second
BLOCK = 40  # in which the filter stays as it is: 5 ms
KINDS = ("man", "woman", "child")

VOWELS = {  # sound -> for man, woman and child the pitch and F1, F2, F3 in Hz
    "i": ((136, 270, 2290, 3010), (235, 310, 2790, 3310), (272, 370, 3200, 3730)),  # heed
    "ɪ": ((135, 390, 1990, 2550), (232, 430, 2480, 3070), (269, 530, 2730, 3600)),  # hid
    "ɛ": ((130, 530, 1840, 2480), (223, 610, 2330, 2990), (260, 690, 2610, 3570)),  # head
    "æ": ((127, 660, 1720, 2410), (210, 860, 2050, 2850), (251, 1010, 2320, 3320)),  # had
    "ɑ": ((124, 730, 1090, 2440), (212, 850, 1220, 2810), (256, 1030, 1370, 3170)),  # hod
    "ɔ": ((129, 570, 840, 2410), (216, 590, 920, 2710), (263, 680, 1060, 3180)),  # hawed
    "ʊ": ((137, 440, 1020, 2240), (232, 470, 1160, 2680), (276, 560, 1410, 3310)),  # hood
    "u": ((141, 300, 870, 2240), (231, 370, 950, 2670), (274, 430, 1170, 3260)),  # who'd
    "ʌ": ((130, 640, 1190, 2390), (221, 760, 1400, 2780), (261, 850, 1590, 3360)),  # hud
    "ɝ": ((133, 490, 1350, 1690), (218, 500, 1640, 1960), (261, 560, 1820, 2160)),  # heard
}


class Consonant(NamedTuple):
    """What a man's mouth does; women's and children's formants are higher by as much as their vowels' are."""

    formants: tuple[int, int, int]  # F1, F2, F3 in Hz
    voice: float  # how strong the pulses are, a vowel's are 1
    hiss: float  # how strong the noise is
    at: tuple[int, int]  # the middle and the width of the noise in Hz
    ms: int  # how long it takes


CONSONANTS = {
    "w": Consonant((300, 650, 2200), 0.5, 0, (1000, 500), 60),
    "r": Consonant((320, 1100, 1450), 0.5, 0, (1000, 500), 60),
    "n": Consonant((270, 1400, 2500), 0.3, 0, (1000, 500), 80),
    "f": Consonant((340, 1100, 2100), 0, 0.12, (1500, 2500), 90),
    "v": Consonant((240, 1100, 2100), 0.3, 0.06, (1500, 2500), 60),
    "θ": Consonant((320, 1300, 2500), 0, 0.12, (2800, 1800), 90),
    "s": Consonant((320, 1400, 2500), 0, 0.5, (3700, 500), 110),
    "z": Consonant((260, 1400, 2500), 0.25, 0.25, (3700, 500), 80),
    "t": Consonant((400, 1600, 2600), 0, 0.5, (3300, 900), 25),  # the noise when it opens
    "k": Consonant((300, 1900, 2700), 0, 0.5, (1900, 500), 30),
    "_": Consonant((500, 1500, 2500), 0, 0, (1000, 500), 50),  # closed, or silent: between the formants beside it
}
WORDS = {
    "zero": "zɪrɔʊ", "one": "wʌn", "two": "_tu", "three": "θri", "four": "fɔɝ", "five": "fɑɪv",
    "six": "sɪ_ks", "seven": "sɛvʌn", "eight": "ɛɪ_t", "nine": "nɑɪn",
}  # fmt: skip
DIGITS = tuple(WORDS)
VOWEL_MS, TWO_MS = 140, 100  # how long a vowel takes, and one beside another
WIDTHS = (70, 90, 130)  # of the formants, in Hz
HISS = 0.1  # the noise of 1 beside the voice of 1
FACTORS = ("pitch", "formants", "tempo")


class Speaker(NamedTuple):
    """Somebody who speaks.  kind: "man", "woman" or "child"; pitch, formants, tempo: factors of what is usual."""

    kind: str = "man"
    pitch: float = 1.0
    formants: float = 1.0
    tempo: float = 1.0


def speakers(n: int, seed: int = 0) -> tuple[Speaker, ...]:
    """n of them, men, women and children by turns. Pitch, formants and tempo differ by factors e^N(0, 0.12^2),
    e^N(0, 0.05^2) and e^N(0, 0.15^2)."""
    rng = np.random.default_rng([whole()("seed", seed), 4])
    factors = np.exp(rng.normal(size=(whole(1)("n", n), 3)) * (0.12, 0.05, 0.15))
    return tuple(Speaker(KINDS[i % 3], *map(float, each)) for i, each in enumerate(factors))


def say(text: str, speaker: Speaker | str = "man", noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """What is said as a sound, float32 (n,), 8,000 numbers a second, the loudest of them 0.5.

    text: words out of `WORDS` ("zero" to "nine") and single vowels out of `VOWELS`, with spaces between them.
    speaker: a Speaker, or "man", "woman" or "child". noise: standard deviation of white noise, as a share of the
    sound's. seed: the same seed gives the same hiss, lengths and noise.
    """
    return say_all([text], [speaker], noise, seed)[0]


def say_all(texts: Iterable[str], by: Iterable[Speaker | str], noise: float = 0.0, seed: int = 0) -> list[np.ndarray]:
    """As `say`, of many texts at once, the first by the first speaker and so on: much faster than one by one."""
    rng, noise = np.random.default_rng([whole()("seed", seed), 5]), number(0)("noise", noise)
    texts, by = list(texts), list(by)
    if len(texts) != len(by):
        raise ValueError(f"by: expected a speaker for each of {len(texts)} texts, got {len(by)}")
    plans = [_plan(text, _speaker(one), rng) for text, one in zip(texts, by, strict=True)]
    sounds = _filtered(plans, rng)
    return [_finished(sound, noise, rng) for sound in sounds]


def spoken_digits(
    recordings: int = 640,
    digits: tuple[int, int] = (3, 5),
    talkers: tuple[int, int] = (24, 12),
    noise: tuple[float, float] = (0.1, 0.5),
    bands: int = 24,
    hop: int = 160,
    seed: int = 0,
) -> Arrays:
    """Strings of digits, spoken without pauses, as sequences of spectra: to be learned from without an alignment.

    recordings: how many. digits: the least and most of them in one. talkers: how many speakers to train with, and how
    many others to validate with, who say a quarter of the recordings. noise: the least and most of it, as in `say`.
    bands, hop: of `log_mel`, whose windows have 256 numbers; hop 1 to 256.

    X: Padded (values (n, T, bands), lengths (n,)), each band with mean 0 and standard deviation 1 over a recording.
    y: dict(frames=(n,) lengths again, labels=Padded of 1 to 10: 1 for "zero", ... 10 for "nine"; 0 is left for the
    blank of CTC, speaker=(n,), the number of who speaks).
    """
    rng = np.random.default_rng([whole()("seed", seed), 6])
    known, others = two(whole(1))("talkers", talkers)
    everybody = speakers(known + others, seed)
    n = whole(4 * max(known, others))("recordings", recordings)
    (least, most), noise = two(whole(1))("digits", digits), two(number(0))("noise", noise)
    for name, given in (("digits", (least, most)), ("noise", noise)):
        if given[0] > given[1]:
            raise ValueError(f"{name}: expected the least and the most, got {given}: try {given[::-1]}")
    hop = whole(1, 256)("hop", hop)  # no part of a sound is left out
    held = np.arange(n) >= n - n // 4
    who = np.where(held, known + np.arange(n) % others, np.arange(n) % known)
    labels = [rng.integers(1, 11, rng.integers(least, most + 1)) for _ in range(n)]
    texts = [" ".join(DIGITS[label - 1] for label in each) for each in labels]
    sounds = say_all(texts, [everybody[k] for k in who], seed=seed)
    loud = rng.uniform(*noise, n)
    frames = [
        evened(log_mel(sound + _white(sound, share, rng), bands=bands, hop=hop))
        for sound, share in zip(sounds, loud, strict=True)
    ]
    X = pad(frames, name="frames")
    y = {"frames": X.lengths, "labels": pad(labels, name="labels"), "speaker": who}
    return Arrays(X, y, validation=held, name="spoken digits")


def evened(frames: np.ndarray) -> np.ndarray:
    """Each band (T, bands) with mean 0 and standard deviation 1 over the recording: neither how loud it is nor what a
    microphone does to a band is left."""
    return ((frames - frames.mean(axis=0)) / (frames.std(axis=0) + 1e-6)).astype(np.float32)


# ---- from words to what the mouth does -------------------------------------------------------------------------------


def _speaker(given):
    if isinstance(given, Speaker):
        choice(*KINDS)("speaker.kind", given.kind)
        return given._replace(**{name: number(0.3, 3)(f"speaker.{name}", getattr(given, name)) for name in FACTORS})
    return Speaker(choice(*KINDS)("speaker", given))


def _plan(text, speaker, rng):
    """(blocks, 8): pitch, F1, F2, F3, voice, hiss, its middle and width; one row for each 5 ms."""
    if not isinstance(text, str) or not text.split():
        raise ValueError(f"text: expected words out of {', '.join((*WORDS, *VOWELS))}, got {text!r}")
    sounds = ["_"]
    for word in text.split():
        if word not in WORDS and word not in VOWELS:
            raise ValueError(f"text: expected words out of {', '.join((*WORDS, *VOWELS))}, got {word!r}")
        sounds += WORDS.get(word, word)
    sounds.append("_")
    kind = KINDS.index(speaker.kind)
    higher = np.mean([np.divide(each[kind], each[0]) for each in VOWELS.values()], axis=0)
    rows, pitch = [], VOWELS["ʌ"][kind][0]
    for before, sound, after in zip(["_", *sounds], sounds, [*sounds[1:], "_"], strict=False):
        if sound in VOWELS:
            pitch, *formants = VOWELS[sound][kind]
            two, alone = before in VOWELS or after in VOWELS, len(sounds) == 3
            row, ms = (pitch, *formants, 1.0, 0.0, 1000, 500), 400 if alone else TWO_MS if two else VOWEL_MS
        else:
            made = CONSONANTS[sound]
            row = (pitch, *np.multiply(made.formants, higher[1:]), made.voice, made.hiss, *made.at)
            ms = made.ms
        many = max(2, round(ms / 5 / speaker.tempo * np.exp(rng.normal(0, 0.1))))
        rows += [row] * many
    track = np.array(rows, float)
    closed, row = (track[:, 4] == 0) & (track[:, 5] == 0), np.arange(len(track))
    for column in (1, 2, 3):  # where nothing is heard the mouth is already on its way
        track[closed, column] = np.interp(row[closed], row[~closed], track[~closed, column])
    track[:, 0] *= speaker.pitch * np.linspace(1.1, 0.9, len(track))  # the voice falls
    track[:, 1:4] = _smooth(track[:, 1:4] * speaker.formants, 9).clip(100, 0.48 * RATE)
    track[:, 4:6] = _smooth(track[:, 4:6], 3)
    return track


def _smooth(track, width):
    """The mean of `width` blocks around each, twice: what is near the ends is held."""
    for _ in range(2):
        held = np.pad(track, ((width // 2, width // 2), (0, 0)), mode="edge")
        track = np.lib.stride_tricks.sliding_window_view(held, width, axis=0).mean(axis=-1)
    return track


# ---- from what the mouth does to a sound -----------------------------------------------------------------------------


def _filtered(plans, rng):
    """Every plan as a sound. A resonator is y[t] = A x[t] + B y[t - 1] + C y[t - 2], of frequency F and width w in Hz:
    C = -e^(-2 pi w / RATE), B = 2 e^(-pi w / RATE) cos(2 pi F / RATE), A = 1 - B - C  (Klatt 1980, equation 2).

    The pulses go through a low pass and three of them, one behind the other, the noise through one of its own. All five
    are reckoned at once, for all plans that go on: each takes what the one before gave a moment ago.
    """
    order = sorted(range(len(plans)), key=lambda k: -len(plans[k]))  # the longest first: what goes on is in front
    tracks, lengths = pad([plans[k].astype(np.float32) for k in order])
    x, y, before = (np.zeros((5, len(plans))) for _ in range(3))
    out, phase = np.zeros((tracks.shape[1] * BLOCK, len(plans)), np.float32), rng.random(len(plans))[order]
    for block in range(tracks.shape[1]):
        n = np.count_nonzero(lengths > block)
        pitch, F1, F2, F3, voice, loud, middle, width = tracks[:n, block].T.astype(float)
        turns = phase[:n] + np.arange(BLOCK + 1)[:, None] * (pitch / RATE)
        pulses, phase = np.diff(np.floor(turns), axis=0) * voice, turns[-1]
        hiss = rng.normal(size=(BLOCK, len(plans)))[:, order[:n]] * loud
        w = np.stack(np.broadcast_arrays(*WIDTHS, width))
        C = -np.exp(-2 * np.pi * w / RATE)
        B = 2 * np.exp(-np.pi * w / RATE) * np.cos(2 * np.pi * np.stack([F1, F2, F3, middle]) / RATE)
        A = 1 - B - C
        A[3] = 1 - np.exp(-np.pi * width / RATE)  # noise as strong wherever its middle is
        A, B, C = (np.vstack([np.full(n, low), each]) for low, each in ((0.1, A), (0.9, B), (0.0, C)))
        x, y, before = x[:, :n], y[:, :n], before[:, :n]
        for t in range(BLOCK):
            x[0], x[1:4], x[4] = pulses[t], y[:3], hiss[t]
            before, y = y, A * x + B * y + C * before
            out[block * BLOCK + t, :n] = y[3] + y[4] * HISS
    sounds = {k: out[: BLOCK * many, place] for place, (k, many) in enumerate(zip(order, lengths, strict=True))}
    return [sounds[k] for k in range(len(plans))]


def _finished(sound, noise, rng):
    sound = sound + _white(sound, noise, rng)
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


def _white(sound, share, rng):
    return rng.normal(0, share * sound.std(), len(sound)).astype(np.float32) if share else np.float32(0)
