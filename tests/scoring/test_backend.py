"""Back-ends from embeddings to scores: trained, read from their folder, and calibrated on who was held out."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from messages import names, refused
from model_states import model_state

from timbre.__main__ import main
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.enrolment import write_models
from timbre.kaldi.tables import ArkWriter, read_vector, read_vectors
from timbre.kaldi.text import read_table, write_table
from timbre.kaldi.trials import Trials, read_scores, write_trials
from timbre.scoring.backend import Backend, Name, Sides, parse, score_trials, sides_of
from timbre.scoring.backend_training import train_backends
from timbre.scoring.calibration import cllr, min_cllr
from timbre.scoring.embeddings import Embeddings
from timbre.scoring.metrics import eer, min_dcf, roc_curve

DIM, HELD = 8, 10


def write_part(folder, speakers: list[str], generator: np.random.Generator, utterances: int = 6) -> None:
    """Embeddings of speakers, surer for longer speech, whose last dimension says much and tells nobody apart."""
    spread = np.diag([1, 1, 1, 1, 1, 1, 1, 9.0])
    utt2spk, utt2dur = {}, {}
    with ArkWriter(folder / "xvector.ark", folder / "xvector.scp") as writer:
        for speaker in speakers:
            voice = generator.normal(size=DIM) * [1, 1, 1, 1, 1, 1, 1, 0.1]
            for number in range(utterances):
                name, seconds = f"{speaker}-{number}", generator.uniform(1, 9)
                writer.write(name, (voice + generator.normal(size=DIM) / np.sqrt(seconds)) @ spread + 3)
                utt2spk[name], utt2dur[name] = speaker, f"{seconds:.2f}"
    write_table(folder / "utt2spk", utt2spk)
    write_table(folder / "utt2dur", utt2dur)


@pytest.fixture
def experiment(tmp_path) -> SimpleNamespace:
    """Sixty training speakers, ten of them held out, and twenty to test: all pairs of utterances as trials."""
    generator = np.random.default_rng(0)
    train, test, exp = (tmp_path / name for name in ("train", "test", "exp"))
    speakers = [f"s{number:02d}" for number in range(60)]
    write_part(train, speakers, generator)
    write_part(test, [f"t{number:02d}" for number in range(20)], generator)
    exp.mkdir()
    state = model_state(classes=speakers[HELD:], backend={"heldout_speakers": speakers[:HELD]})
    torch.save(state, exp / "final.pt")
    names = np.array(list(read_table(test / "utt2spk")))
    first, second = np.triu_indices(len(names), 1)
    target = first // 6 == second // 6
    write_trials(tmp_path / "trials", Trials(names[first], names[second], target))
    return SimpleNamespace(
        exp=exp, train=train, test=test, out=exp / "backend", trials=tmp_path / "trials", target=target, names=names
    )


def trained(it: SimpleNamespace, *names: str, **options) -> None:
    train_backends(list(names), it.exp, it.train, it.train, it.out, **options)


def scored(it: SimpleNamespace, name: str, **options) -> np.ndarray:
    scp = it.test / "xvector.scp"
    score_trials(it.trials, scp, scp, it.exp / "scores", name, it.out, **options)
    return read_scores(it.exp / "scores")[2]


def test_names_have_three_parts_and_unknown_ones_the_nearest():
    assert parse("lda_plda+asnorm+quality") == Name("lda_plda", "asnorm", "quality")
    assert parse("cosine") == Name("cosine")
    for wrong, near in (("pdla+asnorm", "plda+asnorm"), ("cosine+calibration+snorm", "cosine+calibration")):
        with refused(f"'{wrong}'", f"'{near}'"):
            parse(wrong)


def test_files_are_kaldis_and_of_the_training_speakers_alone(experiment):
    trained(experiment, "lda_plda+asnorm", "plda", lda_dim=4)
    names, vectors = read_vectors(experiment.train / "xvector.scp")
    kept = np.array([int(name[1:3]) >= HELD for name in names])
    np.testing.assert_allclose(read_vector(str(experiment.out / "mean.vec")), vectors[kept].mean(axis=0), rtol=1e-5)
    cohort, means = read_vectors(experiment.out / "cohort.scp")
    assert cohort == [f"s{number:02d}" for number in range(HELD, 60)]
    np.testing.assert_allclose(means, vectors[kept].reshape(-1, 6, DIM).mean(axis=1), rtol=1e-5)
    backend = Backend.read(experiment.out, parse("lda_plda+asnorm"), 300)
    assert backend.lda.shape == (4, DIM)
    assert backend.plda.psi.shape == (4,)
    rows = backend.normalised(Embeddings(names, vectors))
    np.testing.assert_allclose((rows**2).sum(axis=1), 4, rtol=1e-5)  # as ivector-normalize-length
    assert Backend.read(experiment.out, parse("plda"), 300).plda.psi.shape == (DIM,)
    with refused(experiment.out, "lda_plda+asnorm, plda", "--backend cosine", "steps/train_backends.sh"):
        scored(experiment, "cosine")


def test_what_speakers_do_not_differ_in_is_weighed_down(experiment):
    names = ["cosine", "lda", "plda", "lda_plda", "plda+snorm", "plda+asnorm"]
    trained(experiment, *names, top=20)
    rates = {name: eer(roc_curve(scored(experiment, name), experiment.target)).value for name in names}
    assert rates["cosine"] > 0.15
    assert max(rate for name, rate in rates.items() if name != "cosine") < 0.5 * rates["cosine"]


@pytest.mark.parametrize("base", ["lda+asnorm", "plda"])
def test_calibrated_scores_are_log_likelihood_ratios_of_other_speakers(experiment, base):
    trained(experiment, base, f"{base}+calibration", f"{base}+quality")
    raw, line, quality = (
        scored(experiment, base + kind, data=experiment.test) for kind in ("", "+calibration", "+quality")
    )
    target, order = experiment.target, np.argsort(raw)
    assert (np.diff(line[order]) >= 0).all()
    assert cllr(quality, target) < cllr(line, target) < cllr(raw, target)
    assert cllr(line, target) < min_cllr(raw, target) + 0.1
    stored = json.loads((experiment.out / f"calibration.{base}+quality.json").read_text())
    assert list(stored["quality"]) == [
        *("log_duration_shorter", "log_duration_longer", "log_magnitude_smaller", "log_magnitude_larger")
    ]
    assert min_dcf(roc_curve(quality, target), 0.05) <= 1


def test_models_are_enrolled_by_their_number_of_utterances(experiment):
    trained(experiment, "plda")
    vectors = dict(zip(*read_vectors(experiment.test / "xvector.scp"), strict=True))
    with ArkWriter(experiment.test / "spk.ark", experiment.test / "spk.scp") as writer:
        writer.write("m1", vectors["t00-0"])
        writer.write("m3", np.mean([vectors[f"t00-{i}"] for i in range(3)], axis=0))
    write_table(experiment.test / "num_utts.ark", {"m1": 1, "m3": 3})
    write_trials(experiment.trials, Trials(np.array(["m3", "m1"]), np.array(["t00-5", "t00-5"]), np.ones(2, bool)))
    files = (
        experiment.trials,
        experiment.test / "spk.scp",
        experiment.test / "xvector.scp",
        experiment.exp / "scores",
    )
    found = {}
    for counts in (None, experiment.test / "num_utts.ark"):
        score_trials(*files, "plda", experiment.out, num_utts=counts)
        found[counts is None] = read_scores(experiment.exp / "scores")[2]
    assert found[True][1] == found[False][1]
    assert found[True][0] != found[False][0]
    for text, found in (("m1 1\nm3 0\n", "'0'"), ("m1 1\n", "missing")):
        (experiment.test / "num_utts.ark").write_text(text)
        with refused(experiment.test / "num_utts.ark", "'m3'", found, "stage 3"):
            score_trials(*files, "plda", experiment.out, num_utts=experiment.test / "num_utts.ark")


def test_a_calibration_is_for_models_of_as_many_utterances_as_are_scored(experiment):
    """With three utterances a model, ratios are better than those of single ones', and the other is warned of."""
    models = {f"t{speaker:02d}": [f"t{speaker:02d}-{number}" for number in range(3)] for speaker in range(20)}
    write_table(experiment.test / "enrol", {model: " ".join(utterances) for model, utterances in models.items()})
    vectors = dict(zip(*read_vectors(experiment.test / "xvector.scp"), strict=True))
    write_models(DataDir(experiment.test), vectors, experiment.test)
    tests = [name for name in experiment.names.tolist() if name[-1] in "345"]
    pairs = [(model, name) for model in models for name in tests]
    target = np.array([name.startswith(model) for model, name in pairs])
    write_trials(experiment.trials, Trials(*map(np.array, zip(*pairs, strict=True)), target))
    scp = [experiment.test / name for name in ("spk_xvector.scp", "xvector.scp")]
    found = {}
    for name in ("plda+calibration", "cosine+calibration"):
        for enrol in (None, experiment.test / "enrol"):
            trained(experiment, name, enrol=enrol)
            counts, scores = experiment.test / "num_utts.ark", experiment.exp / "scores"
            said = score_trials(experiment.trials, *scp, scores, name, experiment.out, num_utts=counts)
            assert names(said, f"{len(pairs)} trials")
            assert ("warning" in said) == (enrol is None)
            found[name, bool(enrol)] = cllr(read_scores(scores)[2], target)
    assert found["cosine+calibration", True] < found["cosine+calibration", False]
    assert json.loads((experiment.out / "backend.json").read_text())["heldout"]["enrolment_utterances"] == 3


