"""An utterance's vector: statistics of pitch, level, spectral balance and cepstra over its frames, one row (1, F).

The manner is that of eGeMAPS (Eyben et al. 2016, IEEE Transactions on Affective Computing 7(2)); the definitions
are our own unless a source is named. The mean of the waveform is subtracted, and the waveform divided by the root
of its mean square, so that no value depends on the level. Each frame has

    f0            semitones above 27.5 Hz        )  of voiced frames alone
    harmonicity   dB                             )  (:mod:`timbre.features.pitch`)
    level         dB above the mean energy of the frames that sound
    alpha_ratio   dB, the energy in 50 … 1000 Hz over that in 1 … 5 kHz (Eyben et al.)
    hammarberg    dB, the highest energy of a bin in 0 … 2 kHz over that in 2 … 5 kHz (Eyben et al.)
    slope_0_500, slope_500_1500    dB / kHz, of the straight line through the spectrum in dB
    centroid      kHz, the mean frequency, weighted by magnitudes
    rolloff       kHz, below which 85 % of the energy lie
    flux          the root of the sum of the squared changes since the last frame, of magnitudes that sum to one
    mfcc_1 …      type-II cosine transform of the log energies of mel filters (HTK's scale); without C0, the level

The f0 is the median over five voiced frames, which removes octave errors. A frame sounds if its level is less than
45 dB below that of the loudest frame; it is voiced if it sounds and r ≥ ``voicing``. All but f0 and harmonicity are
of frames that sound. Of each there are

    mean, deviation, p20, p50, p80 (percentiles), range (p95 − p5), slope (of the regression on time, per second)
    delta         the mean magnitude of the changes from frame to frame

and of the utterance

    voiced_share, sounding_share        of all frames
    voiced_rate                         voiced stretches a second
    peak_rate                           maxima of the level a second, smoothed over 110 ms, in frames that sound
    voiced_mean, voiced_deviation       s, of the lengths of voiced stretches
    unvoiced_mean, unvoiced_deviation   s, of the stretches between them

A value is 0 where no frame has it: f0 where nothing is voiced, all values of digital silence.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field, PositiveFloat, PositiveInt, model_validator
from torch import Tensor
from torch.nn.functional import pad

from timbre.features.frames import FrameConf, frame_samples, require_one_frame
from timbre.features.pitch import Pitch

REFERENCE = 27.5  # Hz, of the semitones, as in eGeMAPS
FLOOR = 1e-9  # of energies, 90 dB below the utterance's own mean
QUIETEST, DEPTH = -60.0, 45.0  # dB
SMOOTHED, PEAK = 11, 5  # frames
BLOCK = 2000  # frames that are computed at once: memory does not grow with the utterance
STATISTICS = ("mean", "deviation", "p20", "p50", "p80", "range", "slope")
PERCENTILES = torch.tensor([0.2, 0.5, 0.8, 0.05, 0.95])
RHYTHM = ["voiced_share", "sounding_share", "voiced_rate", "peak_rate"]
RHYTHM += ["voiced_mean", "voiced_deviation", "unvoiced_mean", "unvoiced_deviation"]


class Conf(FrameConf):
    """Framing, and the range of the pitch.

    Attributes:
        vectors: an utterance has one row.
    """

    vectors: ClassVar[bool] = True

    kind: Literal["functionals"] = "functionals"
    f0_min: float = Field(60.0, ge=20, description="Hz; pitch is heard in frames of three of its periods")
    f0_max: PositiveFloat = Field(600.0, description="Hz")
    voicing: float = Field(0.45, gt=0, lt=1, description="share of periodic energy from which a frame is voiced")
    num_mel_bins: PositiveInt = 26
    num_ceps: PositiveInt = Field(12, description="MFCC, without C0")

    @model_validator(mode="after")
    def _ranges(self) -> Conf:
        if self.sample_rate < 8000:
            raise ValueError(f"sample_rate {self.sample_rate}: spectral balance needs 8000 Hz or more")
        if not 2 * self.f0_min <= self.f0_max <= self.sample_rate / 4:
            raise ValueError(
                f"f0_max {self.f0_max:g} Hz lies between twice f0_min ({2 * self.f0_min:g}) and a quarter of "
                f"sample_rate ({self.sample_rate / 4:g})"
            )
        if self.num_ceps >= self.num_mel_bins:
            raise ValueError(f"num_ceps {self.num_ceps} must be below num_mel_bins {self.num_mel_bins}")
        return self


class Extractor:
    """``(N,)`` samples in [-1, 1) → ``(1, F)`` float32.

    Attributes:
        names: of the F values in their order: ``f0_mean``, ``level_p80``, ``voiced_share`` …
    """

    def __init__(self, conf: Conf) -> None:
        import torchaudio.functional as audio  # 0.1 s, which those who read frames from ark are spared

        self.conf = conf
        self._length, rate = frame_samples(conf), conf.sample_rate
        self._shift = int(rate * conf.frame_shift * 0.001)
        self._size = 1 << (self._length - 1).bit_length()
        self._window = torch.hamming_window(self._length, periodic=False)
        self._pitch = Pitch(rate, conf.f0_min, conf.f0_max)
        self._hertz = torch.linspace(0, rate / 2, self._size // 2 + 1)
        self._mel = audio.melscale_fbanks(self._size // 2 + 1, 20.0, min(8000.0, rate / 2), conf.num_mel_bins, rate)
        self._dct = audio.create_dct(conf.num_ceps + 1, conf.num_mel_bins, "ortho")[:, 1:]
        cepstra = [f"mfcc_{number + 1}" for number in range(conf.num_ceps)]
        balance = ["alpha_ratio", "hammarberg", "slope_0_500", "slope_500_1500", "centroid", "rolloff", "flux"]
        self._voiced, self._sounding = ["f0", "harmonicity"], ["level", *balance, *cepstra]
        every = self._voiced + self._sounding
        self.names = [f"{what}_{statistic}" for what in every for statistic in STATISTICS]
        self.names += [f"{what}_delta" for what in every] + RHYTHM
        self.dim = len(self.names)

    def __call__(self, samples: Tensor) -> Tensor:
        require_one_frame(samples, self.conf)
        samples = samples - samples.mean()
        root = samples.square().mean().sqrt()
        if root < 1e-7:  # below half a step of 24 bits
            return torch.zeros(1, self.dim)
        hertz, periodic, tracks = self._tracks(samples / root)
        level = tracks[:, 0]
        sounding = level > level.max() - DEPTH
        level -= 10 * torch.log10((10 ** (level[sounding] / 10)).mean())  # of tracks too
        voiced = sounding & (periodic >= self.conf.voicing)
        semitones = 12 * torch.log2(hertz / REFERENCE)
        semitones = _median(semitones.masked_fill(~voiced, torch.nan))
        harmonicity = 10 * torch.log10(periodic.clamp_min(1e-4) / (1 - periodic))
        spoken = torch.stack([semitones, harmonicity], dim=1)
        step = self.conf.frame_shift * 0.001
        found = [_statistics(spoken, voiced, step), _statistics(tracks, sounding, step)]
        found += [_changes(spoken, voiced), _changes(tracks, sounding), _rhythm(level, sounding, voiced, step)]
        return torch.cat(found)[None].float()

    def _tracks(self, samples: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """F0 in Hz (T,), r (T,), and level, spectral balance and cepstra of all frames (T, F)."""
        spectral = samples.unfold(0, self._length, self._shift)
        margin = self._pitch.length - self._length  # frames of pitch have the same centres
        around = pad(samples, (margin // 2, margin - margin // 2)) if margin > 0 else samples
        tonal = around.unfold(0, self._pitch.length, self._shift)
        blocks, last = [], None
        for begin in range(0, len(spectral), BLOCK):
            energies = torch.fft.rfft(spectral[begin : begin + BLOCK] * self._window, self._size).abs().square()
            energies = energies / self._window.square().sum()
            shares = energies.sqrt()
            shares = shares / shares.sum(dim=1, keepdim=True).clamp_min(FLOOR)
            changes = torch.diff(shares, dim=0, prepend=shares[:1] if last is None else last)
            last = shares[-1:]
            spectrum = self._spectrum(energies, shares, changes.square().sum(dim=1).sqrt())
            blocks.append((*self._pitch(tonal[begin : begin + BLOCK]), spectrum))
        return tuple(torch.cat(parts) for parts in zip(*blocks, strict=True))

    def _spectrum(self, energies: Tensor, shares: Tensor, flux: Tensor) -> Tensor:
        """Level, spectral balance and cepstra (T, F) of energies (T, bins)."""
        decibels = 10 * torch.log10(energies + FLOOR)
        kilohertz = self._hertz / 1000
        total = energies.cumsum(dim=1)
        low, high = self._band(50, 1000), self._band(1000, 5000)
        columns = [
            (10 * torch.log10(2 * total[:, -1] / self._size + FLOOR)).clamp_min(QUIETEST),
            10 * torch.log10((energies[:, low].sum(dim=1) + FLOOR) / (energies[:, high].sum(dim=1) + FLOOR)),
            decibels[:, self._band(0, 2000)].amax(dim=1) - decibels[:, self._band(2000, 5000)].amax(dim=1),
            *(
                _regression(kilohertz[band], decibels[:, band].T)
                for band in (self._band(0, 500), self._band(500, 1500))
            ),
            shares @ kilohertz,
            kilohertz[(total < 0.85 * total[:, -1:]).sum(dim=1).clamp_max(len(kilohertz) - 1)],
            flux,
        ]
        cepstra = torch.log(energies @ self._mel + FLOOR) @ self._dct
        return torch.cat([torch.stack(columns, dim=1), cepstra], dim=1)

    def _band(self, low: float, high: float) -> Tensor:
        """The bins of frequencies in [low, high) Hz."""
        return (self._hertz >= low) & (self._hertz < high)


def _regression(places: Tensor, values: Tensor) -> Tensor:
    """The slopes (F,) of values (N, F) at places (N,): Σ (p − p̄) v / Σ (p − p̄)²; 0 of a single place."""
    offsets = places - places.mean()
    return (offsets @ values) / offsets.square().sum().clamp_min(1e-9)


def _statistics(tracks: Tensor, chosen: Tensor, step: float) -> Tensor:
    """The :data:`STATISTICS` (7 F,) of tracks (T, F) over chosen frames; ``step`` in s."""
    if not chosen.any():
        return torch.zeros(tracks.shape[1] * len(STATISTICS))
    values = tracks[chosen]
    fifth, half, most, least, highest = torch.quantile(values, PERCENTILES, dim=0)
    slope = _regression(step * chosen.nonzero()[:, 0].to(values), values)
    deviation = values.std(dim=0, correction=0)
    return torch.stack([values.mean(dim=0), deviation, fifth, half, most, highest - least, slope], dim=1).flatten()


def _changes(tracks: Tensor, chosen: Tensor) -> Tensor:
    """The mean magnitude (F,) of the changes between chosen frames that follow each other."""
    both = chosen[1:] & chosen[:-1]
    changes = torch.diff(tracks, dim=0)[both].abs()
    return changes.mean(dim=0) if len(changes) else torch.zeros(tracks.shape[1])


def _median(track: Tensor, width: int = 5) -> Tensor:
    """The median of those of ``width`` frames around each (T,) that are numbers; nan stays nan."""
    around = pad(track[None], (width // 2, width // 2), value=torch.nan)[0].unfold(0, width, 1)
    return torch.where(track.isnan(), track, around.nanmedian(dim=1).values)


def _rhythm(level: Tensor, sounding: Tensor, voiced: Tensor, step: float) -> Tensor:
    """The values of :data:`RHYTHM` (8,)."""
    seconds = len(level) * step
    _, lengths = torch.unique_consecutive(voiced, return_counts=True)
    kinds = voiced[lengths.cumsum(0) - 1]
    spoken, between = (step * lengths[kinds == kind].float() for kind in (True, False))
    smooth = torch.nn.functional.avg_pool1d(level[None], SMOOTHED, 1, SMOOTHED // 2, count_include_pad=False)[0]
    highest = torch.nn.functional.max_pool1d(smooth[None], 2 * PEAK + 1, 1, PEAK)[0]
    peaks = ((smooth == highest) & sounding).sum()
    moments = [value for some in (spoken, between) for value in (_mean(some), _spread(some))]
    rates = [voiced.float().mean(), sounding.float().mean(), len(spoken) / seconds, peaks / seconds]
    return torch.tensor([float(value) for value in rates + moments])


def _mean(values: Tensor) -> float:
    return float(values.mean()) if len(values) else 0.0


def _spread(values: Tensor) -> float:
    return float(values.std(correction=0)) if len(values) else 0.0
