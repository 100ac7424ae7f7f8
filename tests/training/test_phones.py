"""Task phones from data to transcripts: it learns what is said, resumes to the same bits, and refuses the rest."""

from __future__ import annotations

import numpy as np
import pytest
from messages import names, refused

from timbre.corpora.phones import read_transcripts
from timbre.features import mfcc
from timbre.features.front_end import InputConf
from timbre.features.front_end_file import write_front_end
from timbre.features.published import read_model
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.layout import FRONT_END
from timbre.kaldi.tables import ArkWriter
from timbre.kaldi.text import write_table
from timbre.training.experiment import load_experiment
from timbre.training.phones import Recogniser, recognise_phones
from timbre.training.train import train_experiment
from timbre.training.trainer import Trainer

PHONES = {"en": "abcd", "fr": "cdef"}
CONF = """
task: phones
features: {kind: mfcc, num_ceps: 12}
input: {cmvn: none}
encoder: {kind: allosaurus, layers: 1, hidden: 32}
loss: {kind: allophone_ctc}
train: {crop_frames: 0, epochs: 20, batch_size: 8, heldout_utterances: 0.1, heldout_unit: utterance, average: 2,
        learning_rate: 0.02, precision: fp32, checkpoint_steps: 5}
"""


@pytest.fixture
def data(tmp_path):
    """Utterances whose frames say their phones, six frames each, in two languages that share some."""
    rng = np.random.default_rng(0)
    sounds = dict(zip("abcdef", 3 * rng.normal(size=(6, 12)), strict=True))
    tables: dict[str, dict[str, object]] = {"utt2spk": {}, "utt2lang": {}, "phones": {}, "utt2num_frames": {}}
    path = tmp_path / "data"
    with ArkWriter(path / "feats.ark", path / "feats.scp") as writer:
        for number in range(120):
            utt, language = f"s{number % 4}-{number:02d}", ("en", "fr")[number // 4 % 2]
            said = rng.permutation(list(PHONES[language]))[: rng.integers(2, 5)]
            frames = np.repeat([sounds[phone] for phone in said], 6, axis=0)
            writer.write(utt, frames + 0.3 * rng.normal(size=frames.shape))
            row = (utt[:2], language, " ".join(said), len(frames))
            for table, value in zip(tables.values(), row, strict=True):
                table[utt] = value
    for name, table in tables.items():
        write_table(path / name, table)
    write_front_end(path / FRONT_END, mfcc.Conf(num_ceps=12), InputConf())
    return DataDir(path)


@pytest.fixture
def conf(tmp_path):
    (tmp_path / "conf.yaml").write_text(CONF)
    return lambda *settings: load_experiment(tmp_path / "conf.yaml", settings)


def test_it_learns_what_is_said_in_each_language(data, conf, tmp_path):
    said = train_experiment(conf(), data, tmp_path / "exp", "cpu")
    assert names(said, "PER", "12 held-out")
    state = read_model(tmp_path / "exp")
    assert state["conf"]["encoder"]["phones"] == list("abcdef") and state["backend"]["heldout_error"] < 0.1
    assert state["conf"]["encoder"]["phonemes"] == {language: list(phones) for language, phones in PHONES.items()}
    model = Recogniser.load(tmp_path / "exp")
    found = model.recognise(data)
    line = recognise_phones(model, data, tmp_path / "out")
    assert read_transcripts(tmp_path / "out/phones") == found and "phones in 120 utterances" in line
    right = [" ".join(found[utt]) == phones for utt, phones in data.table("phones").items()]
    assert np.mean(right) > 0.9
    (data.path / "utt2lang").unlink()  # a language that nobody knows: the phones of all
    assert model.recognise(DataDir(data.path)).keys() == found.keys()
    (tmp_path / "names").write_text("".join(f"{name}\n" for name in "ABCDEF"))
    assert {name for names in model.recognise(data, str(tmp_path / "names")).values() for name in names} <= set(
        "ABCDEF"
    )
    (tmp_path / "names").write_text("A\n")
    with refused(tmp_path / "names", "1 phones", " 6"):
        model.recognise(data, str(tmp_path / "names"))


def test_interrupted_it_ends_with_the_same_bits(data, conf, tmp_path, monkeypatch):
    short = conf("train.epochs=3")
    train_experiment(short, data, tmp_path / "whole", "cpu")
    step, steps = Trainer._step, []

    def interrupted(self, *args):
        steps.append(1)
        if len(steps) == 15:
            raise KeyboardInterrupt
        return step(self, *args)

    monkeypatch.setattr(Trainer, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_experiment(short, data, tmp_path / "stopped", "cpu")
    monkeypatch.setattr(Trainer, "_step", step)
    train_experiment(short, data, tmp_path / "stopped", "cpu")
    one, other = (read_model(tmp_path / name) for name in ("whole", "stopped"))
    for part in ("encoder", "loss"):
        assert one[part].keys() == other[part].keys() and one[part]
        assert all((one[part][name] == other[part][name]).all() for name in one[part])


def test_what_it_cannot_be_trained_on_is_refused(data, conf, tmp_path):
    with refused("train.crop_frames=100", "--set train.crop_frames=0"):
        train_experiment(conf("train.crop_frames=100"), data, tmp_path / "crops", "cpu")
    (data.path / "phones").unlink()
    with refused(data.path / "phones"):
        train_experiment(conf(), DataDir(data.path), tmp_path / "none", "cpu")
