"""The mean of an ensemble's members, of their gates too, and what it brings beside them."""

from __future__ import annotations

import numpy as np
import pytest
from messages import names, refused

from timbre.__main__ import main
from timbre.kaldi.tables import ArkWriter, read_vectors
from timbre.kaldi.text import write_table
from timbre.scoring.class_table import member_rows
from timbre.scoring.classification import evaluate_classes
from timbre.scoring.ensemble import averaged, copy_members, read_members
from timbre.scoring.posteriors import Posteriors, write_classes

TRUTH = {"u1": "a", "u2": "b", "u3": "a", "u4": "b"}
MEMBERS = {"10": [0.9, 0.4, 0.45, 0.2], "2": [0.4, 0.2, 0.6, 0.2]}  # p(a): each is wrong once, their mean never


@pytest.fixture
def members(tmp_path, monkeypatch):
    """The posteriors of two members, with gates, and the data directory that they tell of."""
    monkeypatch.chdir(tmp_path)
    write_table("data/utt2emotion", TRUTH)
    write_table("data/utt2spk", {name: f"s{name[1]}" for name in TRUTH})
    for number, (seed, shares) in enumerate(MEMBERS.items()):
        matrix = np.array([[1 - share, share] for share in shares], dtype=np.float32)
        Posteriors(list(TRUTH), ["b", "a"], matrix).write(f"{seed}/test")
        write_classes(tmp_path / seed / "test/streams", ["mfcc", "byol"])
        with ArkWriter(f"{seed}/test/gates.ark", f"{seed}/test/gates.scp") as writer:
            for name in TRUTH:
                writer.write(name, np.array([0.75, 0.25][:: 1 - 2 * number], dtype=np.float32))
    main(["average-posteriors", *(w for seed in MEMBERS for w in ("--member", f"{seed}={seed}/test")), "x/test"])
    return tmp_path


def test_posteriors_and_gates_are_means(members, capsys):
    found = Posteriors.read("x/test")
    assert (found.utterances, found.classes) == (list(TRUTH), ["b", "a"])
    np.testing.assert_allclose(found.matrix[:, 1], [0.65, 0.3, 0.525, 0.2], rtol=1e-6)
    np.testing.assert_allclose(read_vectors("x/test/gates.scp")[1], np.full((4, 2), 0.5))
    assert (members / "x/test/streams").read_text() == (members / "2/test/streams").read_text()
    assert [str(path) for path in read_members("x/test").values()] == ["2/test", "10/test"]
    copy_members("x/test", "x/de/test")
    assert read_members("x/de/test") == read_members("x/test") and read_members("2/test") == {}


def test_each_member_is_measured_beside_their_mean(members):
    metrics = evaluate_classes("data", {"x": "x/test"}, "x", "utt2emotion", count=20)
    assert metrics["systems"]["x"]["accuracy"]["value"] == 1
    assert {seed: values["accuracy"] for seed, values in metrics["members"].items()} == {"2": 0.75, "10": 0.75}
    rows = member_rows(metrics)
    assert [row[0] for row in rows] == ["seed 2", "seed 10", "mean ± deviation", "ensemble − mean"]
    assert rows[2][1] == "75.00 ± 0.00" and rows[3][1] == "+25.00"
    assert "members" not in evaluate_classes("data", {"x": "2/test"}, "y", "utt2emotion", count=20)


def test_a_class_that_a_member_lacks_has_no_probability_there():
    first = Posteriors(["u2", "u1"], ["a", "b"], np.array([[0.5, 0.5], [0.25, 0.75]], dtype=np.float32))
    second = Posteriors(["u1", "u2"], ["c", "a"], np.array([[1, 0], [0.5, 0.5]], dtype=np.float32))
    mean = averaged([first, second])
    assert (mean.utterances, mean.classes) == (["u1", "u2"], ["a", "b", "c"])
    np.testing.assert_array_equal(mean.matrix, [[0.125, 0.375, 0.5], [0.5, 0.25, 0.25]])
    with refused("exp/other", "u3"):
        averaged([first, Posteriors(["u1", "u2", "u3"], ["a"], np.ones((3, 1)), "exp/other")])


def test_what_is_no_member_is_named(members, capsys):
    with pytest.raises(SystemExit):
        main(["average-posteriors", "--member", "1=none", "y"])
    assert names(capsys.readouterr().err, "1=none", "predict_folds.sh")
