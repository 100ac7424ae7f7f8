"""What the front-ends of emotion recognition cost: times real time, and memory on a long file.

    python benchmarks/front_ends.py [--rounds 3] [--seconds 60] [--long 300] [NAME …]

Each is made of its recipe's conf with random weights, written as a model and read from there as its users do; the
small sizes and the published ones. Made-up audio of 10 s, one utterance after another, from samples in memory to
frames or an embedding, on two threads in fp32; memory is that of one long utterance beyond what the process holds
with torch and the model loaded. Each cell is a process of its own; rounds alternate, medians are shown.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cells import PHONES, ROOT, THREADS, alternate, median, parse, peak_memory, show

RATE, UTTERANCE = 16_000, 10
RECIPES = ROOT / "egs/synthetic"
HEARD = f"encoder.phones=[{','.join(PHONES)}]"
SYSTEMS: dict[str, tuple[Path, list[str]]] = {  # an experiment's or a features' conf, and what is changed in it
    "mfcc": (ROOT / "egs/multilingual/ser/conf/mfcc.yaml", []),
    "functionals": (ROOT / "egs/emodb/ser/conf/functionals.yaml", []),
    "wav2vec": (RECIPES / "wav2vec/conf/small.yaml", []),
    "wav2vec, published": (RECIPES / "wav2vec/conf/large.yaml", []),
    "allosaurus": (RECIPES / "allosaurus/conf/small.yaml", [HEARD]),
    "allosaurus, published": (RECIPES / "allosaurus/conf/large.yaml", [HEARD]),
    "ge2e": (ROOT / "conf/ge2e.yaml", []),
    "ge2e, published": (ROOT / "conf/ge2e.yaml", ["encoder.hidden=256", "encoder.embedding_dim=256"]),
    "byola": (RECIPES / "byola/conf/small.yaml", []),
    "byola, published": (RECIPES / "byola/conf/published.yaml", []),
}


def build(name: str, folder: Path) -> Callable:
    """``(N,)`` samples -> frames or an embedding, an array: what a user of the system's model calls."""
    import torch

    from timbre.conf import kind_module, kinds
    from timbre.features.front_end import build_extractor
    from timbre.features.published import FORMAT
    from timbre.features.tensors import save_tensors
    from timbre.models import build_encoder
    from timbre.models.trained import TrainedModel
    from timbre.training.experiment import load_experiment

    conf, settings = SYSTEMS[name]
    experiment = load_experiment(conf, settings)
    extractor = build_extractor(experiment.features)
    if name in ("mfcc", "functionals"):
        return lambda samples: extractor(torch.from_numpy(samples)).numpy()
    torch.manual_seed(0)
    encoder = build_encoder(experiment.encoder, extractor.dim)
    state = {"format": FORMAT, "conf": experiment.model_dump(mode="json"), "classes": [], "backend": {}}
    state |= {"encoder": encoder.state_dict(), "statistics": torch.stack([torch.zeros(extractor.dim)] * 2)}
    save_tensors(folder / "final.pt", state)
    if experiment.encoder.kind not in kinds("timbre.features"):
        model = TrainedModel.load(folder)
        return lambda samples: model.embed(samples, RATE)
    features = kind_module("timbre.features", experiment.encoder.kind)
    frames = features.Extractor(features.Conf(model=str(folder)))
    return lambda samples: frames(torch.from_numpy(samples)).numpy()


def cell(name: str, seconds: int, long: int) -> dict:
    """One process's measurement: times real time, megabytes of the long utterance, the shape of what comes out."""
    import numpy as np
    import torch

    torch.set_num_threads(THREADS)
    rng = np.random.default_rng(0)

    def speech(length: float) -> np.ndarray:
        return (0.1 * rng.standard_normal(int(length * RATE))).astype(np.float32)

    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        extract = build(name, Path(folder))
        extract(speech(UTTERANCE))
        count = max(1, seconds // UTTERANCE)
        spoken = [speech(UTTERANCE) for _ in range(count)]
        begin = time.perf_counter()
        found = [extract(samples) for samples in spoken]
        speed = count * UTTERANCE / (time.perf_counter() - begin)
        samples, before = speech(long), peak_memory()
        extract(samples)
    return {"speed": speed, "memory": peak_memory() - before, "shape": " × ".join(map(str, found[0].shape))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=60, help="of audio, for the speed")
    parser.add_argument("--long", type=int, default=300, help="seconds of the long utterance")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(SYSTEMS)} (default: all)")
    args = parse(parser, cell, rounds=1, seconds=1, long=1)
    if unknown := set(args.names) - SYSTEMS.keys():
        parser.error(f"no such front-end: {', '.join(sorted(unknown))}")
    cells = {name: ([name, args.seconds, args.long], True) for name in SYSTEMS if name in (args.names or SYSTEMS)}
    results = alternate(cell, cells, args.rounds, args.smallest)
    rows = [
        [f"`{name}`", found[0]["shape"], median(found, "speed"), median(found, "memory")]
        for name, found in results.items()
    ]
    show(["front-end", f"of {UTTERANCE} s", "times real time", f"MB for {args.long} s"], rows)


if __name__ == "__main__":
    main()
