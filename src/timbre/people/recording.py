"""What can be said of a recording before anybody is recognised in it: how much speech, how loud, how noisy.

Frames of 25 ms every 10 ms have the levels L_t in dB below full scale (mean square, 0 dB for a square wave).
Noise is the level that a tenth of the frames stay below; frames more than ``ABOVE`` dB over it, and not more than
``RANGE`` dB below the loudest, count as speech.

    speech   seconds of such frames             level      their mean power, dB
    snr      level less noise, dB               clipping   share of samples at the ends of the range
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

FRAME, SHIFT = 0.025, 0.010
ABOVE, RANGE = 6.0, 40.0
FULL = 0.999
LITTLE_SPEECH = 1.0
"""Seconds of speech below which no model of this field is dependable."""

_TOLERANCE = {"speech": 0.1, "level": 3.0, "snr": 3.0, "clipping": 0.001}  # beyond the range that was seen
_UNITS = {
    "speech": "s of speech",
    "level": "dB level",
    "snr": "dB signal to noise",
    "clipping": "of samples clipped",
}


@dataclass(frozen=True)
class Quality:
    """``seconds`` in all, and the measures of the module's docstring."""

    seconds: float
    speech: float
    level: float
    snr: float
    clipping: float

    def __str__(self) -> str:
        return (
            f"{self.seconds:.1f} s, {self.speech:.1f} s of speech, level {self.level:.0f} dB, {self.snr:.0f} dB "
            f"over the noise, {100 * self.clipping:.2g} % clipped"
        )


def measure_quality(samples: np.ndarray, rate: int) -> Quality:
    """The quality of samples (N,) in [-1, 1) at ``rate`` Hz."""
    frame, shift = max(1, round(FRAME * rate)), max(1, round(SHIFT * rate))
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    starts = np.arange(0, max(len(samples) - frame, 0) + 1, shift)
    ends = np.minimum(starts + frame, len(samples))
    power = np.maximum((energy[ends] - energy[starts]) / (ends - starts), 1e-12)
    levels = 10 * np.log10(power)
    noise = float(np.quantile(levels, 0.1))
    speech = (levels > noise + ABOVE) & (levels > levels.max() - RANGE)
    level = 10 * np.log10(power[speech].mean()) if speech.any() else float(levels.max())
    clipped = float(np.mean(np.abs(samples) >= FULL))
    return Quality(
        len(samples) / rate, float(speech.sum() * shift / rate), float(level), float(level - noise), clipped
    )


def quality_range(qualities: list[Quality]) -> dict[str, tuple[float, float]]:
    """The least and the greatest value of each measure."""
    values = {name: [getattr(quality, name) for quality in qualities] for name in _TOLERANCE}
    return {name: (min(those), max(those)) for name, those in values.items()}


def warn_of_quality(name: str, quality: Quality, seen: Mapping[str, tuple[float, float]]) -> list[str]:
    """What speaks against a recording, in lines; ``seen`` are the ranges that a calibration knows, if any."""
    values, lines = asdict(quality), []
    if quality.speech < LITTLE_SPEECH:
        lines.append(f"{name}: {quality.speech:.1f} s of speech, and less than {LITTLE_SPEECH:g} s say little")
    for measure, (low, high) in seen.items():
        tolerance = _TOLERANCE[measure]
        if measure != "clipping" and values[measure] < low - tolerance:
            lines.append(f"{name}: {_say(measure, values)}, and calibrated on {low:.3g} and more")
        if measure not in ("speech", "snr") and values[measure] > high + tolerance:
            lines.append(f"{name}: {_say(measure, values)}, and calibrated on up to {high:.3g}")
    return lines


def _say(measure: str, values: Mapping[str, float]) -> str:
    return f"{values[measure]:.3g} {_UNITS[measure]}"
