"""Settings by which a recipe's conf trains in seconds on a few utterances; each keeps what the conf is about."""

from __future__ import annotations

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
ATTENTION = ["encoder.channels=16", "encoder.heads=2", "encoder.layers=1", "encoder.feed_forward=16"]
ENCODERS = {
    "allosaurus": ["encoder.hidden=8"],
    "audionet": ["encoder.channels=8", "encoder.hidden=8"],
    "byola": [
        "encoder.channels=4",
        "encoder.embedding_dim=16",
        "loss.hidden=16",
        "loss.memory=8",
        "train.crops_per_utterance=1",
        "train.heldout_utterances=0.25",
    ],
    "campplus": [
        "encoder.head_channels=4",
        "encoder.channels=16",
        "encoder.growth=4",
        "encoder.bottleneck=8",
        "encoder.layers=[2, 2, 2]",
        "encoder.embedding_dim=16",
    ],
    "conformer": ATTENTION,
    "ecapa_tdnn": ["encoder.channels=16", "encoder.aggregation_channels=24"],
    "eres2net_v2": ["encoder.channels=4", "encoder.blocks=[1, 1, 1, 1]", "encoder.embedding_dim=16"],
    "lstm": ["encoder.hidden=16", "encoder.projection=0", "encoder.layers=1"],
    "redimnet2": ["encoder.size=b0", "encoder.channels=4"],
    "resnet": ["encoder.channels=4", "encoder.embedding_dim=16"],
    "transformer": ATTENTION,
    "wav2vec": [
        "encoder.channels=8",
        "encoder.context_channels=8",
        "train.average=1",
        "train.crop_frames=40",
        "train.crops_per_utterance=1",
        "train.heldout_utterances=0.25",
    ],
    "xvector": ["encoder.channels=16", "encoder.pooling_channels=24"],
}
TRAIN = ["train.epochs=1", "train.warmup_epochs=1", "train.margin_epochs=[0, 0]", "train.workers=0"]
# The fusion of six streams, their models those of the fixture ``front_ends``.
FUSION_MODELS = [
    *(f"streams.{name}.features.model=../../synthetic/{name}/exp/made" for name in ("wav2vec", "allosaurus")),
    "streams.byol.model=../../synthetic/byola/exp/made",
    "streams.ge2e.model=../../../exp/made",
]
FUSION = [
    *FUSION_MODELS,
    "fusion.size=8",
    "fusion.width=4",
]
FUSION += ["train.epochs=1", "train.warmup_epochs=1", "train.average=1", "train.heldout_utterances=0.3"]
CORPORA = {  # in the place of the recipes' own sizes of their synthetic speech
    "conf/corpus.yaml": "{train_speakers: 6, test_speakers: 4, utterances: 4, words: [3, 4]}",
    "egs/aishell/sv/conf/corpus.yaml": "{train_speakers: 6, test_speakers: 4, utterances: 4, words: [3, 4]}",
    "egs/voxceleb/sv/conf/corpus.yaml": "{train_speakers: 6, test_speakers: 4, utterances: 4, words: [3, 4]}",
    "egs/ml2023hw4/sid/conf/corpus.yaml": "{train_speakers: 4, test_speakers: 1, utterances: 10}",
    "egs/tess/ser/conf/corpus.yaml": "utterances: 84  # 12 words by both actresses",
    "egs/csv/ser/conf/corpus.yaml": "{train_speakers: 4, utterances: 8}",
    "egs/csv/sv/conf/corpus.yaml": "{train_speakers: 8, utterances: 3, words: [3, 4]}",
    "egs/emodb/ser/conf/corpus.yaml": "{train_speakers: 4, utterances: 21}",
    "egs/ravdess/ser/conf/corpus.yaml": "{train_speakers: 4, utterances: 8}",
    "egs/multilingual/ser/conf/corpus_iemocap.yaml": "{train_speakers: 4, utterances: 9}",
    "egs/multilingual/ser/conf/corpus_emodb.yaml": "{train_speakers: 3, utterances: 7}",
    "egs/multilingual/ser/conf/corpus_shemo.yaml": "{train_speakers: 5, utterances: 6}",
    "egs/multilingual/ser/conf/corpus_cafe.yaml": "{train_speakers: 4, utterances: 7}",
    "egs/synthetic/allosaurus/conf/corpus.yaml": "{train_speakers: 4, test_speakers: 2, utterances: 20}",
    "egs/synthetic/byola/conf/corpus.yaml": "{train_speakers: 4, test_speakers: 2, utterances: 4, words: [3, 4]}",
    "egs/synthetic/wav2vec/conf/corpus.yaml": "{train_speakers: 4, test_speakers: 2, utterances: 4, words: [3, 4]}",
}


def confs(recipe: str) -> list[str]:
    """The names of the experiments in a recipe's ``conf``, in order; sections and corpora are none."""
    names = []
    for path in sorted((ROOT / recipe / "conf").glob("*.yaml")):
        keys = yaml.safe_load(path.read_text(encoding="utf-8"))
        if keys.keys() & {"base", "encoder", "streams"}:
            names.append(path.stem)
    return names


def settings(recipe: str, conf: str) -> list[str]:
    """The settings for a conf, by its encoder, its task and what it draws batches by."""
    keys = _resolved(ROOT / recipe / "conf" / f"{conf}.yaml")
    if "streams" in keys:
        small = ["streams.mfcc.channels=4", "streams.mfcc.hidden=4"]
        return FUSION + small * (keys["streams"]["mfcc"].get("pooling") != "statistics")
    task, train = keys.get("task", "verification"), keys.get("train", {})
    found = [*TRAIN, "train.batch_size=8", *ENCODERS[keys["encoder"]["kind"]]]
    if train.get("sampler") == "p_by_k":
        found += ["train.utterances_per_speaker=4"]
    if task in ("verification", "classification") and train.get("crop_frames", 200):
        found += ["train.crop_frames=50"]
    if task == "verification":
        found += ["train.heldout_speakers=2"]
    if "babble" in keys.get("augment", {}).get("kinds", []):
        found += ["augment.babble_speakers=[1, 1]"]
    return found


def options(recipe: str, conf: str, *further: str) -> list[str]:
    """``--conf`` and ``--set`` of :func:`settings` and of ``further`` ones."""
    words = [word for setting in [*settings(recipe, conf), *further] for word in ("--set", setting)]
    return ["--conf", f"conf/{conf}.yaml", *words]


def _resolved(path: Path) -> dict:
    """A conf's keys over those of its ``base``, two levels deep."""
    keys = yaml.safe_load(path.read_text(encoding="utf-8"))
    base = _resolved(path.parent / keys.pop("base")) if "base" in keys else {}
    for name, value in keys.items():
        both = isinstance(value, dict) and isinstance(base.get(name), dict)
        base[name] = base[name] | value if both else value
    return base
