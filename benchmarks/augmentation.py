"""What augmentation on the fly costs: 8 s of audio in each kind, beside its filter banks and torchaudio.

    python benchmarks/augmentation.py --rounds 30

One thread. Medians of alternating rounds in milliseconds, as multiples of the time of the same audio's filter banks
(80 bins), which training online computes anyway. torchaudio adds the noise (``functional.add_noise``) and convolves
with the room (``functional.fftconvolve``) that timbre uses; beside it stand timbre's functions that do that alone,
since drawing rooms and noise is not its task. Files of noise and of other speakers are read anew in each round,
from the page cache.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torchaudio.functional
from cells import parse, show
from made_up import RATE, write_recordings

from timbre.corpora.acoustics import add_noise, coloured_noise, reverberate, room_response
from timbre.features import fbank
from timbre.features.augment import AugmentConf, Augmenter
from timbre.kaldi.wave_reader import WaveReader

SECONDS, SPEAKERS = 8, 10
KINDS = ("reverberation", "noise", "music", "babble", "telephone")


def cells(folder: Path) -> dict[str, Callable[[], object]]:
    """What is measured, by name."""
    rng = np.random.default_rng(0)
    names = [f"s{number}-0" for number in range(SPEAKERS)]
    data = write_recordings(folder / "data", names, SECONDS, rng)
    for source in ("noise", "music", "speech"):
        write_recordings(folder / "sources" / source, ["a", "b"], 60, rng)
    write_recordings(folder / "sources" / "rirs", ["a", "b"], 0.5, rng)
    reader, persons = WaveReader(data, RATE), {name: name[:2] for name in names}
    samples = reader.read(names[0])
    noise = coloured_noise(len(samples), RATE, 1.0, rng)
    room = room_response(RATE, 0.5, 6.0, rng)
    extract, wave = fbank.Extractor(fbank.Conf()), torch.from_numpy(samples)
    noises, response, snr = torch.from_numpy(noise), torch.from_numpy(room), torch.tensor(10.0)
    found: dict[str, Callable[[], object]] = {"filter banks": lambda: extract(wave)}
    for label, sources in (("made here", None), ("from files", folder / "sources")):
        augment = Augmenter(AugmentConf(kinds=KINDS), reader, persons, RATE, sources)
        for kind in KINDS:
            if sources is None or kind != "telephone":
                found[f"{kind}, {label}"] = lambda augment=augment, kind=kind: augment.apply(
                    kind, names[0], samples, rng
                )
    found["timbre add_noise"] = lambda: add_noise(samples, noise, 10.0, RATE)
    found["torchaudio add_noise"] = lambda: torchaudio.functional.add_noise(wave, noises, snr)
    found["timbre reverberate"] = lambda: reverberate(samples, room)
    found["torchaudio fftconvolve"] = lambda: torchaudio.functional.fftconvolve(wave, response)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parse(parser, rounds=1).rounds
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        measured = cells(Path(folder))
        times: dict[str, list[float]] = {name: [] for name in measured}
        for _ in range(rounds + 1):  # the first one warms up
            for name, run in measured.items():
                start = time.perf_counter()
                run()
                times[name].append(1000 * (time.perf_counter() - start))
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    rows = [[name, median, median / medians["filter banks"]] for name, median in medians.items()]
    show([f"{SECONDS} s of audio", "ms", "times the filter banks"], rows)


if __name__ == "__main__":
    main()
