"""Sounds as pictures: how strong each frequency is at each moment, with NumPy alone.

power = nb.data.sound.spectrogram(sound)                # (frames, frequencies)
frames = nb.data.sound.log_mel(sound)                   # (frames, bands), as an ear would divide the frequencies
"""

from typing import Any

import numpy as np

from nbprop.checks import number, whole
from nbprop.data import checks


def spectrogram(sound: Any, window: int = 256, hop: int = 80) -> np.ndarray:
    """|FFT|^2 of each frame, float64 (frames, window // 2 + 1): row t of the numbers from t * hop on, `window` of them,
    times a Hann window. frames = 1 + (n - window) // hop; what is left at the end is not looked at.

    sound (n,), n at least `window`. Column k is about the frequency k * rate / window.
    NB: torch.stft centres its frames, and so has n // hop + 1.
    """
    x = checks.numbers(sound, "sound")
    window, hop = whole(2)("window", window), whole(1)("hop", hop)
    if x.ndim != 1 or len(x) < window:
        raise ValueError(f"sound: expected numbers (n,), at least {window} for one window, got shape {x.shape}")
    frames = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), window)[::hop]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    return np.abs(np.fft.rfft(frames * hann)) ** 2


def mel(frequency: Any) -> np.ndarray:
    """2595 log10(1 + f / 700), f in Hz: equal steps sound about equally far apart."""
    return 2595 * np.log10(1 + np.asarray(frequency) / 700)


def mel_filters(bands: int = 24, window: int = 256, rate: float = 8000) -> np.ndarray:
    """Triangles, float64 (bands, window // 2 + 1): each rises from the middle of the band before to 1 at its own, and
    falls to 0 at that of the next; the middles are evenly spread in mel, from 0 to rate / 2.  (Davis & Mermelstein
    1980, figure 1)  ValueError where there are so many that one lies between two frequencies and would hear nothing."""
    bands, window, rate = whole(1)("bands", bands), whole(2)("window", window), number(above=0)("rate", rate)
    middles = 700 * (10 ** (np.linspace(0, mel(rate / 2), bands + 2) / 2595) - 1)
    f = np.arange(window // 2 + 1) * rate / window
    low, middle, high = middles[:-2, None], middles[1:-1, None], middles[2:, None]
    found = np.clip(np.minimum((f - low) / (middle - low), (high - f) / (high - middle)), 0, None)
    if deaf := int((found.max(axis=1) == 0).sum()):
        raise ValueError(
            f"bands: expected so few that each holds a frequency of a window of {window}, got {bands}, of which {deaf} "
            "hold none: try fewer, or a longer window"
        )
    return found


def log_mel(sound: Any, bands: int = 24, window: int = 256, hop: int = 80, rate: float = 8000) -> np.ndarray:
    """ln(power in each mel band), float32 (frames, bands): see `spectrogram` and `mel_filters`. What is below a
    millionth of the strongest band counts as that."""
    power = spectrogram(sound, window, hop) @ mel_filters(bands, window, rate).T
    return np.log(np.maximum(power, max(power.max() * 1e-6, 1e-30))).astype(np.float32)
