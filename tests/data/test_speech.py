"""Speech by formula: pitch and formants are where they should be, speakers differ, seeds repeat; spectra by hand."""

import tracemalloc

import numpy as np
import pytest

import nbprop as nb
from nbprop.data import sound, speech

rng = np.random.default_rng(0)


def peaks(vowel, kind, below=3950):
    """Frequencies at which the smoothed spectrum of a held vowel is higher than beside them."""
    power = sound.spectrogram(speech.say(vowel, kind), window=512).mean(axis=0)
    level = np.convolve(np.log(power), np.hanning(25) / np.hanning(25).sum(), mode="same")
    k = np.flatnonzero((level[1:-1] > level[:-2]) & (level[1:-1] > level[2:])) + 1
    return k[k * 8000 / 512 < below] * 8000 / 512


@pytest.mark.parametrize("vowel", ["i", "ɛ", "ɑ", "æ"])
def test_a_vowel_has_the_formants_of_the_table(vowel):
    found = peaks(vowel, "man")
    for formant in speech.VOWELS[vowel][0][1:]:
        assert np.abs(found - formant).min() < 130, (vowel, formant, found)


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_and_the_pitch(kind):
    x = speech.say("ɑ", speech.KINDS[kind])[800:2400].astype(float)
    alike = np.correlate(x, x, "full")[len(x) - 1 :]
    period = 20 + alike[20:100].argmax()
    assert 8000 / period == pytest.approx(speech.VOWELS["ɑ"][kind][0], rel=0.12)  # it falls from 1.1 to 0.9


def test_the_table_of_vowels_is_that_of_men_women_and_children():
    table = np.array(list(speech.VOWELS.values()), float)
    assert table.shape == (10, 3, 4)
    assert (table[:, 1:, 0] > 200).all() and (table[:, 0, 0] < 145).all()
    assert (np.diff(table[..., 1:], axis=-1) > 0).all()  # F1 < F2 < F3
    assert (np.diff(table[..., 1:].mean(axis=0), axis=0) > 0).all()  # shorter mouths, higher formants


def test_a_seed_repeats_itself_and_another_does_not():
    one, same, other = (speech.say("six", "child", noise=0.2, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert one.dtype == np.float32 and one.ndim == 1 and np.abs(one).max() == pytest.approx(0.5)
    assert len(one) != len(other) or np.abs(one - other).max() > 0.01


def test_speakers_differ_in_pitch_formants_and_tempo():
    some = speech.speakers(9, seed=3)
    assert [each.kind for each in some[:4]] == ["man", "woman", "child", "man"]
    assert len({each.pitch for each in some}) == len({each.tempo for each in some}) == 9
    assert speech.speakers(3, seed=3) == some[:3]
    slow, fast = (speech.say("nine", speech.Speaker(tempo=tempo)) for tempo in (0.5, 2))
    assert len(slow) > 3 * len(fast)


def test_noise_is_a_share_of_the_sound():
    clean, noisy = (speech.say("ɑ", noise=noise).astype(float) for noise in (0, 0.5))
    share = 1 / np.corrcoef(clean, noisy)[0, 1] ** 2 - 1
    assert share == pytest.approx(0.25, rel=0.1)


def test_many_at_once_take_little_more_memory_than_what_is_said():
    """Pulses, hiss and filters are made 5 ms after 5 ms: as whole arrays they were twenty times as large."""
    tracemalloc.start()
    said = speech.say_all(["zero one two three four five", *["six"] * 63], ["man"] * 64)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 64 * max(map(len, said)) * 4


def test_every_word_can_be_said_by_everybody():
    for kind in speech.KINDS:
        for x in speech.say_all([*speech.WORDS, *speech.VOWELS], [kind] * 20):
            assert np.isfinite(x).all() and 1000 < len(x) < 8000


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: speech.say("ten"), "expected words out of zero, .*, got 'ten'"),
        (lambda: speech.say(" "), "expected words out of"),
        (lambda: speech.say(3), "expected words out of"),
        (lambda: speech.say("one", "dog"), "speaker.*man"),
        (lambda: speech.say("one", speech.Speaker("dog")), "speaker.kind.*man"),
        (lambda: speech.say("one", speech.Speaker(pitch=-1)), "speaker.pitch"),
        (lambda: speech.say("one", noise=-1), "^noise"),
        (lambda: speech.spoken_digits(digits=(3, 2)), r"digits: expected the least and the most, got \(3, 2\)"),
        (lambda: speech.spoken_digits(digits=(1, 2, 3)), "digits must be two numbers"),
        (lambda: speech.spoken_digits(talkers=(4, 3, 2)), "talkers must be two numbers"),
        (lambda: speech.spoken_digits(noise=(0.5, 0.1)), r"noise: expected the least and the most"),
        (lambda: speech.spoken_digits(noise=(0, float("inf"))), r"noise\[1\] must be a finite number"),
        (lambda: speech.spoken_digits(hop=400), "hop must be an integer from 1 to 256"),
        (lambda: speech.spoken_digits(16, talkers=(4, 3), bands=90), "bands: expected so few that each holds"),
        (lambda: speech.say_all(["one"], ["man", "woman"]), "by: expected a speaker for each of 1 texts, got 2"),
        (lambda: speech.spoken_digits(recordings=40, talkers=(24, 12)), "recordings must be an integer, 96 or more"),
        (lambda: sound.spectrogram(np.zeros(9)), "sound: expected numbers .n,., at least 256"),
        (lambda: sound.spectrogram(np.zeros((3, 400))), r"sound: expected numbers .n,.*shape \(3, 400\)"),
    ],
)
def test_what_cannot_be_said_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong()


