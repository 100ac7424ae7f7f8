"""Enrolled, identified, verified, forgotten: from Python and from the command line."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from messages import names, refused

import timbre
from timbre.__main__ import main
from timbre.kaldi.tables import ArkWriter
from timbre.kaldi.trials import Trials, read_scores_of, write_trials
from timbre.people.own_calibration import read_calibration
from timbre.scoring.cosine import score_trials

from .conftest import RATE, voice


@pytest.fixture
def people(exp, own, tmp_path):
    """Six voices by two recordings each, and a calibration on others."""
    people = timbre.People(tmp_path / "people", exp, calibration=own)
    people.enrol_many([(f"voice {s}", voice(s, r)) for s in range(6) for r in range(2)], RATE)
    return people


def test_the_enrolled_are_named_and_strangers_are_unknown(people):
    known = [people.identify(voice(s, 7), RATE, false_accepts=0.05) for s in range(6)]
    assert [answer.candidates[0].name for answer in known] == [f"voice {s}" for s in range(6)]
    assert sum(answer.name is not None for answer in known) >= 4
    strangers = people.identify_many([voice(s, 7) for s in range(20, 30)], RATE, false_accepts=0.05)
    assert sum(answer.name is not None for answer in strangers) <= 1
    for answer in (*known, *strangers):
        total = answer.unknown + sum(one.probability for one in answer.candidates)
        assert len(answer.candidates) == 5 and total <= 1 + 1e-9
        assert (answer.name is not None) == (answer.candidates[0].score >= answer.rule.threshold)
    alone = [people.identify(voice(s, 7), RATE).candidates[0].score for s in range(20, 30)]
    np.testing.assert_allclose([answer.candidates[0].score for answer in strangers], alone, atol=1e-3)
    rules = [people.recogniser.rule(count) for count in (1, 6, 100)]
    assert rules[0].threshold < rules[1].threshold < rules[2].threshold  # for the same rate among more people
    fixed = people.recogniser.rule(1, prior=0.5), people.recogniser.rule(50, prior=0.5)
    assert fixed[0].false_accepts < fixed[1].false_accepts


def test_a_claim_is_judged_alone(people):
    assert people.verify(voice(3, 9), "voice 3", RATE).name == "voice 3"
    assert people.verify(voice(3, 9), "voice 2", RATE).name is None
    with refused("'voice 33'", "not enrolled"):
        people.verify(voice(3, 9), "voice 33", RATE)


def test_scores_are_those_of_the_recipes(exp, people, tmp_path):
    """The trials of everybody against ten recordings, by score_trials.sh's code and by the folder of people."""
    embeddings = people.recogniser.hear([voice(s, 8) for s in range(10)], RATE).embeddings
    enrolled = people._current()
    for name, keys, rows in (
        ("people", [key.replace(" ", "_") for key in enrolled.people], enrolled.means),
        ("tests", [f"t{s}" for s in range(10)], embeddings),
    ):
        with ArkWriter(tmp_path / f"{name}.ark", tmp_path / f"{name}.scp") as writer:
            for key, row in zip(keys, rows, strict=True):
                writer.write(key, row)
    enrol, test = np.indices((6, 10)).reshape(2, -1)
    trials = Trials(
        np.array([f"voice_{s}" for s in enrol], dtype=object),
        np.array([f"t{s}" for s in test], dtype=object),
        enrol == test,
    )
    write_trials(tmp_path / "trials", trials)
    with ArkWriter(tmp_path / "mean.ark", tmp_path / "mean.scp") as writer:
        writer.write("mean", people.recogniser.backend.mean)
    score_trials(*(tmp_path / name for name in ("trials", "people.scp", "tests.scp", "scores", "mean.ark")))
    expected = read_scores_of(trials, tmp_path / "scores").astype(np.float32).reshape(6, 10).T
    np.testing.assert_array_equal(timbre.People(people.folder).scores(embeddings), expected)


def test_another_process_is_noticed_and_another_model_refused(exp, people, tmp_path):
    other = timbre.People(people.folder)  # the model of the first enrolment
    other.forget("voice 5")
    assert "voice 5" not in people.names and len(people.identify(voice(5, 7), RATE, top=9).candidates) == 5
    changed = timbre.load(exp)
    changed.__dict__["sha256"] = "another"
    with refused(people.folder, exp):
        timbre.People(people.folder, changed)
    with refused(tmp_path / "none", "--model"):
        timbre.People(tmp_path / "none")


def test_a_model_without_calibration_does_not_decide(exp, people):
    bare = timbre.People(people.folder)
    answer = bare.identify(voice(2, 7), RATE)
    assert answer.rule is None and answer.name is None and answer.unknown is None
    assert answer.candidates[0].name == "voice 2" and -1 <= answer.candidates[0].score <= 1
    with refused("timbre calibrate"):
        bare.identify(voice(2, 7), RATE, false_accepts=0.01)
    with refused("rate=16000"):
        bare.identify(voice(2, 7))


