"""BYOL-A from a data directory to a model that embeds files, and a folder that is none."""

from __future__ import annotations

from timbre.features import published_byola
from timbre.models import byola
from timbre.models.trained import TrainedModel
from timbre.training.experiment import load_experiment

RECIPE = "egs/synthetic/byola"
SMALL = ["encoder.channels=4", "encoder.embedding_dim=16", "loss.hidden=16", "loss.memory=8", "train.epochs=1"]
SMALL += ["train.batch_size=8", "train.crops_per_utterance=1", "train.heldout_utterances=0.25"]


def test_from_audio_to_embeddings(speech, run, clone):
    options = ["--data", speech, "--exp", "exp/small", *(word for key in SMALL for word in ("--set", key))]
    code, out, err = run("run.sh", *options, folder=RECIPE)
    assert code == 0, out + err
    assert "3 held-out utterances: loss" in out
    experiment = clone / RECIPE / "exp/small"
    assert (experiment / "report.html").is_file()
    model = TrainedModel.load(experiment)
    assert model.embed(speech / "s0-00.wav").shape == (16,)
    assert (model.statistics == model.statistics[:, :1]).all()  # one mean and one deviation of all bins


def test_the_published_conf_has_the_frames_of_the_published_weights(clone):
    experiment = load_experiment(clone / RECIPE / "conf/published.yaml")
    assert experiment.features == published_byola.FEATURES
    assert experiment.encoder == byola.Conf()
    assert experiment.loss.frames == experiment.train.crop_frames


def test_a_folder_without_speech_is_refused(tmp_path, run):
    code, _, err = run("run.sh", "--data", tmp_path, "--stop-stage", 0, folder=RECIPE)
    assert code == 1 and "wav.scp" in err and "--data names a data directory" in err
