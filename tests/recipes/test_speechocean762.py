"""The recipe on real speech's layout, made here of noise; and the recipe that docs/new_recipe.md tells to write."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT, HERE = Path(__file__).parents[2], "egs/speechocean762/sv"
SMALL = ["--set", "train.epochs=1", "--set", "train.heldout_speakers=2", "--set", "train.batch_size=8"]


def noise(path, seed):
    """A second of noise, coloured by the seed."""
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.convolve(rng.normal(size=16000), rng.normal(size=9), mode="same")
    soundfile.write(path, 0.1 * samples / np.abs(samples).max(), 16000)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A corpus laid out as speechocean762: 4 speakers to train and 3 to test, 3 utterances each."""
    root = tmp_path_factory.mktemp("speechocean762")
    for part, speakers in (("train", range(4)), ("test", range(4, 7))):
        tables = {"wav.scp": [], "utt2spk": [], "text": [], "spk2gender": []}
        for speaker in speakers:
            tables["spk2gender"].append(f"{speaker:04d}\t{'fm'[speaker % 2]}")
            for number in range(3):
                utt, wav = f"{speaker:05d}{number:04d}", f"WAVE/SPEAKER{speaker:04d}/{speaker:05d}{number:04d}.WAV"
                noise(root / wav, seed=10 * speaker + number)
                tables["wav.scp"].append(f"{utt}\t{wav}")
                tables["utt2spk"].append(f"{utt}\t{speaker:04d}")
                tables["text"].append(f"{utt}\tMARK IS GOING")
        (root / part).mkdir()
        for name, lines in tables.items():
            (root / part / name).write_text("\n".join(lines) + "\n")
    return root


def test_end_to_end(run, corpus, clone, eer_of):
    where = {"folder": "egs/speechocean762/sv"}
    code, out, err = run("run.sh", "--corpus", corpus, *SMALL, "--exp", "exp/x", **where)
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
def test_every_conf_trains(run, corpus, clone, conf):
    tiny = [word for key in TINY[conf.split("_")[0]] for word in ("--set", key)]
    if conf.endswith("_large_margin"):
        tiny += ["--init", "exp/ecapa_aam"]  # trained before: confs come in the order of their names
    options = ["--conf", f"conf/{conf}.yaml", "--exp", f"exp/{conf}", "--stop-stage", 2]
    code, out, err = run("run.sh", "--corpus", corpus, *SMALL, *tiny, *options, folder=HERE)
    assert code == 0, out + err
    assert (clone / HERE / f"exp/{conf}/final.pt").exists()


def test_a_corpus_must_be_named(run):
    code, _, err = run("run.sh", folder="egs/speechocean762/sv")
    assert code == 1 and "--corpus DIR or --download DIR is missing" in err


def test_a_broken_file_ends_the_stage_with_its_name_or_is_skipped(run, corpus, clone, tmp_path):
    wav = corpus / "WAVE/SPEAKER0000/000000001.WAV"
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


def test_the_tutorials_recipe(run, clone, tmp_path, eer_of):
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
