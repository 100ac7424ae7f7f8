"""The recipe on real speech's layout, made here of noise; and the recipe that docs/new_recipe.md tells to write."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT, HERE = Path(__file__).parents[2], "egs/speechocean762/sv"
SMALL = ["--set", "train.epochs=1", "--set", "train.heldout_speakers=2", "--set", "train.batch_size=8"]


def test_end_to_end(run, speechocean762, clone, eer_of):
    where = {"folder": "egs/speechocean762/sv"}
    code, out, err = run("run.sh", "--corpus", speechocean762, *SMALL, "--exp", "exp/x", **where)
    assert code == 0, out + err
    assert "not the whole corpus's 2500 of 125 speakers" in out and 0 <= eer_of(out) <= 100
    assert "non-native read English" in (clone / where["folder"] / "exp/x/report.html").read_text()


TINY = {
    "xvector": ["encoder.channels=16", "encoder.pooling_channels=24"],
    "ecapa": ["encoder.channels=16", "encoder.aggregation_channels=24", "augment.babble_speakers=[1, 1]"],
    "resnet34": ["encoder.channels=16"],
    "ge2e": ["encoder.hidden=16", "encoder.layers=1", "train.utterances_per_speaker=4"],
}


CONFS = [*sorted(path.stem for path in (ROOT / HERE / "conf").glob("*_*.yaml")), "ge2e"]


@pytest.mark.parametrize("conf", CONFS)
def test_every_conf_trains(run, speechocean762, clone, conf):
    tiny = [word for key in TINY[conf.split("_")[0]] for word in ("--set", key)]
    if conf.endswith("_large_margin"):
        tiny += ["--init", "exp/ecapa_aam"]  # trained before: confs come in the order of their names
    options = ["--conf", f"conf/{conf}.yaml", "--exp", f"exp/{conf}", "--stop-stage", 2]
    code, out, err = run("run.sh", "--corpus", speechocean762, *SMALL, *tiny, *options, folder=HERE)
    assert code == 0, out + err
    assert (clone / HERE / f"exp/{conf}/final.pt").exists()


def test_a_corpus_must_be_named(run):
    code, _, err = run("run.sh", folder="egs/speechocean762/sv")
    assert code == 1 and "--corpus DIR or --download DIR is missing" in err


def test_a_broken_file_ends_the_stage_with_its_name_or_is_skipped(run, speechocean762, clone, tmp_path):
    wav = speechocean762 / "WAVE/SPEAKER0000/000000001.WAV"
    whole = wav.read_bytes()
    wav.write_bytes(whole[:9000])
    features = "egs/speechocean762/sv"
    try:
        options = ["--stage", 1, "--stop-stage", 1, "--set", "features.num_mel_bins=24"]
        code, _, err = run("run.sh", *options, folder=features)
        assert code == 1 and "0000-000000001" in err and "truncated" in err and "--bad-audio skip" in err
        code, _, err = run("run.sh", *options, "--bad-audio", "skip", folder=features)
        assert code == 1 and "more than --max-skipped 0.05 allows" in err
    finally:
        wav.write_bytes(whole)


def test_the_tutorials_recipe(run, clone, tmp_path, eer_of, noise):
    """Writes the files of docs/new_recipe.md as it says, and runs its recipe."""
    import subprocess

    text = (clone / "docs/new_recipe.md").read_text(encoding="utf-8")
    module = re.search(r"```python\n(.*?)```", text, re.S)[1]
    commands = re.findall(r"```bash\n(.*?)```", text, re.S)[0]
    (clone / "src/timbre/corpora/mycorpus.py").write_text(module)
    subprocess.run(["bash", "-euc", commands], cwd=clone, check=True)
    for speaker in ("a", "b", "c", "d", "t1", "t2", "t3"):
        for number in range(3):
            noise(tmp_path / speaker / f"{number}.wav", seed=sum(map(ord, speaker)) + number)
    code, out, err = run("run.sh", "--corpus", tmp_path, *SMALL, folder="egs/mycorpus/sv")
    assert code == 0, out + err
    assert 0 <= eer_of(out) <= 100
