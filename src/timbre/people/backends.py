"""Which back-end a model scores people with: one that its recipe has trained, or the cosine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from timbre.errors import TimbreError
from timbre.kaldi.text import read_text
from timbre.models.trained import TrainedModel
from timbre.people.store import read_people
from timbre.scoring.backend import RECORD, Backend, Name, parse
from timbre.scoring.calibration import Calibration
from timbre.scoring.embeddings import Embeddings


def open_backend(
    model: TrainedModel, path: str | Path, name: str = "", cohort: Embeddings | None = None
) -> Backend:
    """The back-end of a model.

    Args:
        path: of the model, or "". Beside an experiment's ``final.pt`` lies ``backend/``, if its recipe trained one.
        name: one that was trained, ``cosine+asnorm+calibration`` … (default: the first with a calibration, or the
            first); without trained ones ``cosine``, ``cosine+asnorm`` with a cohort.
        cohort: embeddings by the model, of people who are neither enrolled nor tested, for AS-norm.

    Raises:
        TimbreError: for a back-end that was not trained, and ``+asnorm`` without a cohort.
    """
    folder = (Path(path) if Path(path).is_dir() else Path(path).parent) / "backend"
    if path and cohort is None and (folder / RECORD).is_file():
        record = json.loads(read_text(folder / RECORD))
        trained = [parse(each) for each in record["backends"]]
        chosen = parse(name) if name else next((each for each in trained if each.calibration), trained[0])
        if chosen in trained:
            return Backend.read(folder, chosen, record["top"])
        if chosen.base != "cosine" or chosen.normalisation:
            raise TimbreError(f"{folder}: trained for {', '.join(map(str, trained))}, not for {chosen}")
    chosen = parse(name) if name else Name("cosine", "asnorm" if cohort is not None else "")
    if chosen.base != "cosine" or (chosen.normalisation and cohort is None):
        raise TimbreError(
            f"--backend {chosen}: {path} has no trained back-end; train it in the recipe (--backend {chosen}), or "
            "give a cohort (--cohort DIR) for cosine+asnorm"
        )
    mean = model.backend.get("mean")
    found = Backend(
        replace(chosen, calibration=""),
        np.zeros(model.encoder.embedding_dim, dtype=np.float32) if mean is None else mean.numpy(),
        cohort=cohort if chosen.normalisation else None,
    )
    line = model.backend.get("calibration")
    if line is not None and cohort is None and not chosen.normalisation:
        return replace(found, name=replace(found.name, calibration="calibration"), calibration=Calibration(**line))
    return found


def read_cohort(path: str | Path, model: TrainedModel) -> Embeddings:
    """A cohort: a folder of people of the same model, one embedding each, or an scp of embeddings by it.

    Raises:
        TimbreError: for a folder without people, and for people of another model.
    """
    path = Path(path)
    if not path.is_dir():
        return Embeddings.read(path)
    others = read_people(path)
    if others is None or not others.people:
        raise TimbreError(f"{path}: nobody is enrolled there, so it is no cohort")
    if others.model_sha256 != model.sha256:
        raise TimbreError(f"{path}: people of another model ({others.model}) are no cohort for this one")
    return Embeddings(list(others.people), others.means, str(path))
