"""The recipe on real speech's layout, made here of noise; and the recipe that docs/new_recipe.md tells to write."""

from __future__ import annotations

import subprocess

import pytest
import tiny
from messages import names
from pages import read_page

from timbre.kaldi.datadir import invert
from timbre.kaldi.text import read_table, write_table

HERE = "egs/speechocean762/sv"
SMALL = tiny.options(HERE, "xvector_am")


def test_end_to_end(run, again, speechocean762, clone, eer_of):
    what, where = ["--corpus", speechocean762, *SMALL, "--exp", "exp/x"], {"folder": "egs/speechocean762/sv"}
    code, out, err = run("run.sh", *what, **where)
    assert code == 0, out + err
    again(*what, **where)
    assert "not the whole corpus's 2500 of 125 speakers" in out and 0 <= eer_of(out) <= 100
    assert "non-native read English" in (clone / where["folder"] / "exp/x/report.html").read_text()


@pytest.mark.all
@pytest.mark.parametrize("conf", ["ecapa_aam", "ecapa_aam_large_margin", "ecapa_aam_online", "ge2e"])
def test_every_way_of_training(run, speechocean762, clone, conf):
    init = ["--init", "exp/ecapa_aam"] if conf.endswith("_large_margin") else []  # confs come in order of name
    where = ["--exp", f"exp/{conf}", "--stop-stage", 2, *init]
    code, out, err = run("run.sh", "--corpus", speechocean762, *tiny.options(HERE, conf), *where, folder=HERE)
    assert code == 0, out + err
    assert (clone / HERE / f"exp/{conf}/final.pt").exists()


def test_the_corpus_is_known_after_the_first_run(run, speechocean762, clone):
    what = ["--stop-stage", 0, *SMALL]
    for words in (["--corpus", speechocean762], []):
        code, out, err = run("run.sh", *what, *words, folder=HERE)
        assert code == 0, out + err
    (clone / HERE / "data/prepared_from").unlink()
    code, _, err = run("run.sh", *what, folder=HERE)
    assert code == 1 and names(err, "--corpus", "--download")


def test_a_broken_file_ends_the_stage_with_its_name_or_is_skipped(run, speechocean762, clone, tmp_path):
    wav = speechocean762 / "WAVE/SPEAKER0000/000000001.WAV"
    whole = wav.read_bytes()
    wav.write_bytes(whole[:9000])
    features = "egs/speechocean762/sv"
    try:
        options = ["--stage", 1, "--stop-stage", 1, *SMALL, "--set", "features.num_mel_bins=24"]
        code, _, err = run("run.sh", *options, folder=features)
        assert code == 1 and names(err, "0000-000000001", "truncated", "--bad-audio skip")
        code, _, err = run("run.sh", *options, "--bad-audio", "skip", folder=features)
        assert code == 1 and names(err, "0000-000000001", "--max-skipped")
    finally:
        wav.write_bytes(whole)


@pytest.mark.all
def test_the_encoder_is_trained_on_more_than_the_baseline_looks_at(run, clone, speechocean762):
    """Of 5,001 utterances the baseline takes 5,000; the encoder's features are the same ones, of all."""
    recipe = clone / "egs/large/sv"
    recipe.mkdir(parents=True)
    for name in ("conf", "steps", "utils", "path.sh", "run.sh"):
        (recipe / name).symlink_to(clone / HERE / name)
    (recipe / "cmd.sh").symlink_to(clone / "cmd.sh")
    wav = next(speechocean762.glob("WAVE/*/*.WAV"))
    for part, count in (("train", 1667), ("test", 2)):
        utterances = {
            f"{part}{speaker}-{number:04d}": f"{part}{speaker}" for speaker in "abc" for number in range(count)
        }
        write_table(recipe / f"data/{part}/wav.scp", dict.fromkeys(utterances, wav))
        write_table(recipe / f"data/{part}/utt2spk", utterances)
        write_table(
            recipe / f"data/{part}/spk2utt", {spk: " ".join(utts) for spk, utts in invert(utterances).items()}
        )
    what = ["--stage", 1, "--stop-stage", 1, "--set", "train.heldout_speakers=0"]
    code, out, err = run("run.sh", *what, "--conf", "conf/xvector_am.yaml", folder=recipe)
    assert code == 0, out + err
    (baseline,) = recipe.glob("data/mfcc*/train_most_5000")
    assert len(read_table(baseline / "feats.scp")) == 5000
    assert len(read_table(baseline.parent / "train/feats.scp")) == 5001


def test_the_tutorials_recipe(run, clone, tmp_path, eer_of, noise):
    """Writes the files of docs/new_recipe.md as it says, and runs its recipe."""
    folder = clone
    for command in read_page("docs/new_recipe.md", clone):
        if command.kind == "file":
            (clone / command.path).write_text(command.text)
        elif command.text.startswith("cd "):
            folder /= command.text.removeprefix("cd ")
        elif not command.text.startswith(("./run.sh", "timbre", ". ")):
            subprocess.run(["bash", "-euc", command.text], cwd=folder, check=True)
    for speaker in ("a", "b", "c", "d", "t1", "t2", "t3"):
        for number in range(3):
            noise(tmp_path / speaker / f"{number}.wav", seed=sum(map(ord, speaker)) + number)
    code, out, err = run("run.sh", "--corpus", tmp_path, *SMALL, folder="egs/mycorpus/sv")
    assert code == 0, out + err
    assert 0 <= eer_of(out) <= 100
