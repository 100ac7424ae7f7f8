"""Embeddings of whole utterances beside SpeechBrain's, one by one: times real time, memory, deviation.

    python benchmarks/extraction.py [--rounds 3] [--utterances 200] [--channels 512] [--operators]

ECAPA-TDNN, C = 512, utterances of 2 to 12 s (made-up, seeded), from samples in memory to embeddings, filter banks
and their mean subtraction included, two threads. Each cell is a process of its own; rounds alternate, medians are
shown. The share of the peak is the network's alone: its multiplications and additions a second, of those of a
product of large matrices in the same process. The cells ``batches`` group utterances as timbre's extraction does
(timbre.models.batching). The deviation of an embedding, against timbre's one by one in fp32, is relative to its
distance from the mean embedding; more than the tolerance is an error. With OMP_NUM_THREADS=1 the seconds are the
processor's, which hold beside other processes, too.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from cells import THREADS, alternate, have_speechbrain, median, parse, peak_gflops, peak_memory, precisions, show

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


Embedder = tuple[Callable[[np.ndarray], Any], Callable[[list[Any]], np.ndarray], Any]
"""From samples to features; from N utterances' features to embeddings ``(N, D)``; what counts as its operations."""


def timbre_embedder(
    heard: list[np.ndarray], batched: bool, channels: int, context: AbstractContextManager
) -> Embedder:
    """timbre's, with BatchNorm's statistics of the utterances ``heard``."""
    import torch
    from torch.nn.utils.rnn import pad_sequence
    from torchaudio.compliance.kaldi import fbank

    from timbre.models import build_encoder, ecapa_tdnn
    from timbre.models.batching import length_batches
    from timbre.models.inference import prepare_for_inference

    torch.manual_seed(0)
    encoder = build_encoder(ecapa_tdnn.Conf(channels=channels), DIM)

    def frames(samples: np.ndarray) -> torch.Tensor:
        feats = fbank(torch.from_numpy(samples)[None] * 32768, num_mel_bins=DIM, sample_frequency=RATE)
        return feats - feats.mean(dim=0)

    for module in encoder.modules():
        module.momentum = None  # BatchNorm: the running statistics become those of the batch below
    with torch.no_grad():  # as in a trained network; untrained and without them, all embeddings are alike
        encoder.train()(torch.stack([frames(each)[:190] for each in heard]), torch.full((len(heard),), 190))
    prepared = prepare_for_inference(encoder.eval())

    def embed(feats: list[torch.Tensor]) -> np.ndarray:
        lengths = np.array([len(each) for each in feats])
        batches = length_batches(lengths) if batched else np.arange(len(feats))[:, None]
        out = torch.empty(len(feats), encoder.embedding_dim)
        with context:  # of the network alone, and once: weights stay converted until it ends
            for batch in batches:
                padded = pad_sequence([feats[index] for index in batch], batch_first=True)
                out[torch.from_numpy(batch)] = prepared(padded, torch.from_numpy(lengths[batch])).float()
        return out.numpy()

    return frames, embed, lambda feats: encoder(feats[None], torch.tensor([len(feats)]))


def speechbrain_embedder(channels: int, context: AbstractContextManager) -> Embedder:
    """SpeechBrain's filter banks, normalisation and ECAPA-TDNN, one by one."""
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

    def frames(samples: np.ndarray) -> torch.Tensor:
        return normalise(fbank(torch.from_numpy(samples)[None]), whole)

    def embed(feats: list[torch.Tensor]) -> np.ndarray:
        with context:
            return torch.stack([encoder(each, whole)[0, 0].float() for each in feats]).numpy()

    return frames, embed, lambda feats: encoder(feats, whole)


