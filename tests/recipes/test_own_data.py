"""docs/own_data.md: its commands in their order, on a small data directory and on features as Kaldi writes them."""

from __future__ import annotations

import shlex
import shutil

import kaldiio
import numpy as np
import pytest
import tiny
from messages import names
from pages import read_page

from timbre.kaldi.datadir import invert
from timbre.kaldi.tables import read_matrix
from timbre.kaldi.text import read_table, write_table
from timbre.kaldi.trials import read_trials

PAGE = "docs/own_data.md"
SMALL = shlex.join(map(str, tiny.options(".", "xvector_am")))
BEGUN = ["egs/csv/ser/run.sh --table /path/to/my.csv"]
BEGUN += ["egs/synthetic/byola/run.sh --data data/both"]
BEGUN += ["egs/synthetic/wav2vec/run.sh --data data/both --set train.epochs=40"]
TUNED = "egs/csv/sv/run.sh --table /path/to/speakers.csv --init /path/to/model.pt"
VERIFIED = "timbre verify a.wav b.wav --model /path/to/model.pt"
TRAINED = {  # by the settings for tests
    **{command: f"{command} --stop-stage 0" for command in BEGUN},
    TUNED: f"{TUNED} --test-share 0.5 --stop-stage 0",
    VERIFIED: VERIFIED.replace("a.wav b.wav", "/path/to/anna-0.wav /path/to/ben-0.wav"),
    "./run.sh": f"./run.sh --stop-stage 2 --exp exp/xvector_am {SMALL}",
    "timbre make-plan --conf conf/xvector_am.yaml --exp exp/mine": f"timbre make-plan --exp exp/mine {SMALL}",
}


@pytest.fixture(scope="module")
def shell(clone, call):
    """``shell(command)`` → ``(exit code, stdout, stderr)``, in the copy after ``. ./path.sh``."""
    return lambda command: call(clone, "bash", "-c", f". ./path.sh && {command}")


@pytest.fixture(scope="module")
def given(tmp_path_factory, noise):
    """Data of users: ``mine`` with audio, trials and models, ``more``, ``kaldi`` for its features, a table."""
    root = tmp_path_factory.mktemp("given")
    utterances = {f"{speaker}-{n}": speaker for speaker in ("anna", "ben", "cem", "dora") for n in range(4)}
    for seed, utterance in enumerate(utterances):
        noise(root / f"{utterance}.wav", seed)
    for name in ("mine", "kaldi"):
        write_table(root / name / "utt2spk", utterances)
    others = {f"eva-{n}": "eva" for n in range(2)}
    for seed, utterance in enumerate(others, start=len(utterances)):
        noise(root / f"{utterance}.wav", seed)
    write_table(root / "more/utt2spk", others)
    write_table(root / "more/spk2utt", {"eva": " ".join(others)})
    write_table(root / "more/wav.scp", {utterance: root / f"{utterance}.wav" for utterance in others})
    write_table(root / "kaldi/spk2utt", {spk: " ".join(utts) for spk, utts in invert(utterances).items()})
    mine = root / "mine"
    write_table(mine / "wav.scp", {utterance: root / f"{utterance}.wav" for utterance in utterances})
    pairs = [(a, b) for a in utterances for b in utterances if a < b]
    kinds = {True: "target", False: "nontarget"}
    lines = [f"{a} {b} {kinds[utterances[a] == utterances[b]]}\n" for a, b in pairs]
    (mine / "trials").write_text("".join(lines))
    models = {f"{speaker}-model": speaker for speaker in sorted(set(utterances.values()))}
    write_table(mine / "enrol", {model: f"{spk}-0 {spk}-1" for model, spk in models.items()})
    rows = [f"{utt}.wav;{spk};{('calm', 'angry')[int(utt[-1]) % 2]}\n" for utt, spk in utterances.items()]
    (root / "my.csv").write_text("path;speaker;label\n" + "".join(rows))
    (root / "speakers.csv").write_text(
        "path,speaker\n" + "".join(f"{utt}.wav,{utterances[utt]}\n" for utt in utterances)
    )
    tested = [utt for utt in utterances if utt[-1] in "23"]
    lines = [f"{model} {utt} {kinds[utterances[utt] == spk]}\n" for model, spk in models.items() for utt in tested]
    (mine / "trials_models").write_text("".join(lines))
    return root


