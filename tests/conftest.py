"""What several tests share: which of them run and in what order; Kaldi's own output, read once; toy data."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")  # the tests are the same on a machine with GPUs

KALDI = Path(__file__).parent / "fixtures" / "kaldi"


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--all``: the tests marked ``all`` as well; ``--examples``: other machine-made inputs in every run."""
    parser.addoption("--all", action="store_true", help="run the tests marked 'all' as well")
    parser.addoption("--examples", type=int, help="machine-made inputs of each test, other ones in every run")


def pytest_configure(config: pytest.Config) -> None:
    """How many inputs hypothesis makes for a test: always the same ones, and more of them with ``--all``."""
    asked = config.getoption("--examples")
    examples = asked or (500 if config.getoption("--all") else 50)
    settings.register_profile("timbre", max_examples=examples, derandomize=not asked, deadline=None, database=None)
    settings.load_profile("timbre")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what ``--all`` adds; first the files that take longest, the pages' commands and the recipes."""
    if not config.getoption("--all"):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("all")])
        items[:] = [item for item in items if not item.get_closest_marker("all")]
    items.sort(key=lambda item: (item.path.name != "test_commands.py", "recipes" not in item.path.parts))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A worker for each processor that this process may use."""
    return len(os.sched_getaffinity(0))


@pytest.fixture(scope="session")
def kaldi() -> Path:
    """The folder of Kaldi's own output (see its README)."""
    return KALDI


@pytest.fixture(scope="session")
def kaldi_text():
    """Reads a text ark of the fixtures as ``{key: (rows, columns) float64}``."""

    def read(name: str) -> dict[str, np.ndarray]:
        arrays: dict[str, np.ndarray] = {}
        for block in (KALDI / name).read_text().split("]"):
            head, bracket, body = block.partition("[")
            if bracket:
                rows = [row.split() for row in body.strip().splitlines()]
                arrays[head.strip()] = np.array(rows, dtype=float)
        return arrays

    return read


@pytest.fixture
def native_bf16() -> None:
    """Skips a test where bf16 is only emulated: timbre refuses it there, and oneDNN has no LSTM for it."""
    import torch

    from timbre.models import precision

    if not precision.native_bf16(torch.device("cpu")):
        pytest.skip("this processor has no instructions for bf16")


@pytest.fixture
def toy_data(tmp_path):
    """Makes a data directory of features in which speakers differ: ``make(name, speakers, utterances)``.

    They say that the front-end of :func:`toy_conf` made them; with ``dim`` they are from elsewhere.
    """
    from timbre.features.front_end import InputConf
    from timbre.features.front_end_file import write_front_end
    from timbre.features.mfcc import Conf
    from timbre.kaldi.datadir import DataDir, invert
    from timbre.kaldi.layout import FRONT_END
    from timbre.kaldi.tables import ArkWriter
    from timbre.kaldi.text import write_table

    def make(name: str = "data", speakers: int = 8, utterances: int = 4, dim: int = 0) -> DataDir:
        path = tmp_path / name
        if not dim:
            dim = 23
            write_front_end(path / FRONT_END, Conf(num_ceps=dim), InputConf())
        rng = np.random.default_rng(0)
        lengths: dict[str, int] = {}
        utt2spk: dict[str, str] = {}
        with ArkWriter(path / "feats.ark", path / "feats.scp") as writer:
            for speaker in range(speakers):
                pattern = rng.normal(size=(7, dim))
                for number in range(utterances):
                    utt = f"s{speaker:02d}-{number}"
                    frames = np.resize(pattern, (int(rng.integers(30, 90)), dim)) + 0.5 * rng.normal(size=dim)
                    writer.write(utt, frames + rng.normal(size=frames.shape))
                    lengths[utt], utt2spk[utt] = len(frames), f"s{speaker:02d}"
        write_table(path / "utt2num_frames", lengths)
        write_table(path / "utt2spk", utt2spk)
        write_table(path / "spk2utt", {spk: " ".join(utts) for spk, utts in invert(utt2spk).items()})
        return DataDir(path)

    return make


@pytest.fixture
def toy_conf(tmp_path):
    """An experiment small enough to train in a second on :func:`toy_data`, with further settings."""
    from timbre.training.experiment import load_experiment

    path = tmp_path / "toy.yaml"
    path.write_text(
        "features: {kind: mfcc, num_ceps: 23}\n"
        "encoder: {kind: xvector, channels: 16, pooling_channels: 24, embedding_dim: 8}\n"
        "train: {epochs: 3, batch_size: 6, crop_frames: 25, heldout_speakers: 2, average: 2,\n"
        "        checkpoint_steps: 2, precision: fp32, spec_augment: {time_masks: 1, frequency_masks: 1}}\n"
    )

    def load(*settings: str):
        task = next((one for one in settings if one.startswith("task=")), "task=verification")
        further = [] if task == "task=verification" else ["train.heldout_speakers=6"]
        return load_experiment(path, [*further, *settings])

    return load
