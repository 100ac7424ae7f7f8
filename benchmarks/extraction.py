"""Embeddings of whole utterances beside SpeechBrain's, one by one: times real time, memory, deviation.

    python benchmarks/extraction.py [--rounds 3] [--utterances 200] [--channels 512]

ECAPA-TDNN, C = 512, utterances of 2 to 12 s (made-up, seeded), from samples in memory to embeddings, filter banks
and their mean subtraction included, two threads. Each cell is a process of its own; rounds alternate, medians are
shown. The cells ``batches`` group utterances as timbre's extraction does (timbre.models.batching). The deviation
of an embedding, against timbre's one by one in fp32, is relative to its distance from the mean embedding; more
than the tolerance is an error.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
from cells import THREADS, alternate, have_speechbrain, median, parse, peak_memory, precisions, show

RATE, DIM = 16_000, 80
TOLERANCE = {"fp32": 1e-4, "bf16": 0.1}
REFERENCE = "timbre one by one fp32, variables"


def utterances(count: int) -> list[np.ndarray]:
    """Noise of random spectra and loudness contours, 2 to 12 s of it."""
    rng = np.random.default_rng(0)

    def contour(points: int, length: int) -> np.ndarray:
        return np.exp(np.interp(np.linspace(0, points - 1, length), np.arange(points), rng.normal(0, 1.5, points)))

    made = []
    for seconds in rng.uniform(2, 12, size=count):
        spectrum = np.fft.rfft(rng.standard_normal(int(seconds * RATE)))
        samples = np.fft.irfft(spectrum * contour(12, len(spectrum)))
        samples *= contour(int(5 * seconds), len(samples))
        made.append((0.5 * samples / np.abs(samples).max()).astype(np.float32))
    return made


def timbre_embedder(
    heard: list[np.ndarray], batched: bool, channels: int, context: AbstractContextManager
) -> Callable[[list[np.ndarray]], np.ndarray]:
    """Samples of utterances -> embeddings ``(N, D)``, with BatchNorm's statistics of those ``heard``."""
    import torch
    from torch.nn.utils.rnn import pad_sequence
    from torchaudio.compliance.kaldi import fbank

    from timbre.models import build_encoder, ecapa_tdnn
    from timbre.models.batching import length_batches

    torch.manual_seed(0)
    encoder = build_encoder(ecapa_tdnn.Conf(channels=channels), DIM)

    def frames(samples: np.ndarray) -> torch.Tensor:
        feats = fbank(torch.from_numpy(samples)[None] * 32768, num_mel_bins=DIM, sample_frequency=RATE)
        return feats - feats.mean(dim=0)

    for module in encoder.modules():
        module.momentum = None  # BatchNorm: the running statistics become those of the batch below
    with torch.no_grad():  # as in a trained network; untrained and without them, all embeddings are alike
        encoder.train()(torch.stack([frames(each)[:190] for each in heard]), torch.full((len(heard),), 190))
    encoder.eval()

    def embed(spoken: list[np.ndarray]) -> np.ndarray:
        feats = [frames(samples) for samples in spoken]
        lengths = np.array([len(each) for each in feats])
        batches = length_batches(lengths) if batched else np.arange(len(feats))[:, None]
        out = torch.empty(len(feats), encoder.embedding_dim)
        with context:  # of the network alone, and once: weights stay converted until it ends
            for batch in batches:
                padded = pad_sequence([feats[index] for index in batch], batch_first=True)
                out[torch.from_numpy(batch)] = encoder(padded, torch.from_numpy(lengths[batch])).float()
        return out.numpy()

    return embed


def speechbrain_embedder(
    channels: int, context: AbstractContextManager
) -> Callable[[list[np.ndarray]], np.ndarray]:
    """The same of SpeechBrain's filter banks, normalisation and ECAPA-TDNN, one by one."""
    import torch
    from speechbrain.lobes.features import Fbank
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
    from speechbrain.processing.features import InputNormalization

    encoder = ECAPA_TDNN(DIM, channels=[channels] * 4 + [1536], lin_neurons=192).eval()
    fbank, normalise, whole = (
        Fbank(n_mels=DIM),
        InputNormalization(norm_type="sentence", std_norm=False),
        torch.ones(1),
    )

    def embed(spoken: list[np.ndarray]) -> np.ndarray:
        feats = [normalise(fbank(torch.from_numpy(samples)[None]), whole) for samples in spoken]
        with context:
            return torch.stack([encoder(each, whole)[0, 0].float() for each in feats]).numpy()

    return embed


def cell(system: str, batched: str, precision: str, count: int, channels: int, folder: str) -> dict:
    """One process's measurement; timbre's embeddings are left in ``folder``."""
    import torch

    from timbre.models.precision import autocast

    torch.set_num_threads(THREADS)
    context = autocast(precision, torch.device("cpu"))
    spoken = utterances(count)
    if system == "speechbrain":
        embed = speechbrain_embedder(channels, context)
    else:
        embed = timbre_embedder(spoken[:64], batched == "batches", channels, context)
    with torch.inference_mode():
        embed(spoken[:20])
        begin = time.perf_counter()
        embeddings = embed(spoken)
        seconds = time.perf_counter() - begin
    path = Path(folder) / f"{system}.{batched}.{precision}.npy"
    np.save(path, embeddings)
    audio = sum(map(len, spoken)) / RATE
    return {"speed": audio / seconds, "memory": peak_memory(), "embeddings": str(path)}


def deviation(embeddings: np.ndarray, reference: np.ndarray) -> float:
    """The largest distance between an utterance's two embeddings, relative to the reference's from the mean."""
    spread = np.linalg.norm(reference - reference.mean(axis=0), axis=1)
    return float((np.linalg.norm(embeddings - reference, axis=1) / spread).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--utterances", type=int, default=200)
    parser.add_argument("--channels", type=int, default=512)
    args = parse(parser, cell, rounds=1, utterances=4, channels=16)
    kinds = [("speechbrain", "one by one")] if have_speechbrain() else []
    kinds += [("timbre", "one by one"), ("timbre", "batches")]
    with tempfile.TemporaryDirectory() as folder:
        cells = {
            f"{system} {how} {precision}, {'variables' if allocator else 'default'}": (
                [system, how, precision, args.utterances, args.channels, folder],
                allocator,
            )
            for system, how in kinds
            for precision in precisions()
            for allocator in (False, True)
        }
        results = alternate(cell, cells, args.rounds, args.smallest)
        reference = np.load(results[REFERENCE][0]["embeddings"])
        base = median(results[next(iter(cells))], "speed")
        rows, failed = [], []
        for name, found in results.items():
            speed, apart = median(found, "speed"), ""
            if name.startswith("timbre"):
                apart = deviation(np.load(found[0]["embeddings"]), reference)
                failed += [name] * (apart > TOLERANCE["bf16" if "bf16" in name else "fp32"])
            rows.append([name, speed, speed / base, median(found, "memory"), apart])
        show(["cell", "s of audio a second", "times as fast", "peak MB", "deviation"], rows)
    if failed:
        sys.exit(f"beyond the tolerance {TOLERANCE}: {'; '.join(failed)}")


if __name__ == "__main__":
    main()