def test_calibration_needs_who_was_held_out(experiment):
    torch.save(model_state(), experiment.exp / "final.pt")
    with refused("--backend plda+calibration", experiment.exp, experiment.train, "train.heldout_speakers"):
        trained(experiment, "cosine", "plda+calibration")
    trained(experiment, "cosine+snorm")
    assert len(read_vectors(experiment.out / "cohort.scp")[0]) == 60
    torch.save(model_state(backend={"heldout_speakers": ["s00"]}), experiment.exp / "final.pt")
    with refused("--backend cosine+calibration", "15 target", "train.heldout_speakers"):
        trained(experiment, "cosine+calibration")
    assert not (experiment.out / "backend.json").exists()  # what stood there would be half true


def test_a_collapsed_encoder_and_one_cohort_speaker_are_refused_by_name(experiment):
    names = list(read_table(experiment.train / "utt2spk"))
    with ArkWriter(experiment.train / "xvector.ark", experiment.train / "xvector.scp") as writer:
        for name in names:
            writer.write(name, np.full(DIM, 0.1))
    for base in ("cosine+asnorm+calibration", "plda", "lda"):
        with refused() as caught:
            trained(experiment, base)
        assert any(named in str(caught.value) for named in ("train/xvector.scp", f"all {DIM} dimensions"))
    one = SimpleNamespace(**vars(experiment) | {"train": experiment.exp / "one"})
    write_part(one.train, ["s50"], np.random.default_rng(1))
    with refused("--backend cosine+asnorm", "1 training speaker"):
        trained(one, "cosine+asnorm")
    with refused("6 training utterances", " 1 speakers", "--backend cosine"):
        trained(one, "plda")


