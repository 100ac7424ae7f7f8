"""Recipes run in a copy of the tree, as a user has it after cloning: nothing they write touches this one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from timbre.kaldi.text import write_table

ROOT = Path(__file__).resolve().parents[2]


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
    return copy


def _call(folder, *command):
    """``(exit code, stdout, stderr)`` of a command as a user of the copy gives it."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("TIMBRE")}
    variables |= {"TIMBRE_PYTHON": sys.executable, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
    command = [str(word) for word in command]
    result = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    return result.returncode, result.stdout, result.stderr


@pytest.fixture(scope="session")
def run(clone):
    """``run("run.sh", "--stage", 2)`` → ``(exit code, stdout, stderr)``, in the copy or a folder of it."""
    return lambda script, *options, folder=".": _call(clone / folder, f"./{script}", *options)


@pytest.fixture(scope="session")
def timbre(clone):
    """``timbre("embed", "a.wav", folder="egs/…")``, the command after ``. ./path.sh``."""
    command = ("bash", "-c", '. ./path.sh && timbre "$@"', "bash")
    return lambda *words, folder=".": _call(clone / folder, *command, *words)


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
