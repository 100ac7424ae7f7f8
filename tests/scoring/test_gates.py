"""Gates: means by language and emotion against sums by hand, intervals by speaker, what does not fit."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from messages import refused
from model_states import model_state

from timbre.__main__ import main
from timbre.features.tensors import save_tensors
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.tables import ArkWriter
from timbre.kaldi.text import write_table
from timbre.scoring.gates import measure_gates, rows
from timbre.scoring.posteriors import write_classes

STREAMS = ("mfcc", "ge2e", "byol")
EMOTIONS = {"a": "anger", "h": "happiness"}


@pytest.fixture
def gated(tmp_path):
    """German by 5 speakers and French by one, in two emotions; weights follow the speaker and the emotion."""
    names = [f"de-s{spk}-{e}{n}" for spk in range(5) for e in "ah" for n in range(1 + spk)]
    names += [f"fr-s0-{e}{n}" for e in "ah" for n in range(3)]
    weight = {}
    for name in names:
        speaker, emotion = int(name[4]), name[6] == "a"
        first = 0.1 * speaker + 0.2 * emotion
        weight[name] = np.array([first, 0.3, 0.7 - first])
    data = tmp_path / "data"
    write_table(data / "utt2spk", {name: name[:5] for name in names})
    write_table(data / "utt2lang", {name: name[:2] for name in names})
    write_table(data / "utt2emotion", {name: EMOTIONS[name[6]] for name in names})
    with ArkWriter(tmp_path / "exp/gates.ark", tmp_path / "exp/gates.scp") as writer:
        for name in reversed(names):  # in another order
            writer.write(name, weight[name].astype(np.float32))
    write_classes(tmp_path / "exp/streams", list(STREAMS))
    return tmp_path, weight


def test_means_are_those_of_the_utterances(gated, capsys):
    path, weight = gated
    main(["measure-gates", "--replicates", "300", str(path / "data"), str(path / "exp"), str(path / "out")])
    found = json.loads((path / "out/gates.json").read_text())
    assert found["streams"] == list(STREAMS) and list(found["languages"]) == ["de", "fr"]
    assert "mfcc" in capsys.readouterr().out
    for language, one in found["languages"].items():
        assert list(one["classes"]) == ["all", "anger", "happiness"]
        for emotion, values in one["classes"].items():
            wanted = [
                w for name, w in weight.items() if name[:2] == language and emotion in ("all", EMOTIONS[name[6]])
            ]
            assert values["count"] == len(wanted)
            means = [rate["value"] for rate in values["weights"].values()]
            np.testing.assert_allclose(means, np.mean(wanted, axis=0), atol=1e-6)
            assert abs(sum(means) - 1) < 1e-6


def test_speakers_are_drawn_anew_and_of_one_the_utterances(gated):
    path, _ = gated
    found = measure_gates(DataDir(path / "data"), path / "exp", path / "out")["languages"]
    assert [one["resampled"] for one in found.values()] == ["speakers", "utterances"]
    rate = found["de"]["classes"]["anger"]["weights"]["mfcc"]  # by speaker it varies from 0.2 to 0.6
    assert rate["low"] < rate["value"] - 0.04 and rate["high"] > rate["value"] + 0.04
    same = found["fr"]["classes"]["anger"]["weights"]["mfcc"]  # one speaker's are all alike
    assert (same["low"], same["high"]) == (None, None) and abs(same["value"] - 0.2) < 1e-6
    assert rows(measure_gates(DataDir(path / "data"), path / "exp", path / "out"))[0][3:] == STREAMS


def test_closed_gates_are_counted_over_models(gated):
    path, _ = gated
    for fold, values in (("fold_1", [-9.0, -9.0, 9.0, 9.0]), ("fold_2", [-9.0, 9.0, 9.0, 9.0])):
        weights = {"gated.mfcc.gates.de.log_alpha": torch.tensor(values)}
        save_tensors(path / "out" / fold / "final.pt", model_state(encoder=weights))
    main(["measure-gates", str(path / "data"), str(path / "exp"), str(path / "out")])
    assert json.loads((path / "out/gates.json").read_text())["closed"] == {"de": {"mfcc": 0.375}}


def test_what_does_not_fit_is_named(gated):
    path, _ = gated
    data = DataDir(path / "data")
    write_classes(path / "exp/streams", ["mfcc", "ge2e"])
    with refused(path / "exp/gates.scp", "3 streams", " 2 ", path / "exp/streams", "stage 3"):
        measure_gates(data, path / "exp", path / "out")
    write_classes(path / "exp/streams", ["mfcc", "ge2e", "byol"])
    scp = path / "exp/gates.scp"
    scp.write_text("".join(scp.read_text().splitlines(keepends=True)[1:]))
    with refused(path / "exp/gates.scp", path / "data", "(fr-s0-h2)", "stage 3"):
        measure_gates(data, path / "exp", path / "out")
    assert not (path / "out").exists()


def test_without_a_table_of_languages_there_is_one_and_no_column_of_it(gated):
    path, weight = gated
    (path / "data/utt2lang").unlink()
    found = measure_gates(DataDir(path / "data"), path / "exp", path / "out")
    ((_, one),) = found["languages"].items()
    assert one["classes"]["all"]["count"] == len(weight) and one["resampled"] == "speakers"
    assert rows(found)[0] == ("emotion", "utterances", *STREAMS)