def test_a_cohort_that_plda_knows_by_heart_is_warned_of(experiment):
    few = SimpleNamespace(**vars(experiment) | {"train": experiment.exp / "few"})
    write_part(few.train, [f"s{number}" for number in range(50, 55)], np.random.default_rng(1))
    run = (few.exp, few.train, few.train, few.out)
    assert names(train_backends(["plda+asnorm", "cosine+asnorm"], *run), "warning", "plda+asnorm", "5 speakers")
    assert "warning" not in train_backends(["plda", "cosine+asnorm"], *run)


def test_bad_tables_are_refused_by_utterance(experiment):
    trained(experiment, "cosine+quality")
    with refused("+quality", "--data"):
        scored(experiment, "cosine+quality")
    write_table(experiment.test / "utt2dur", dict.fromkeys(experiment.names[1:], 1))
    with refused(experiment.test / "utt2dur", "'t00-0'", "steps/make_feats.sh"):
        scored(experiment, "cosine+quality", data=experiment.test)
    write_table(experiment.train / "utt2spk", {"s00-0": "s00"})
    with refused(experiment.train / "xvector.scp", "'s00-1'", experiment.train / "utt2spk", 359):
        trained(experiment, "cosine")


def test_commands_train_and_score(experiment, capsys):
    options = ["--backend", "cosine+asnorm", "--backend", "lda", "--lda-dim", "5", "--top", "9"]
    main(
        ["train-backend", *options, *map(str, (experiment.exp, experiment.train, experiment.train, experiment.out))]
    )
    assert names(capsys.readouterr().out, "cosine+asnorm, lda", "50 speakers", "300 utterances")
    scp = experiment.test / "xvector.scp"
    files = [str(path) for path in (experiment.trials, scp, scp, experiment.exp / "scores")]
    main(["score-trials", "--backend", "cosine+asnorm", "--backend-dir", str(experiment.out), *files])
    found = read_scores(experiment.exp / "scores")[2]
    np.testing.assert_allclose(found, scored(experiment, "cosine+asnorm"))
    assert json.loads((experiment.out / "backend.json").read_text())["top"] == 9
    for wrong, option in (
        (["--backend", "lda"], "--backend-dir"),
        (["--backend", "lda", "--backend-dir", str(experiment.out), "--mean", "x"], "--mean"),
    ):
        with pytest.raises(SystemExit):
            main(["score-trials", *wrong, *files])
        assert names(capsys.readouterr().err, option)


def test_the_symmetric_back_ends_do_not_mind_which_side_is_which(experiment):
    trained(experiment, "plda+asnorm", top=10)
    table = Embeddings.read(experiment.test / "xvector.scp")
    rows = np.arange(50), np.arange(60, 110)
    backend = Backend.read(experiment.out, parse("plda+asnorm"), 10)
    np.testing.assert_allclose(
        backend.scores(Sides(table, table, *rows)), backend.scores(Sides(table, table, *rows[::-1])), rtol=1e-6
    )
    assert len(sides_of(Trials(*(np.array(["t00-0"]),) * 2, np.array([True])), table, table).enrol.keys) == 1