@pytest.fixture(scope="module")
def digits():
    return speech.spoken_digits(recordings=48, talkers=(6, 3), seed=1)


def test_digits_for_training_and_other_speakers_for_validation(digits):
    assert len(digits.train) == 36 and len(digits.val) == 12
    who = digits.y["speaker"]
    assert set(who[digits.train]) == set(range(6)) and set(who[digits.val]) == {6, 7, 8}
    labels, many = digits.y["labels"]
    assert set(many) <= {3, 4, 5} and labels.max() <= 10 and (labels[:, :3] > 0).all()
    X, lengths = digits.X
    np.testing.assert_array_equal(digits.y["frames"], lengths)
    assert X.dtype == np.float32 and X.shape[2] == 24 and lengths.min() > 2 * 5 + 1
    first = X[0, : lengths[0]]
    np.testing.assert_allclose(first.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(first.std(axis=0), 1, atol=1e-2)
    same = speech.spoken_digits(recordings=48, talkers=(6, 3), seed=1)
    np.testing.assert_array_equal(same.X.values, X)


def test_a_trainer_takes_them_and_goes_back(digits):
    def ctc(z, y):
        labels, many = y["labels"]
        return nb.nn.CTCLoss()(z.log_softmax().transpose(1, 0, 2), labels, y["frames"], many)

    class Dense(nb.nn.Module):
        def __init__(self):
            self.out = nb.nn.Linear(24, 11, rng=0)

        def forward(self, x, lengths):
            return self.out(x)

    trainer = nb.Trainer(Dense(), digits, loss=ctc, batch_size=8, seed=0)
    trainer.fit(steps=6, bar=False)
    theta = trainer.theta.copy()
    trainer.rewind(2)
    trainer.fit(steps=4, bar=False)
    np.testing.assert_array_equal(trainer.theta, theta)


@pytest.mark.parametrize(("window", "hop"), [(256, 80), (100, 7)])
def test_a_spectrogram_by_the_definition(window, hop):
    x = rng.normal(size=1000)
    found = sound.spectrogram(x, window, hop)
    assert found.shape == (1 + (1000 - window) // hop, window // 2 + 1)
    n = np.arange(window)
    for t, k in ((0, 0), (3, 5), (len(found) - 1, window // 2)):
        part = x[t * hop : t * hop + window] * np.sin(np.pi * n / window) ** 2
        expected = np.abs(np.sum(part * np.exp(-2j * np.pi * k * n / window))) ** 2
        assert found[t, k] == pytest.approx(expected)


def test_a_tone_is_in_its_band():
    tone = np.sin(2 * np.pi * 1000 * np.arange(4000) / 8000)
    assert (sound.spectrogram(tone).argmax(axis=1) * 8000 / 256 == 1000).all()
    frames = sound.log_mel(tone)
    assert frames.shape == (47, 24) and frames.dtype == np.float32
    middles = np.linspace(0, sound.mel(4000), 26)[1:-1]
    assert (frames.argmax(axis=1) == np.abs(middles - sound.mel(1000)).argmin()).all()
    assert np.isfinite(sound.log_mel(np.zeros(300))).all()  # silence is no -inf
    assert sound.mel(1000) == pytest.approx(1000, rel=1e-3)


def test_filters_are_triangles_that_overlap_by_half():
    filters = sound.mel_filters(24, 1024)
    assert filters.shape == (24, 513) and filters.min() == 0 and filters.max() <= 1
    middles = filters.argmax(axis=1)
    assert (np.diff(middles) > 0).all()
    inner = filters[:, middles[0] + 1 : middles[-1]].sum(axis=0)
    np.testing.assert_allclose(inner, 1, atol=1e-9)


def test_those_that_belong_together_are_kept_together():
    who = np.repeat(np.arange(5), 6)
    data = nb.data.Arrays(np.zeros((30, 2)), np.zeros(30), validation=who >= 3)
    assert data.val.tolist() == list(range(18, 30)) and len(data.train) == 18
    assert len(nb.data.Arrays(np.zeros((30, 2)), validation=[False] * 30).val) == 0
    for wrong in (np.arange(30), np.ones(29, bool), np.ones(30, bool)):
        with pytest.raises(ValueError, match="validation: expected"):
            nb.data.Arrays(np.zeros((30, 2)), validation=wrong)