def test_a_calibration_of_another_model_or_back_end_is_refused(exp, own, people, tmp_path):
    other = tmp_path / "other.calibration"
    other.write_text(own.read_text().replace(read_calibration(own).model_sha256, "0" * 64))
    with refused(other, "another model"):
        timbre.People(people.folder, calibration=other)
    taken = timbre.People(people.folder, calibration=read_calibration(own)).recogniser.backend
    assert taken.calibration == people.recogniser.backend.calibration
    with refused(own, "cosine", "plda"):
        timbre.People(people.folder, calibration=own, backend="plda")
    with refused(own, "--cohort"):
        timbre.People(people.folder, calibration=own, cohort=cohort_of(exp, tmp_path))


def cohort_of(exp, folder):
    """Eight other voices as a folder of people."""
    others = timbre.People(folder / "cohort", exp)
    others.enrol_many([(f"other {s}", voice(s, 0)) for s in range(70, 78)], RATE)
    return folder / "cohort"


def test_with_a_cohort_scores_are_normalised(exp, people, tmp_path):
    normalised = timbre.People(people.folder, cohort=cohort_of(exp, tmp_path))
    assert str(normalised.recogniser.backend.name) == "cosine+asnorm"
    assert normalised.identify(voice(2, 7), RATE).candidates[0].name == "voice 2"


def test_from_the_command_line(exp, own, tmp_path, write_voices, capsys):
    folder, lines = tmp_path / "people", write_voices(tmp_path, range(6), range(2))
    (tmp_path / "enrol.tsv").write_text("# name\tpath\n" + "\n".join(lines) + "\n")
    main(["enrol", "--model", str(exp), "--people", str(folder), "--table", str(tmp_path / "enrol.tsv")])
    write_voices(tmp_path, range(6), range(7, 8))
    main(["enrol", "--people", str(folder), "voice 0", str(tmp_path / "v0-7.wav")])
    assert "voice 0: 3 recordings" in capsys.readouterr().out
    main(["people", str(folder)])
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 8 and shown[1].startswith("voice 0\t3\t4.5\t") and str(exp) in shown[-1]
    decided = ["--people", str(folder), "--calibration", str(own), "--false-accepts", "0.05"]
    main(["identify", *decided, "--top", "2", str(tmp_path / "v3-7.wav")])
    heard = capsys.readouterr()
    said = heard.out.splitlines()
    assert names(heard.err, "recording: 1.5 s", "s of speech", "clipped")
    assert said[0].startswith("voice 3 (") and names(said[0], "6 people", "false accepts") and len(said) == 4
    main(["verify", *decided, "--claim", "voice 3", str(tmp_path / "v2-7.wav")])
    assert "not voice 3" in capsys.readouterr().out
    pair = [str(tmp_path / name) for name in ("v3-0.wav", "v3-1.wav")]
    main(["verify", "--model", str(exp), "--calibration", str(own), *pair])
    assert "same speaker (" in capsys.readouterr().out
    main(["verify", "--model", str(exp), *pair])
    assert "cosine only" in capsys.readouterr().out
    tests = [*lines, *write_voices(tmp_path, range(20, 23), range(3))]
    (tmp_path / "tests.tsv").write_text("\n".join(tests) + "\n")
    main(["identify", *decided, "--table", str(tmp_path / "tests.tsv"), "--out", str(tmp_path / "result.tsv")])
    rows = [line.split("\t") for line in (tmp_path / "result.tsv").read_text().splitlines()]
    assert len(rows) == 22 and [row[3] for row in rows[1:13]] == [row[0] for row in rows[1:13]]
    main(["evaluate-people", *decided, "--table", str(tmp_path / "tests.tsv")])
    assert names(capsys.readouterr().out, "12 of 6 enrolled", "9 of 3 unknown", "DIR at FAR 5 %", "promised")
    main(["forget", "--people", str(folder), "voice 0"])
    main(["people", str(folder)])
    assert "voice 0" not in capsys.readouterr().out.split("is forgotten")[1]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["enrol", "--people", "P", "--model", "M", "bob"], ["bob", "audio files"]),
        (["enrol", "--people", "P", "--model", "M"], ["--table"]),
        (["enrol", "--people", "P", "--model", "M", "--table", "T"], ["T:2", "<name> <path>"]),
        (["identify", "--people", "P", "a.wav"], ["P", "--model"]),
        (["identify", "--model", "M", "--prior", "0.5", "a.wav"], ["--prior", "--people"]),
        (["identify", "--people", "P"], ["--table FILE with --out"]),
        (["verify", "--people", "P", "a.wav"], ["--claim"]),
        (["forget", "--people", "P", "bob"], ["P"]),
        (["calibrate", "--model", "M", "--table", "T", "--out", "o", "--false-accepts", "2"], ["--false-accepts"]),
    ],
)
def test_mistakes_are_named(exp, words, named, tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", voice(0, 0), RATE)
    (tmp_path / "T").write_text("alice a.wav\nbob\n")
    places = {"P": tmp_path / "P", "M": exp, "T": tmp_path / "T", "a.wav": tmp_path / "a.wav"}
    with pytest.raises(SystemExit):
        main([str(places.get(word, word)) for word in words])
    assert names(capsys.readouterr().err, *(places.get(word, word) if word in ("P",) else word for word in named))
    assert not (tmp_path / "P" / "people.json").exists()
