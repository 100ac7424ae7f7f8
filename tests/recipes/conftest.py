"""Recipes run in a copy of the tree, as a user has it after cloning: nothing they write touches this one.

Its synthetic corpora are of a size for tests (:mod:`tiny`), and ``timbre …`` is forked (:mod:`forking`).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tiny
import torch
from forking import Forks

from timbre.conf import build
from timbre.features.front_end import build_extractor
from timbre.features.published import FORMAT
from timbre.features.tensors import save_tensors
from timbre.kaldi.text import write_table
from timbre.models import build_encoder
from timbre.models.trained import ModelConf

ROOT = Path(__file__).resolve().parents[2]
LOGMEL = {"kind": "logmel", "num_mel_bins": 16, "resample": True}
FRONT_ENDS = {
    "egs/synthetic/wav2vec/exp/made": {
        "features": {"kind": "raw", "frame_length": 10, "frame_shift": 10},
        "encoder": {"kind": "wav2vec", "channels": 4, "context_channels": 4, "context_kernels": [3]},
    },
    "egs/synthetic/allosaurus/exp/made": {
        "features": {"kind": "mfcc", "resample": True},
        "encoder": {"kind": "allosaurus", "layers": 1, "hidden": 4, "phones": ["a", "b"], "stack": 3},
    },
    "egs/synthetic/byola/exp/made": {
        "features": LOGMEL,
        "encoder": {"kind": "byola", "channels": 2, "embedding_dim": 8},
    },
    "exp/made": {
        "features": LOGMEL,
        "encoder": {"kind": "lstm", "layers": 1, "hidden": 8, "embedding_dim": 6},
    },
}


@pytest.fixture(scope="session")
def clone(tmp_path_factory):
    """The folder of the copy."""
    copy = tmp_path_factory.mktemp("clone") / "timbre"
    copy.mkdir()
    for name in ("src", "steps", "utils", "conf", "local", "egs", "docs"):
        ignore = shutil.ignore_patterns("__pycache__", "data", "exp") if name == "egs" else None
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=ignore)
    for name in ("run.sh", "path.sh", "cmd.sh"):
        shutil.copy(ROOT / name, copy / name)
    for name, text in tiny.CORPORA.items():
        (copy / name).write_text(f"{text}\n")
    return copy


@pytest.fixture(scope="module", autouse=True)
def emptied(clone):
    """Whatever ran before in this process, a file's tests begin without data and experiments."""
    yield
    for folder in {path.parent for path in clone.rglob("run.sh")}:
        for name in ("data", "exp"):
            shutil.rmtree(folder / name, ignore_errors=True)


@pytest.fixture(scope="session")
def forks(clone):
    """The process that runs the copy's ``timbre …``."""
    with tempfile.TemporaryDirectory() as folder:
        forks = Forks(Path(folder), clone / "src")
        yield forks
        forks.stop()