def cell(
    system: str, batched: str, precision: str, count: int, channels: int, size: int, listed: bool, folder: str
) -> dict:
    """One process's measurement; timbre's embeddings are left in ``folder``."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from timbre.models.precision import autocast

    torch.set_num_threads(THREADS)
    clock = time.process_time if THREADS == 1 else time.perf_counter
    context = autocast(precision, torch.device("cpu"))
    spoken = utterances(count)
    if system == "speechbrain":
        frames, embed, plain = speechbrain_embedder(channels, context)
    else:
        frames, embed, plain = timbre_embedder(spoken[:64], batched == "batches", channels, context)
    with torch.inference_mode():
        warm = [frames(samples) for samples in spoken[:20]]
        embed(warm)
        times = [clock()]
        feats = [frames(samples) for samples in spoken]
        times.append(clock())
        embeddings = embed(feats)
        times.append(clock())
        rate = peak_gflops("float32" if precision == "fp32" else "bfloat16", size, clock)
        with FlopCounterMode(display=False) as counter:
            plain(feats[0])
        operators = by_operator(lambda: embed(warm)) if listed else {}
    path = Path(folder) / f"{system}.{batched}.{precision}.npy"
    np.save(path, embeddings)
    audio = sum(map(len, spoken)) / RATE
    operations = counter.get_total_flops() * audio / (len(spoken[0]) / RATE)
    return {
        "speed": audio / (times[2] - times[0]),
        "share": operations / (times[2] - times[1]) / rate / 1e9,
        "memory": peak_memory(),
        "embeddings": str(path),
        "operators": {
            name: 1e3 * seconds / (sum(map(len, spoken[:20])) / RATE) for name, seconds in operators.items()
        },
    }


def by_operator(work: Callable[[], object]) -> dict[str, float]:
    """Seconds of the processor in each of torch's operators, without those that it calls."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], acc_events=True) as profiler:
        work()
    return {event.key: event.self_cpu_time_total / 1e6 for event in profiler.key_averages()}


def operator_table(found: dict[str, dict[str, float]]) -> None:
    """Milliseconds a second of audio, of each cell; operators of less than a fiftieth are ``others``."""
    totals = {name: sum(values.values()) for name, values in found.items()}
    keys = sorted(
        {key for name, values in found.items() for key, value in values.items() if value > 0.02 * totals[name]},
        key=lambda key: -max(values.get(key, 0.0) for values in found.values()),
    )
    rows = [[key, *(values.get(key, 0.0) for values in found.values())] for key in keys]
    others = [total - sum(found[name].get(key, 0.0) for key in keys) for name, total in totals.items()]
    print()
    show(["operator, ms a second of audio", *found], [*rows, ["others", *others], ["all", *totals.values()]])


def deviation(embeddings: np.ndarray, reference: np.ndarray) -> float:
    """The largest distance between an utterance's two embeddings, relative to the reference's from the mean."""
    spread = np.linalg.norm(reference - reference.mean(axis=0), axis=1)
    return float((np.linalg.norm(embeddings - reference, axis=1) / spread).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--utterances", type=int, default=200)
    parser.add_argument("--channels", type=int, default=512)
    parser.add_argument("--size", type=int, default=1024, help="of the matrices whose product is the peak")
    parser.add_argument("--operators", action="store_true", help="also the time in each operator of torch")
    args = parse(parser, cell, rounds=1, utterances=4, channels=16, size=64, operators=True)
    kinds = [("speechbrain", "one by one")] if have_speechbrain() else []
    kinds += [("timbre", "one by one"), ("timbre", "batches")]
    with tempfile.TemporaryDirectory() as folder:
        cells = {
            f"{system} {how} {precision}, {'variables' if allocator else 'default'}": (
                [system, how, precision, args.utterances, args.channels, args.size, args.operators, folder],
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
            rows.append([name, speed, speed / base, median(found, "share"), median(found, "memory"), apart])
        show(["cell", "s of audio a second", "times as fast", "share of peak", "peak MB", "deviation"], rows)
        if args.operators:
            operator_table(
                {name: found[0]["operators"] for name, found in results.items() if name.endswith("fp32, variables")}
            )
    if failed:
        sys.exit(f"beyond the tolerance {TOLERANCE}: {'; '.join(failed)}")


if __name__ == "__main__":
    main()
