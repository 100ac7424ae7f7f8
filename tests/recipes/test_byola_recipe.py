"""BYOL-A from a data directory to a model that embeds files, and a folder that is none."""

from __future__ import annotations

import tiny
from messages import names

from timbre.features import published_byola
from timbre.models import byola
from timbre.models.trained import TrainedModel
from timbre.training.experiment import load_experiment

RECIPE = "egs/synthetic/byola"


def test_from_audio_to_embeddings(speech, run, again, clone):
    options = ["--data", speech, "--exp", "exp/small", *tiny.options(RECIPE, "small")]
    code, out, err = run("run.sh", *options, folder=RECIPE)
    assert code == 0, out + err
    assert "3 held-out utterances: loss" in out
    again(*options, folder=RECIPE)
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
    assert code == 1 and names(err, "wav.scp", "--data")