@pytest.fixture(scope="session")
def call(forks):
    """``call(folder, "./run.sh", …)`` → ``(exit code, stdout, stderr)``, as a user of the copy calls it."""

    def call(folder, *command, python=forks.python):
        variables = {name: value for name, value in os.environ.items() if not name.startswith("TIMBRE")}
        variables |= {"TIMBRE_PYTHON": str(python), "OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
        command = [str(word) for word in command]
        result = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
        return result.returncode, result.stdout, result.stderr

    return call


@pytest.fixture(scope="session")
def run(clone, call):
    """``run("run.sh", "--stage", 2)`` → ``(exit code, stdout, stderr)``, in the copy or a folder of it."""
    return lambda script, *options, folder=".": call(clone / folder, f"./{script}", *options)


@pytest.fixture(scope="session")
def again(clone, call):
    """``again("--conf", …, folder="egs/…")``: the command that was run just now has nothing more to do.

    Every step says that it is up to date, ``--status`` that every stage is fresh, and no file changes but locks,
    and records, whose times of inputs are a cache.
    """

    def files(folder):
        paths = [path for name in ("data", "exp") for path in (clone / folder / name).rglob("*")]
        paths = [path for path in paths if path.is_symlink() or path.is_file()]
        cache = re.compile(r"\.lock$|record\.json$|\.audio\.\d+$")
        return {path: path.lstat().st_mtime_ns for path in paths if not cache.search(path.name)}

    def check(*options, folder="."):
        before = files(folder)
        code, out, err = call(clone / folder, "./run.sh", *options)
        assert code == 0, out + err
        said = [line for line in (out + err).splitlines() if not re.fullmatch("== stage .* ==.*", line)]
        assert said and all(re.search(": (up to date|is there)$", line) for line in said), "\n".join(said)
        code, out, err = call(clone / folder, "./run.sh", *options, "--status")
        assert code == 0, out + err
        assert out and all(re.match(r"stage \d+ +fresh ", line) for line in out.splitlines()), out + err
        after = files(folder)
        assert after == before, [path for path in before | after if before.get(path) != after.get(path)]

    return check


@pytest.fixture(scope="session")
def timbre(clone, call):
    """``timbre("embed", "a.wav", folder="egs/…")``, the command after ``. ./path.sh``."""
    command = ("bash", "-c", '. ./path.sh && timbre "$@"', "bash")
    return lambda *words, folder=".": call(clone / folder, *command, *words)


@pytest.fixture(scope="session")
def eer_of():
    """The EER (per cent) of the first system in the table that a recipe prints."""

    def read(stdout):
        row = re.search(r"^system .*\n\S+ +(\d+\.\d+) ", stdout, re.M)
        assert row, stdout
        return float(row[1])

    return read


@pytest.fixture(scope="session")
def noise():
    """``noise(path, seed)`` writes a second of noise, coloured by the seed."""

    def write(path, seed):
        rng = np.random.default_rng(seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = np.convolve(rng.normal(size=16000), rng.normal(size=9), mode="same")
        soundfile.write(path, 0.1 * samples / np.abs(samples).max(), 16000)

    return write


@pytest.fixture(scope="session")
def speechocean762(tmp_path_factory, noise):
    """A corpus laid out as speechocean762: 4 speakers to train and 3 to test, 3 utterances each."""
    root = tmp_path_factory.mktemp("speechocean762")
    for part, speakers in (("train", range(4)), ("test", range(4, 7))):
        tables = {"wav.scp": [], "utt2spk": [], "text": [], "spk2gender": []}
        for speaker in speakers:
            tables["spk2gender"].append(f"{speaker:04d}\t{'fm'[speaker % 2]}")
            for number in range(3):
                utt, wav = f"{speaker:05d}{number:04d}", f"WAVE/SPEAKER{speaker:04d}/{speaker:05d}{number:04d}.WAV"
                noise(root / wav, seed=10 * speaker + number)
                tables["wav.scp"].append(f"{utt}\t{wav}")
                tables["utt2spk"].append(f"{utt}\t{speaker:04d}")
                tables["text"].append(f"{utt}\tMARK IS GOING")
        (root / part).mkdir()
        for name, lines in tables.items():
            (root / part / name).write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(scope="session")
def speech(tmp_path_factory, noise):
    """A data directory of 12 noises by four speakers."""
    path = tmp_path_factory.mktemp("speech")
    utterances = sorted(f"s{number % 4}-{number:02d}" for number in range(12))
    for seed, utterance in enumerate(utterances):
        noise(path / f"{utterance}.wav", seed)
    write_table(path / "wav.scp", {utterance: path / f"{utterance}.wav" for utterance in utterances})
    write_table(path / "utt2spk", {utterance: utterance[:2] for utterance in utterances})
    return path


@pytest.fixture(scope="module")
def front_ends(clone):
    """Models with random weights."""
    torch.manual_seed(0)
    for place, values in FRONT_ENDS.items():
        conf = build(ModelConf, {"input": {"cmvn": "none"}, **values})
        encoder = build_encoder(conf.encoder, build_extractor(conf.features).dim)
        state = {"format": FORMAT, "conf": conf.model_dump(mode="json"), "classes": [], "backend": {}}
        save_tensors(clone / place / "final.pt", state | {"encoder": encoder.state_dict()})
