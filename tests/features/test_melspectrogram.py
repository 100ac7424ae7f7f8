"""Mel energies as librosa's and windows as Resemblyzer's, each written out in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from messages import refused

from timbre.conf import build
from timbre.features import melspectrogram

RATE, SHIFT, LENGTH = 16000, 160, 400


def frames_of(samples: np.ndarray, **conf: object) -> np.ndarray:
    return melspectrogram.Extractor(melspectrogram.Conf(**conf))(torch.from_numpy(samples)).numpy()


def wave(count: int, scale: float = 0.2) -> np.ndarray:
    return (scale * np.random.default_rng(count).normal(size=count)).astype(np.float32)


def slaney_filters(bins: int = 40) -> np.ndarray:
    """Triangles of area 2 / width on the scale that is linear to 1 kHz (15 mel) and logarithmic above."""
    step, edge, log_step = 200 / 3, 1000.0, np.log(6.4) / 27
    top = edge / step + np.log(RATE / 2 / edge) / log_step
    mels = np.linspace(0, top, bins + 2)
    hertz = np.where(mels < edge / step, mels * step, edge * np.exp(log_step * (mels - edge / step)))
    bands = np.linspace(0, RATE / 2, 1 + LENGTH // 2)
    filters = []
    for low, centre, high in zip(hertz[:-2], hertz[1:-1], hertz[2:], strict=True):
        up, down = (bands - low) / (centre - low), (high - bands) / (high - centre)
        filters.append(np.maximum(0, np.minimum(up, down)) * 2 / (high - low))
    return np.array(filters)


def slices(count: int) -> list[int]:
    """Where the windows begin: Resemblyzer's rule."""
    total = int(np.ceil((count + 1) / SHIFT))
    hop = int(np.round(RATE / 1.3 / SHIFT))
    begins = list(range(0, max(1, total - 160 + hop + 1), hop))
    covered = (count - begins[-1] * SHIFT) / (160 * SHIFT)
    return begins[:-1] if covered < 0.75 and len(begins) > 1 else begins


def energies(samples: np.ndarray) -> np.ndarray:
    """Of a waveform that ends with its last window or after it, frame by frame."""
    begins = slices(len(samples))
    end = (begins[-1] + 160) * SHIFT
    samples = np.pad(samples.astype(np.float64), (0, max(0, end - len(samples))))
    around = np.pad(samples, LENGTH // 2, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(LENGTH) / LENGTH)
    rows = []
    for frame in range(begins[-1] + 160):
        spectrum = np.fft.rfft(window * around[frame * SHIFT : frame * SHIFT + LENGTH])
        rows.append(np.abs(spectrum) ** 2)
    return np.array(rows) @ slaney_filters().T


@pytest.mark.parametrize("count", [8000, 25600, 31519, 31520, 31679, 31680, 40000])
def test_they_are_librosas_to_the_end_of_the_last_window(count: int) -> None:
    samples = wave(count)
    wanted = energies(samples)
    found = frames_of(samples)
    assert found.shape == wanted.shape and found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=2e-3, atol=1e-6)


def test_windows_are_resemblyzers_of_any_number_of_samples() -> None:
    extract = melspectrogram.Extractor(melspectrogram.Conf())
    counts = [*range(400, 120_000, 97), *(77 * SHIFT * n + 19200 + d for n in range(9) for d in (-1, 0, 1))]
    frames = [extract._frames(count) for count in counts]
    assert frames == [slices(count)[-1] + 160 for count in counts]
    assert len(set(frames)) > 8


def test_soft_speech_is_raised_and_loud_speech_left() -> None:
    soft, loud = wave(30000, 0.001), wave(30000, 0.2)
    wanted = energies(soft) * 10**-3 / np.mean(soft.astype(np.float64) ** 2)  # −30 dB of power
    np.testing.assert_allclose(frames_of(soft), wanted, rtol=2e-3, atol=1e-9)
    np.testing.assert_array_equal(frames_of(loud), frames_of(loud, level=None))
    assert frames_of(soft, level=None).max() < 1e-2 * frames_of(soft).max()
    assert not frames_of(np.zeros(30000, dtype=np.float32)).any()


def test_bad_audio_and_windows_are_refused() -> None:
    with refused("399 samples", "400"):
        frames_of(wave(399))
    with refused("window_hop 161", "160"):
        build(melspectrogram.Conf, {"window_hop": 161})
