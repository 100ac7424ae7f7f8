"""Every conf of every recipe fits the recipe's stand-in as it is, whose tables are made here without its speech."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from timbre.__main__ import main
from timbre.conf_files import read_yaml
from timbre.corpora import synthetic
from timbre.corpora.espeak import Phone
from timbre.corpora.voices import Spoken
from timbre.kaldi import atomic
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.text import read_table, write_table
from timbre.scoring.backend import parse
from timbre.training.experiment import load_experiment
from timbre.training.fit import check_fit

ROOT = Path(__file__).parents[2]
ANY = ["cosine+asnorm", "cosine+calibration"]  # that fit every conf
BACKENDS = {  # further ones, as the READMEs have them
    ".": {"xvector_am": ["plda", "plda+asnorm"]},
    "egs/speechocean762/sv": {"ecapa_aam": ["lda_plda"]},
    "egs/aishell/sv": {"xvector_gap_softmax": ["lda_plda"]},
    "egs/voxceleb/sv": {"ecapa512_aam": ["lda_plda"], "small": ["lda_plda"]},
}


def timbre(*words):
    """A command, as stage 0 of a recipe gives it."""
    main([str(word) for word in words])


@pytest.fixture(scope="module")
def speak():
    """``speak(recipe, layout, folder)``: the stand-in of a recipe, each file of ten milliseconds of noise."""

    def nothing(speaker, text, rng, emotion, rate, expression):
        return Spoken(rng.uniform(-0.1, 0.1, rate // 100).astype(np.float32), rate, [Phone("a", 0.0, 0.01)])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthetic, "speak", nothing)
        patch.setattr(synthetic, "record", lambda samples, *_: samples)
        patch.setattr(atomic.os, "fsync", lambda _: None)

        def make(recipe, layout, folder, conf="corpus"):
            conf = ["--conf", ROOT / recipe / f"conf/{conf}.yaml"] if conf else []
            timbre("make-synthetic-corpus", "--dir", folder, "--layout", layout, *conf)
            return folder

        yield make


def voices(recipe, speak, out):
    """The root recipe and the front-ends: what the synthetic corpus trains on."""
    corpus = speak(recipe, "synthetic", out / "corpus")
    timbre("prepare", "--corpus-kind", "synthetic", "--corpus", corpus, "--out", out)
    return [out / "train"]


def polyglot(recipe, speak, out):
    corpus = speak(recipe, "polyglot", out / "corpus")
    timbre("prepare", "--corpus-kind", "polyglot", "--corpus", corpus, "--out", out)
    timbre("split-utterances", "--share", 0.1, "--seed", 1, out / "train", out / "all", out / "seen")
    return [out / "all"]


def aishell(recipe, speak, out):
    corpus = speak(recipe, "aishell", out / "corpus")
    for protocol in ("lab", "full"):  # hard trains as full
        option = f"protocol={protocol}"
        timbre(
            "prepare", "--corpus-kind", "aishell", "--corpus", corpus, "--option", option, "--out", out / protocol
        )
    return [out / "lab/train", out / "full/train"]


def voxceleb(recipe, speak, out):
    corpus = speak(recipe, "voxceleb", out / "corpus")
    options = ["--option", f"voxceleb2={corpus}/voxceleb2", "--option", f"lists={corpus}/lists"]
    timbre("prepare", "--corpus-kind", "voxceleb", "--corpus", corpus / "voxceleb1", *options, "--out", out)
    return [out / "train"]


def speechocean762(recipe, speak, out):
    """The training speakers, of whom the identification recipe keeps a quarter of the utterances, and of others."""
    corpus = speak(recipe, "speechocean762", out / "corpus", conf="")
    timbre("prepare", "--corpus-kind", "speechocean762", "--corpus", corpus, "--out", out)
    if recipe.endswith("sv"):
        return [out / "train"]
    timbre("combine-data", out / "all", out / "train", out / "test")
    timbre("split-utterances", "--share", 0.25, "--seed", 1, out / "all", out / "known", out / "kept")
    return [out / "known"]


def course(recipe, speak, out):
    """Of each speaker a tenth is not labelled, and of the others a tenth not trained on."""
    voices(recipe, speak, out / "speech")
    utt2spk = read_table(out / "speech/train/utt2spk")
    labelled = {name: speaker for name, speaker in utt2spk.items() if not name.endswith(("-001", "-011"))}
    write_table(out / "labelled/utt2spk", labelled)
    timbre("split-utterances", "--share", 0.1, "--seed", 1, out / "labelled", out / "train", out / "valid")
    return [out / "train"]


def emodb(recipe, speak, out):
    corpus = speak(recipe, "emodb", out / "corpus")
    timbre("prepare", "--corpus-kind", "emodb", "--corpus", corpus, "--out", out)
    timbre("make-folds", "--labels", "utt2emotion", "--unit", "speaker", out / "all", out / "folds")
    return sorted(out.glob("folds/*/train"))


def csv_table(recipe, speak, out):
    table = speak(recipe, "csv_table", out / "corpus") / "my.csv"
    timbre("prepare", "--corpus-kind", "csv_table", "--corpus", table, "--out", out)
    timbre("make-folds", "--labels", "utt2emotion", "--unit", "speaker", out / "all", out / "folds")
    return sorted(out.glob("folds/*/train"))


def csv_speakers(recipe, speak, out):
    table = speak(recipe, "csv_speakers", out / "corpus") / "my.csv"
    timbre("prepare", "--corpus-kind", "csv_speakers", "--corpus", table, "--out", out)
    timbre("split-speakers", out / "all", out / "train", out / "test")
    return [out / "train"]


def ravdess(recipe, speak, out):
    corpus = speak(recipe, "ravdess", out / "corpus")
    timbre("prepare", "--corpus-kind", "ravdess", "--corpus", corpus, "--option", "mix=true", "--out", out)
    groups = ["--folds", 6, "--balance", "spk2gender"]
    timbre("make-folds", "--labels", "utt2emotion", *groups, out / "all", out / "folds")
    return sorted(out.glob("folds/*/train"))


def tess(recipe, speak, out):
    """The smallest of its protocols, the one of two folds, and one of words."""
    corpus, split = speak(recipe, "tess", out / "corpus"), ["--labels", "utt2emotion", "--share", 0.3, "--seed", 1]
    timbre("prepare", "--corpus-kind", "tess", "--corpus", corpus, "--out", out)
    younger = {
        name: emotion
        for name, emotion in read_table(out / "all/utt2emotion").items()
        if name.startswith("YAF-") and emotion in ("happiness", "sadness")
    }
    write_table(out / "utterances", younger)
    timbre("subset-data-dir", "--utt-list", out / "utterances", out / "all", out / "exercise/all")
    timbre("split-utterances", *split, out / "exercise/all", out / "exercise/train", out / "exercise/test")
    timbre("split-utterances", *split, "--unit", "text", out / "all", out / "words/train", out / "words/test")
    timbre("make-folds", "--labels", "utt2emotion", "--unit", "speaker", out / "all", out / "folds")
    return [out / "exercise/train", out / "words/train", *sorted(out.glob("folds/*/train"))]


def multilingual(recipe, speak, out):
    """Both protocols, and each language alone (local/cross_lingual.sh)."""
    kinds = {"en": "iemocap", "de": "emodb", "fa": "shemo", "fr": "cafe"}
    folds = {
        "en": ["--unit", "session"],
        "de": ["--unit", "speaker"],
        "fa": ["--unit", "speaker", "--folds", 5],
        "fr": ["--unit", "speaker", "--together", out / "pairs"],
    }
    for lang, kind in kinds.items():
        corpus = speak(recipe, kind, out / "corpora" / kind, f"corpus_{kind}")
        timbre("prepare", "--corpus-kind", kind, "--corpus", corpus, "--prefix", lang, "--out", out / lang)
        if lang == "fr":
            actors = set(read_table(out / "fr/all/utt2spk").values())
            write_table(out / "pairs", {actor: f"pair{(int(actor[-2:]) + 1) // 2}" for actor in actors})
        timbre("make-folds", "--labels", "utt2emotion", *folds[lang], out / lang / "all", out / lang / "folds")
        here = [out / "source" / lang / part for part in ("all", "folds/1/train", "folds/1/test")]
        timbre("copy-data-dir", out / lang / "all", here[0])
        split = ["--labels", "utt2emotion", "--unit", "utterance", "--share", 0.2, "--seed", 1]
        timbre("split-utterances", *split, *here)
    for root in (out, out / "source"):
        timbre("join-folds", *(root / lang for lang in kinds), root)
    alone = [out / lang / "all" for lang in kinds]
    return [*sorted(out.glob("folds/*/train")), out / "source/folds/1/train", *alone]


STAGE_0 = {
    ".": voices,
    "egs/aishell/sv": aishell,
    "egs/csv/ser": csv_table,
    "egs/csv/sv": csv_speakers,
    "egs/emodb/ser": emodb,
    "egs/ml2023hw4/sid": course,
    "egs/multilingual/ser": multilingual,
    "egs/ravdess/ser": ravdess,
    "egs/speechocean762/sid": speechocean762,
    "egs/speechocean762/sv": speechocean762,
    "egs/synthetic/allosaurus": polyglot,
    "egs/synthetic/byola": voices,
    "egs/synthetic/wav2vec": voices,
    "egs/tess/ser": tess,
    "egs/voxceleb/sv": voxceleb,
}


def confs(recipe):
    """The experiments of a recipe: neither features alone nor corpora, nor what needs a model to start from."""
    found = sorted((ROOT / recipe / "conf").glob("*.yaml"))
    found = [path for path in found if not path.stem.startswith("corpus") and path.stem != "fine_tuning"]
    return [path for path in found if "kind" not in read_yaml(path)]


def test_every_recipe_is_here():
    recipes = {path.parent.relative_to(ROOT).as_posix() for path in [ROOT / "run.sh", *ROOT.glob("egs/*/*/run.sh")]}
    assert recipes == set(STAGE_0)


@pytest.mark.parametrize("recipe", STAGE_0)
def test_every_conf_fits(recipe, speak, tmp_path):
    parts = [DataDir(path) for path in STAGE_0[recipe](recipe, speak, tmp_path)]
    assert parts and confs(recipe)
    for conf in confs(recipe):
        experiment = load_experiment(conf)
        names = ANY + BACKENDS.get(recipe, {}).get(conf.stem, []) if experiment.task == "verification" else []
        for data in parts:
            assert check_fit(experiment, data, [parse(name) for name in names]), conf
