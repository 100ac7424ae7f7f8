"""wav2vec from a data directory to frames for other models, and a folder that is none."""

from __future__ import annotations

import soundfile
import tiny
import torch
from messages import names

from timbre.conf import build
from timbre.conf_files import read_yaml
from timbre.features import wav2vec
from timbre.training.experiment import load_experiment

RECIPE = "egs/synthetic/wav2vec"


def test_from_audio_to_frames(speech, run, again, clone):
    options = ["--data", speech, "--exp", "exp/small", *tiny.options(RECIPE, "small")]
    code, out, err = run("run.sh", *options, folder=RECIPE)
    assert code == 0, out + err
    assert "3 held-out utterances: loss" in out
    again(*options, folder=RECIPE)
    experiment = clone / RECIPE / "exp/small"
    assert (experiment / "report.html").is_file()
    values = read_yaml(clone / RECIPE / "conf/wav2vec.yaml")
    extract = wav2vec.Extractor(build(wav2vec.Conf, values | {"model": str(clone / RECIPE / values["model"])}))
    samples, rate = soundfile.read(speech / "s0-00.wav", dtype="float32")
    assert rate == 16000 and extract(torch.from_numpy(samples)).shape == ((16000 - 465) // 160 + 1, 8)


def test_the_large_conf_has_the_published_sizes(clone):
    encoder = load_experiment(clone / RECIPE / "conf/large.yaml").encoder
    assert (encoder.reach, encoder.hop, len(encoder.kernels)) == (465, 160, 7)
    assert encoder.context_kernels == tuple(range(2, 14)) and encoder.context_skip and encoder.log_compression


def test_a_folder_without_speech_is_refused(tmp_path, run):
    code, _, err = run("run.sh", "--data", tmp_path, "--stop-stage", 0, folder=RECIPE)
    assert code == 1 and names(err, "wav.scp", "--data")
