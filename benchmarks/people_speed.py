"""Enrolling and identifying: what remains beside the embeddings, with 10 to 10,000 people.

    python benchmarks/people_speed.py [--model MODEL] [--people 10 100 1000 10000] [--recordings 1000] [--rounds 5]

Without a model an ECAPA-TDNN of random weights is used, C = 512. Recordings are noise of 3 s. Shown are medians of
the rounds: opening the folder and the first answer, and each further answer, less the time of the embedding itself;
and enrolling many recordings by the time that embedding them alone takes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from cells import parse, show

RATE = 16_000


def random_model(folder: Path) -> Path:
    """An ECAPA-TDNN of random weights in the form of a trained model."""
    import torch

    from timbre.conf import build
    from timbre.features.published import FORMAT
    from timbre.features.tensors import save_tensors
    from timbre.models import build_encoder
    from timbre.models.trained import ModelConf

    torch.manual_seed(0)
    conf = build(ModelConf, {"encoder": {"kind": "ecapa_tdnn"}})
    backend = {"mean": torch.zeros(192), "calibration": {"a": 10.0, "b": -3.0}}
    state = {"format": FORMAT, "conf": conf.model_dump(mode="json"), "classes": [], "backend": backend}
    save_tensors(folder / "final.pt", state | {"encoder": build_encoder(conf.encoder, 80).state_dict()})
    return folder


def timed(function, *arguments) -> float:
    begun = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="experiment directory, or a model file")
    parser.add_argument("--people", type=int, nargs="+", default=[10, 100, 1000, 10_000])
    parser.add_argument("--recordings", type=int, default=1000, help="that are enrolled")
    parser.add_argument("--rounds", type=int, default=5)
    args = parse(parser, people=[10], recordings=2, rounds=1)
    from timbre.people.people import People
    from timbre.people.recogniser import Recogniser
    from timbre.people.store import Enrolled, Recording, changing, write_people

    rng = np.random.default_rng(0)
    noise = [0.1 * rng.standard_normal(3 * RATE).astype(np.float32) for _ in range(args.recordings)]
    with tempfile.TemporaryDirectory() as folder:
        path = args.model or random_model(Path(folder))
        recogniser = Recogniser(path)
        model = recogniser.model
        model.embed(noise[0], RATE)
        embedding = median(timed(model.embed, noise[0], RATE) for _ in range(args.rounds))
        rows = []
        for count in args.people:
            place = Path(folder) / f"people_{count}"
            vectors = rng.standard_normal((count, model.encoder.embedding_dim)).astype(np.float32)
            people = {f"person {k}": [Recording(3.0, 3.0)] for k in range(count)}
            with changing(place):
                write_people(place, Enrolled(model.sha256, str(path), people, vectors))
            first, further = [], []
            for _ in range(args.rounds):
                begun = time.perf_counter()
                opened = People(place, model)
                opened.identify(noise[0], RATE)
                first.append(time.perf_counter() - begun - embedding)
                further.append(timed(opened.identify, noise[0], RATE) - embedding)
            rows.append([count, 1000 * median(first), 1000 * max(0.0, median(further))])
        print(f"embedding 3 s: {1000 * embedding:.1f} ms")
        show(["people", "opened and first answer, ms more", "each further answer, ms more"], rows)
        alone = timed(model.embed_many, noise, RATE)
        target = People(Path(folder) / "enrolled", model)
        both = timed(target.enrol_many, [(f"p{k}", samples) for k, samples in enumerate(noise)], RATE)
        print(f"enrolling {len(noise)} recordings: {both:.2f} s, {both / alone:.2f} times embedding them")


if __name__ == "__main__":
    main()
