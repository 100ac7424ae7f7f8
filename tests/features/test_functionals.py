"""Functionals against a slow reference, frame by frame in numpy, and what is known of them without one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from messages import refused

from timbre.conf import build
from timbre.features import functionals
from timbre.features.front_end import build_extractor

RATE, SHIFT, LENGTH, SIZE = 16000, 160, 400, 512
EXTRACTOR = functionals.Extractor(functionals.Conf())


def values(samples: np.ndarray, **conf: object) -> dict[str, float]:
    extractor = functionals.Extractor(functionals.Conf(**conf)) if conf else EXTRACTOR
    found = extractor(torch.from_numpy(samples.astype(np.float32)))
    assert found.shape == (1, extractor.dim) and found.dtype == torch.float32
    assert torch.isfinite(found).all()
    return dict(zip(extractor.names, found[0].tolist(), strict=True))


def voice(hertz: np.ndarray | float, seconds: float, seed: int, noise: float = 0.01) -> np.ndarray:
    """Twelve harmonics of falling level, of a pitch that may glide, swelling three times a second, and noise."""
    rng, count = np.random.default_rng(seed), int(seconds * RATE)
    phase = 2 * np.pi * np.cumsum(np.interp(np.arange(count), [0, count], np.broadcast_to(hertz, 2))) / RATE
    tone = sum(np.sin(number * phase + rng.uniform(0, 6)) / number for number in range(1, 13))
    swell = 0.55 + 0.45 * np.sin(2 * np.pi * 3 * np.arange(count) / RATE)
    return (0.1 * swell * tone + noise * rng.standard_normal(count)).astype(np.float32)


def stretches() -> np.ndarray:
    """Voices and noises in turn, and silence."""
    noise = 0.05 * np.random.default_rng(1).standard_normal(RATE // 5)
    return np.concatenate(
        [voice(180, 0.4, 2), noise, voice((220, 140), 0.5, 3), np.zeros(RATE // 4), noise / 3, voice(300, 0.3, 4)]
    ).astype(np.float32)


SIGNALS = {
    "glide": voice((110, 210), 1.0, 5),
    "high": voice((420, 330), 0.8, 6),
    "noise": (0.1 * np.random.default_rng(7).standard_normal(RATE)).astype(np.float32),
    "stretches": stretches(),
    "short": voice(150, 0.06, 8),
}


def period(frame: np.ndarray) -> tuple[float, float]:
    """F0 in Hz and the share of periodic energy of a frame of 50 ms, by the sums of Boersma (1993)."""
    length, window = len(frame), np.hanning(len(frame))
    windowed = (frame - frame.mean()) * window
    power, own = np.sum(windowed**2), np.sum(window**2)
    if power == 0:
        return np.nan, 0.0
    r = []
    for lag in range(269):
        kept = length - lag
        weight = np.sum(window[:kept] * window[lag:]) / own
        r.append(np.sum(windowed[:kept] * windowed[lag:]) / power / weight)
    best, found = -np.inf, (np.nan, 0.0)
    for lag in range(26, 268):
        if r[lag] > r[lag - 1] and r[lag] >= r[lag + 1] and r[lag] - 0.02 * np.log2(lag / 26) > best:
            best = r[lag] - 0.02 * np.log2(lag / 26)
            shift = 0.5 * (r[lag + 1] - r[lag - 1]) / (2 * r[lag] - r[lag - 1] - r[lag + 1])
            height = r[lag] + 0.25 * (r[lag + 1] - r[lag - 1]) * shift
            found = RATE / (lag + shift), min(max(height, 0), 0.9999)
    return found


def mel_filters(count: int = 26) -> np.ndarray:
    def mel(hertz: float) -> float:
        return 2595 * np.log10(1 + hertz / 700)

    points = 700 * (10 ** (np.linspace(mel(20), mel(8000), count + 2) / 2595) - 1)
    bins = np.arange(SIZE // 2 + 1) * RATE / SIZE
    up = (bins - points[:-2, None]) / np.diff(points)[:-1, None]
    down = (points[2:, None] - bins) / np.diff(points)[1:, None]
    return np.maximum(0, np.minimum(up, down))


def reference(samples: np.ndarray) -> dict[str, float]:
    samples = samples.astype(np.float64) - samples.astype(np.float64).mean()
    samples = samples / np.sqrt(np.mean(samples**2))
    around, total = np.pad(samples, 200), 1 + (len(samples) - LENGTH) // SHIFT
    hertz, window, filters = np.arange(SIZE // 2 + 1) * RATE / SIZE, np.hamming(LENGTH), mel_filters()
    tracks: dict[str, list[float]] = {}
    pitches, periodic, last = [], [], None
    for number in range(total):
        begin = number * SHIFT
        frequency, r = period(around[begin : begin + 800])
        pitches.append(12 * np.log2(frequency / 27.5))
        periodic.append(r)
        energy = np.abs(np.fft.rfft(samples[begin : begin + LENGTH] * window, SIZE)) ** 2 / np.sum(window**2)
        decibels, share = 10 * np.log10(energy + 1e-9), np.sqrt(energy)
        share = share / max(share.sum(), 1e-9)

        def band(low: float, high: float) -> np.ndarray:
            return (hertz >= low) & (hertz < high)

        def line(low: float, high: float, decibels: np.ndarray = decibels) -> float:
            return np.polyfit(hertz[band(low, high)] / 1000, decibels[band(low, high)], 1)[0]

        ratio = (energy[band(50, 1000)].sum() + 1e-9) / (energy[band(1000, 5000)].sum() + 1e-9)
        logs = np.log(filters @ energy + 1e-9)
        frame = {
            "level": max(10 * np.log10(2 * energy.sum() / SIZE + 1e-9), -60),
            "alpha_ratio": 10 * np.log10(ratio),
            "hammarberg": decibels[band(0, 2000)].max() - decibels[band(2000, 5000)].max(),
            "slope_0_500": line(0, 500),
            "slope_500_1500": line(500, 1500),
            "centroid": np.sum(share * hertz) / 1000,
            "rolloff": hertz[np.argmax(np.cumsum(energy) >= 0.85 * energy.sum())] / 1000,
            "flux": 0.0 if last is None else np.sqrt(np.sum((share - last) ** 2)),
        }
        for order in range(1, 13):
            basis = np.sqrt(2 / 26) * np.cos(np.pi * order * (np.arange(26) + 0.5) / 26)
            frame[f"mfcc_{order}"] = basis @ logs
        last = share
        for name, value in frame.items():
            tracks.setdefault(name, []).append(value)
    level, periodic = np.array(tracks["level"]), np.array(periodic)
    sounding = level > level.max() - 45
    voiced = sounding & (periodic >= 0.45)
    tracks["level"] = level = level - 10 * np.log10(np.mean(10 ** (level[sounding] / 10)))
    smooth = []
    for number in range(total):
        near = [pitches[n] for n in range(number - 2, number + 3) if 0 <= n < total and voiced[n]]
        smooth.append(sorted(near)[(len(near) - 1) // 2] if voiced[number] else np.nan)
    harmonicity = 10 * np.log10(np.maximum(periodic, 1e-4) / (1 - periodic))
    found: dict[str, float] = {}
    for name, track in {"f0": smooth, "harmonicity": harmonicity, **tracks}.items():
        chosen = voiced if name in ("f0", "harmonicity") else sounding
        track, time = np.array(track), 0.01 * np.flatnonzero(chosen)
        some = track[chosen]
        if not len(some):
            found |= {f"{name}_{what}": 0.0 for what in functionals.STATISTICS} | {f"{name}_delta": 0.0}
            continue
        p5, p20, p50, p80, p95 = np.percentile(some, [5, 20, 50, 80, 95])
        slope = np.polyfit(time, some, 1)[0] if len(some) > 1 else 0.0
        numbers = some.mean(), some.std(), p20, p50, p80, p95 - p5, slope
        found |= {f"{name}_{what}": value for what, value in zip(functionals.STATISTICS, numbers, strict=True)}
        changes = [abs(track[n] - track[n - 1]) for n in range(1, total) if chosen[n] and chosen[n - 1]]
        found[f"{name}_delta"] = np.mean(changes) if changes else 0.0
    runs: dict[bool, list[float]] = {True: [], False: []}
    for number in range(total):
        if number == 0 or voiced[number] != voiced[number - 1]:
            runs[bool(voiced[number])].append(0.0)
        runs[bool(voiced[number])][-1] += 0.01
    loud = [level[max(n - 5, 0) : n + 6].mean() for n in range(total)]
    peaks = [n for n in range(total) if sounding[n] and loud[n] >= max(loud[max(n - 5, 0) : n + 6])]
    found |= {"voiced_share": voiced.mean(), "sounding_share": sounding.mean()}
    found |= {"voiced_rate": len(runs[True]) / total / 0.01, "peak_rate": len(peaks) / total / 0.01}
    for kind, name in ((True, "voiced"), (False, "unvoiced")):
        found[f"{name}_mean"] = np.mean(runs[kind]) if runs[kind] else 0.0
        found[f"{name}_deviation"] = np.std(runs[kind]) if runs[kind] else 0.0
    return found


@pytest.mark.parametrize("name", SIGNALS)
def test_equal_to_a_slow_reference(name: str):
    found, wanted = values(SIGNALS[name]), reference(SIGNALS[name])
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert found[key] == pytest.approx(value, rel=2e-3, abs=2e-3), key


def test_a_sine_has_its_own_pitch_and_level():
    found = values(0.3 * np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE))
    assert found["f0_mean"] == pytest.approx(36, abs=0.02)  # three octaves above 27.5 Hz
    assert found["f0_deviation"] < 0.02
    assert found["harmonicity_mean"] > 25
    assert found["level_mean"] == pytest.approx(0, abs=0.1)
    assert found["voiced_share"] > 0.95 and found["voiced_rate"] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("octaves", [1, -1])
def test_a_pitch_an_octave_away_is_twelve_semitones_away(octaves: int):
    here, there = (values(voice(hertz, 0.5, 1))["f0_p50"] for hertz in (200, 200 * 2.0**octaves))
    assert there - here == pytest.approx(12 * octaves, abs=0.1)


def test_a_glide_has_its_slope_in_semitones_a_second():
    seconds = 2.0
    hertz = 150 * 2 ** (np.arange(int(seconds * RATE)) / RATE / seconds)
    found = values(0.3 * np.sin(2 * np.pi * np.cumsum(hertz) / RATE))
    assert found["f0_slope"] == pytest.approx(6, abs=0.1)


def test_of_silence_everything_is_zero_and_noise_has_no_pitch():
    assert set(values(np.zeros(RATE)).values()) == {0.0}
    noise = values(SIGNALS["noise"])
    assert noise["voiced_share"] < 0.1
    assert noise["centroid_mean"] == pytest.approx(4, abs=0.1)


@pytest.mark.parametrize("gain", [0.5, 0.03])
@pytest.mark.parametrize("name", ["glide", "stretches"])
def test_no_value_depends_on_the_level(name: str, gain: float):
    loud, soft = values(SIGNALS[name]), values(gain * SIGNALS[name])
    assert soft == pytest.approx(loud, rel=1e-3, abs=1e-3)


def test_means_and_shares_depend_neither_on_the_duration_nor_on_silence_around():
    once, long = stretches(), np.tile(stretches(), 3)
    found, repeated = values(once), values(long)
    framed = values(np.concatenate([np.zeros(RATE // 2), once, np.zeros(RATE)]))
    for name in ("f0_mean", "f0_p80", "level_mean", "alpha_ratio_p50", "centroid_mean", "mfcc_2_mean"):
        scale = abs(found[name.rsplit("_", 1)[0] + "_range"])
        assert repeated[name] == pytest.approx(found[name], abs=0.05 * scale), name
        assert framed[name] == pytest.approx(found[name], abs=0.05 * scale), name
    assert repeated["voiced_share"] == pytest.approx(found["voiced_share"], abs=0.03)
    assert repeated["voiced_rate"] == pytest.approx(found["voiced_rate"], rel=0.15)


def test_blocks_leave_no_trace(monkeypatch: pytest.MonkeyPatch):
    whole = values(SIGNALS["stretches"])
    monkeypatch.setattr(functionals, "BLOCK", 17)
    assert values(SIGNALS["stretches"]) == pytest.approx(whole, rel=1e-4, abs=1e-4)


def test_every_value_has_a_name_of_its_own():
    conf = functionals.Conf(num_ceps=3, sample_rate=8000)
    extractor = build_extractor(conf)
    assert len(set(extractor.names)) == extractor.dim < EXTRACTOR.dim == len(set(EXTRACTOR.names))
    assert extractor(torch.from_numpy(voice(150, 0.5, 1))).shape == (1, extractor.dim)


def test_what_cannot_be_is_refused():
    with refused("f0_max", "600"):
        build(functionals.Conf, {"kind": "functionals", "f0_min": 400})
    with refused("sample_rate", "4000"):
        build(functionals.Conf, {"kind": "functionals", "sample_rate": 4000, "f0_max": 500})
    with refused("num_ceps", "26"):
        build(functionals.Conf, {"kind": "functionals", "num_ceps": 26})
    with refused("399 samples", "400"):
        values(np.ones(399))
