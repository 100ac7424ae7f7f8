"""What back-ends learn from the training speakers' embeddings.

Mean, LDA, PLDA and cohort are of the speakers that the encoder was trained on; calibrations are fitted on trials of
those that it held out (``train.heldout_speakers``), scored by the same back-end, its normalisation included.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from timbre.errors import TimbreError
from timbre.features.published import read_model
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.objects import write_object
from timbre.kaldi.tables import ArkWriter
from timbre.scoring import calibration
from timbre.scoring.backend import RECORD, Backend, Name, Sides, parse
from timbre.scoring.embeddings import Embeddings
from timbre.scoring.heldout_trials import heldout_trials, typical_size
from timbre.scoring.lda import class_means, fit_lda
from timbre.scoring.normalisation import TOP
from timbre.scoring.plda import fit_plda
from timbre.scoring.quality import seconds_of, utterance_durations


def train_backends(
    names: list[str],
    exp: str | Path,
    data: str | Path,
    embeddings: str | Path,
    out: str | Path,
    lda_dim: int | None = None,
    top: int = TOP,
    enrol: str | Path | None = None,
) -> str:
    """Trains what the back-ends ``names`` need and writes it to ``out``; returns a line for people.

    Args:
        exp: the experiment directory; its ``final.pt`` names the held-out speakers.
        data: the training data: ``utt2spk``, and ``utt2dur`` for ``+quality``.
        embeddings: the folder of ``xvector.scp`` of the training data's whole utterances.
        lda_dim: dimensions that LDA leaves; ``None``: the smallest of 150, speakers − 1 and the embedding's.
        top: cohort speakers that AS-norm looks at.
        enrol: the table of the models that will be scored. Calibrations are fitted on models of as many utterances,
            of the median number; ``None``: one.
    Raises:
        TimbreError: for an unknown back-end, an embedding whose utterance is not in ``utt2spk``, too little
            data for LDA or PLDA, a calibration without held-out speakers.
    """
    backends = [parse(name) for name in dict.fromkeys(names)]
    directory, out = DataDir(data), Path(out)
    table = Embeddings.read(Path(embeddings) / "xvector.scp")
    speakers = _speakers(directory, table)
    held_out = np.isin(speakers, read_model(exp)["backend"].get("heldout_speakers", []))
    refuse_uncalibrated(backends, int(held_out.sum()), f"{exp} has held out no speakers of {data}")
    training = table.take(np.flatnonzero(~held_out))
    if not training.keys:
        raise TimbreError(f"{table.path}: all speakers are held out; none is left to train a back-end on")
    (out / RECORD).unlink(missing_ok=True)  # what it says is not true any more
    known, labels = np.unique(speakers[~held_out], return_inverse=True)
    _train(backends, training, labels, known.tolist(), out, lda_dim)
    held = table.take(np.flatnonzero(held_out))
    seconds = None
    if any(name.calibration == "quality" for name in backends):
        seconds = seconds_of(held.keys, utterance_durations(directory), data)
    size = typical_size(enrol) if enrol else 1
    sides, target = heldout_trials(held, speakers[held_out], size, seconds)
    warnings = [
        f"warning: {name}: {doubt}"
        for name in backends
        if name.calibration and (doubt := _calibrate(name, sides, target, speakers[held_out], out, top))
    ]
    record = {
        "backends": list(map(str, backends)),
        "top": top,
        "training": {"speakers": len(known), "utterances": len(training.keys)},
        "heldout": {
            "enrolment_utterances": size,
            "targets": int(target.sum()),
            "nontargets": int((~target).sum()),
        },
    }
    with atomic_write(out / RECORD) as file:
        file.write(json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    said = f"{out}: {', '.join(record['backends'])} of {len(known)} speakers, {len(training.keys)} utterances"
    overfitted = [str(name) for name in backends if name.plda and name.normalisation]
    if overfitted and len(known) < training.matrix.shape[1]:
        warnings.append(
            f"warning: {', '.join(overfitted)}: the cohort is the {len(known)} speakers PLDA was trained on, "
            f"fewer than its {training.matrix.shape[1]} dimensions: it knows them too well to normalise by"
        )
    return "\n".join([said, *warnings])


def refuse_uncalibrated(backends: Sequence[Name], held_out: int, problem: str) -> None:
    """Refuses back-ends with a calibration where nothing is ``held_out`` to fit it on, which ``problem`` says."""
    if not held_out and (calibrated := [name for name in backends if name.calibration]):
        raise TimbreError(
            f"--backend {calibrated[0]}: {problem} to calibrate on; train with train.heldout_speakers above 0, or "
            f"take --backend {replace(calibrated[0], calibration='')}"
        )


def _speakers(data: DataDir, table: Embeddings) -> np.ndarray:
    """The speaker (N,) of each embedding."""
    utt2spk = data.utt2spk
    if unknown := [key for key in table.keys if key not in utt2spk]:
        raise TimbreError(
            f"{table.path}: '{unknown[0]}' is no utterance of {data.path}/utt2spk ({len(unknown)} are not); are "
            "these the embeddings of this data?"
        )
    return np.array([utt2spk[key] for key in table.keys])


def _train(
    backends: list[Name],
    training: Embeddings,
    labels: np.ndarray,
    speakers: list[str],
    out: Path,
    lda_dim: int | None,
) -> None:
    """Writes the mean, and the LDA, PLDA and cohort that back-ends ask for."""
    mean = training.matrix.mean(axis=0, dtype=np.float64).astype(np.float32)
    write_object(out / "mean.vec", mean)
    lda = None
    if any(name.lda for name in backends):
        lda = fit_lda(training.matrix - mean, labels, lda_dim).astype(np.float32)
        write_object(out / "lda.mat", lda)
    for name in {name.base: name for name in backends if name.plda}.values():
        rows = Backend(name, mean, lda=lda if name.lda else None).normalised(training)
        fit_plda(rows, labels).write(out / name.base)
    if normalised := [str(name) for name in backends if name.normalisation]:
        if len(speakers) < 2:
            raise TimbreError(
                f"--backend {normalised[0]}: {len(speakers)} training speaker makes no cohort; train on more "
                "speakers, or take back-ends without +snorm and +asnorm"
            )
        with ArkWriter(out / "cohort.ark", out / "cohort.scp") as writer:
            for speaker, vector in zip(speakers, class_means(training.matrix, labels)[0], strict=True):
                writer.write(speaker, vector)


def _calibrate(name: Name, sides: Sides, target: np.ndarray, speakers: np.ndarray, out: Path, top: int) -> str:
    """Writes the calibration of a back-end, fitted on trials scored by the same without one; returns its doubt."""
    if target.all() or not target.any():
        raise TimbreError(
            f"--backend {name}: the held-out speakers give {int(target.sum())} target trials of {len(target)}; two "
            "speakers with two utterances each are needed: hold out more (train.heldout_speakers)"
        )
    scores = Backend.read(out, replace(name, calibration=""), top).scores(sides)
    quality = sides.quality() if name.calibration == "quality" else {}
    fitted = calibration.fit(scores, target, speakers, quality=quality)
    with atomic_write(out / f"calibration.{name}.json") as file:
        file.write(json.dumps(asdict(fitted), indent=2) + "\n")
    return fitted.doubt()