def write_as_kaldi(feats, folder):
    """Frames of ``feats.scp`` as an ark of Kaldi's, with 16 bits, and the tables that belong to them."""
    frames = {utterance: read_matrix(place, scp=feats) for utterance, place in read_table(feats).items()}
    options = {"scp": str(folder / "feats.scp"), "compression_method": 3}
    kaldiio.save_ark(str(folder / "raw_mfcc.1.ark"), frames, **options)
    write_table(folder / "utt2num_frames", {utterance: len(matrix) for utterance, matrix in frames.items()})


@pytest.fixture(scope="module")
def done(shell, clone, given):
    """All commands of the page, each of which ends well."""
    for command in (one for one in read_page(PAGE) if one.kind == "shell" and not one.changes_shell):
        if "/path/to/model.pt" in command.text:
            shutil.copy(clone / "exp/xvector_am/final.pt", given / "model.pt")
        if "/path/to/kaldi" in command.text:
            write_as_kaldi(clone / "data/mine_feats/feats.scp", given / "kaldi")
        code, out, err = shell(TRAINED.get(command.text, command.text).replace("/path/to", str(given)))
        assert code == 0, f"{PAGE}:{command.line}: {out}{err}"
    return clone


def test_every_trial_has_a_score_and_models_have_theirs(done):
    for name, count in (("trials", 16 * 15 // 2), ("models", 4 * 8)):
        trials = read_trials(done / "data/mine" / name.replace("models", "trials_models"))
        lines = (done / f"exp/xvector_am/mine_{name}/scores").read_text().splitlines()
        assert len(lines) == len(trials) == count
        assert all(np.isfinite(float(line.split()[2])) for line in lines)
    assert list(read_table(done / "exp/xvector_am/mine/spk_xvector.scp")) == [
        f"{speaker}-model" for speaker in ("anna", "ben", "cem", "dora")
    ]


def test_features_of_kaldis_score_as_those_that_are_made_here(done):
    ours, theirs = (
        [float(line.split()[2]) for line in (done / f"exp/xvector_am/{name}_trials/scores").open()]
        for name in ("mine", "kaldi")
    )
    np.testing.assert_allclose(ours, theirs, atol=0.01)


def test_a_model_of_ones_own_knows_the_speakers_of_the_data(done):
    assert (done / "exp/mine/final.pt").exists()
    assert names((done / "exp/mine/fit.txt").read_text(), "data/mine", "2 classes")


def test_what_does_not_say_what_made_it_is_refused(done, shell):
    for step in (
        "extract_embeddings.sh exp/xvector_am data/kaldi exp/xvector_am/refused",
        "train_encoder.sh --conf exp/mine/plan/conf.yaml data/kaldi exp/refused",
    ):
        code, _, err = shell(f"steps/{step}")
        assert code == 1 and names(err, "data/kaldi/front_end.yaml", "steps/make_feats.sh", "--trust-features true")


def test_what_says_or_shows_that_it_does_not_fit_is_refused_though_trusted(done, shell):
    embed = "steps/extract_embeddings.sh --trust-features true exp/xvector_am data/other exp/xvector_am/refused"
    other = done / "data/other"
    shutil.copytree(done / "data/kaldi", other)
    (other / "front_end.yaml").write_text("{features: {kind: fbank, num_mel_bins: 24}, vad: {}}\n")
    code, _, err = shell(embed)
    assert code == 1 and names(err, "data/other", "features.kind", "fbank", "mfcc")
    (other / "front_end.yaml").unlink()
    frames = {key: matrix[:, :13] for key, matrix in kaldiio.load_scp(str(other / "feats.scp")).items()}
    kaldiio.save_ark(str(other / "13.ark"), frames, scp=str(other / "feats.scp"))
    code, _, err = shell(embed)
    assert code == 1 and names(err, "data/other/feats.scp", "13", "24")
