"""A fusion of streams from waveforms to probabilities: what is trained, on what, and what its users get."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch

import timbre
from timbre.conf import build
from timbre.errors import TimbreError
from timbre.features.cmvn import global_statistics
from timbre.features.extract import extract_features
from timbre.features.published import FORMAT, read_model
from timbre.features.tensors import save_tensors
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.jobs import collect_jobs
from timbre.kaldi.streams import join_streams
from timbre.kaldi.tables import read_vectors
from timbre.kaldi.text import write_table
from timbre.models import build_encoder
from timbre.models.extraction import collect_embeddings, extract_embeddings
from timbre.models.streams import StreamReader, stream_features
from timbre.models.trained import ModelConf, TrainedModel
from timbre.training.classifier import classify, collect_posteriors, extract_posteriors, load_classifier
from timbre.training.experiment import Experiment, load_experiment, stream_folders
from timbre.training.fusion_speech import FusionSpeech, LanguageBatches
from timbre.training.task import Task
from timbre.training.train import train_experiment
from timbre.training.trainer import Trainer

RATE = 8000
EMOTIONS = {"de": ("anger", "boredom", "joy"), "fr": ("anger", "joy")}
MFCC = f"{{kind: mfcc, sample_rate: {RATE}}}"


@pytest.fixture
def speaker_model(tmp_path):
    """A model that embeds, with random weights."""
    conf = build(
        ModelConf,
        {
            "features": {"kind": "logmel", "sample_rate": RATE, "num_mel_bins": 20},
            "input": {"cmvn": "none"},
            "encoder": {"kind": "lstm", "layers": 1, "hidden": 8, "embedding_dim": 6},
        },
    )
    torch.manual_seed(1)
    encoder = build_encoder(conf.encoder, 20)
    state = {"format": FORMAT, "conf": conf.model_dump(mode="json"), "classes": [], "backend": {}}
    save_tensors(tmp_path / "voice" / "final.pt", state | {"encoder": encoder.state_dict()})
    return tmp_path / "voice"


@pytest.fixture
def conf(tmp_path, speaker_model):
    """The conf of a small fusion of a stream of frames and one of a model, with further settings."""
    path = tmp_path / "fusion.yaml"
    path.write_text(f"""
task: fusion
labels: utt2emotion
streams:
  mfcc: {{features: {MFCC}, channels: 6, hidden: 5}}
  ge2e: {{model: {speaker_model}}}
fusion: {{size: 8, widths: {{de: 6, fr: 4}}, dropout: 0}}
train:
  {{epochs: 2, batch_size: 4, crop_frames: 0, precision: fp32, heldout_utterances: 0.2, heldout_unit: utterance}}
""")
    return lambda *settings: load_experiment(path, settings)


@pytest.fixture
def streams(tmp_path, conf):
    """A data directory of two languages with both streams; tones whose pitch tells the emotion."""
    source, rng = tmp_path / "source", np.random.default_rng(0)
    source.mkdir()
    rows = [
        (f"{language}-{speaker}-{number:02d}", language, f"{language}-{speaker}", names[number % len(names)])
        for language, names in EMOTIONS.items()
        for speaker in range(2)
        for number in range(9)
    ]
    for number, (utterance, _, _, emotion) in enumerate(rows):
        time = np.arange(RATE // 4 + 97 * (number % 5)) / RATE
        wave = 0.2 * np.sin(2 * np.pi * {"anger": 300, "boredom": 700, "joy": 1600}[emotion] * time)
        soundfile.write(
            source / f"{utterance}.wav", wave + 0.01 * rng.normal(size=len(wave)), RATE, subtype="FLOAT"
        )
    write_table(source / "wav.scp", {row[0]: source / f"{row[0]}.wav" for row in rows})
    for name, column in (("utt2lang", 1), ("utt2spk", 2), ("utt2emotion", 3)):
        write_table(source / name, {row[0]: row[column] for row in rows})
    data, made = DataDir(source), {}
    for name, stream in conf().streams.items():
        frames, _, model = stream_folders(conf())[name]
        folder = tmp_path / frames
        timbre_copy(data, folder)
        extract_features(DataDir(folder), stream_features(stream).features, folder / "arks", "1")
        collect_jobs(DataDir(folder), folder / "arks", "feats", ["utt2num_frames", "utt2dur"], 1, 0.0)
        vectors = None
        if model:
            vectors = tmp_path / f"{name}_vectors"
            extract_embeddings(TrainedModel.load(model), DataDir(folder), vectors / "parts", "1", "fail")
            collect_embeddings(DataDir(folder), vectors / "parts", vectors, 1, 0.0)
        made[name] = folder, vectors
    join_streams(data, made, tmp_path / "streams")
    return DataDir(tmp_path / "streams")


def timbre_copy(data: DataDir, folder) -> None:
    for name in ("wav.scp", "utt2spk", "utt2lang", "utt2emotion"):
        write_table(folder / name, data.table(name))


def test_from_streams_to_probabilities_that_audio_gives_too(tmp_path, conf, streams):
    train_experiment(conf("train.epochs=3"), streams, tmp_path / "exp", "cpu")
    model = load_classifier(tmp_path / "exp")
    assert model.languages == {"de": ["anger", "boredom", "joy"], "fr": ["anger", "joy"]}
    extract_posteriors(model, streams, tmp_path / "parts", "1", "fail")
    collect_posteriors(streams, tmp_path / "parts", tmp_path / "test", 1, 0.0)
    utterances, posteriors = read_vectors(tmp_path / "test" / "posteriors.scp")
    gates = read_vectors(tmp_path / "test" / "gates.scp")[1]
    np.testing.assert_allclose(posteriors.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(gates.sum(axis=1), 1, atol=1e-5)
    french = [row for row, name in enumerate(utterances) if name.startswith("fr")]
    assert (posteriors[french, 1] == 0).all() and (posteriors[french][:, [0, 2]] > 0).all()
    for row in (0, french[0]):  # audio alone, no labels, nothing but final.pt
        wave = streams.table("wav.scp")[utterances[row]]
        said = timbre.load(tmp_path / "exp").classify(wave, language=utterances[row][:2])
        columns = [["anger", "boredom", "joy"].index(name) for name in said]
        np.testing.assert_allclose(list(said.values()), posteriors[row, columns], atol=1e-5)
    other = conf("train.epochs=1", "train.seed=5")
    train_experiment(other, streams, tmp_path / "other", "cpu")
    pair = [model, load_classifier(tmp_path / "other")]
    each = [one.classify(wave, language="fr") for one in pair]
    together = classify(pair, wave, language="fr")  # as of folds: each by its own statistics
    assert together["joy"] == pytest.approx((each[0]["joy"] + each[1]["joy"]) / 2) and each[0] != each[1]


def test_audio_at_another_rate_is_refused_or_resampled_by_every_stream(tmp_path, conf, streams):
    resampling = ("train.epochs=1", "streams.mfcc.features.resample=true", "streams.ge2e.resample=true")
    train_experiment(conf("train.epochs=1"), streams, tmp_path / "strict", "cpu")
    train_experiment(conf(*resampling), streams, tmp_path / "lenient", "cpu")
    wave = np.sin(2 * np.pi * 300 * np.arange(2 * RATE) / (2 * RATE)).astype(np.float32)
    with pytest.raises(
        TimbreError, match="samples: 16000 Hz; this model was trained at 8000 Hz: resample it first"
    ):
        timbre.load(tmp_path / "strict").classify(wave, 2 * RATE, "de")
    lenient = timbre.load(tmp_path / "lenient")
    found = lenient.extract(wave, 2 * RATE)
    direct = lenient.extract(wave[::2], RATE)
    assert {name: values.shape for name, values in found.items()} == {n: v.shape for n, v in direct.items()}
    assert sum(lenient.classify(wave, 2 * RATE, "de").values()) == pytest.approx(1, abs=1e-5)


def test_the_language_must_be_told_and_known(tmp_path, conf, streams):
    train_experiment(conf("train.epochs=1"), streams, tmp_path / "exp", "cpu")
    wave = next(iter(streams.table("wav.scp").values()))
    with pytest.raises(TimbreError, match=r"--lang is missing \(known: de, fr\)"):
        load_classifier(tmp_path / "exp").classify(wave)
    with pytest.raises(TimbreError, match="the language 'fa' is not known"):
        load_classifier(tmp_path / "exp").classify(wave, language="fa")


def test_every_parameter_of_every_language_is_trained_and_saved(tmp_path, conf, streams):
    fine = conf(
        "train.epochs=1",
        "train.average=1",
        "streams.ge2e.fine_tuning=0.01",
        "fusion.contrastive_weights={de: 0.5, fr: 0.5}",
    )
    before, original = {}, Trainer.run

    def watched(self):
        before.update({name: value.detach().clone() for name, value in self._criterion.named_parameters()})
        return original(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "run", watched)
        train_experiment(fine, streams, tmp_path / "exp", "cpu")
    state = read_model(tmp_path / "exp")
    after = {f"encoder.{name}": value for name, value in state["encoder"].items()}
    after |= {f"loss.{name}": value for name, value in state["loss"].items()}
    still = [name for name, value in before.items() if torch.equal(after[name], value)]
    assert still == [], still
    assert {name.split(".")[2] for name in after if ".heads." in name} == {"de", "fr"}


def test_a_fine_tuned_model_moves_slowly_and_another_not_at_all(tmp_path, conf, streams, speaker_model):
    def moved(name: str, *settings: str) -> float:
        train_experiment(conf("train.epochs=1", "train.average=1", *settings), streams, tmp_path / name, "cpu")
        state = read_model(tmp_path / name)
        weights = state["encoder"].get(
            "encoders.ge2e.embedding.weight", state["streams"]["ge2e"]["state"]["encoder"]["embedding.weight"]
        )
        return float((weights - read_model(speaker_model)["encoder"]["embedding.weight"]).abs().max())

    assert moved("frozen") == 0.0
    slow, fast = moved("slow", "streams.ge2e.fine_tuning=0.01"), moved("fast", "streams.ge2e.fine_tuning=1")
    assert 0 < slow < fast / 10


def test_statistics_are_those_of_what_is_trained_on(conf, streams):
    speech = FusionSpeech(conf(), streams)
    assert speech.held and not set(speech.held) & set(speech.labels)
    plain = StreamReader(streams, conf().streams)
    frames = [plain.read(name)["mfcc"] for name in speech.labels]
    np.testing.assert_allclose(speech.statistics["mfcc"], global_statistics(frames, True, False))
    every = global_statistics([plain.read(name)["mfcc"] for name in plain.utterances], True, False)
    assert np.abs(every - speech.statistics["mfcc"]).max() > 1e-4
    normalised = np.concatenate([speech.whole.read(name)["mfcc"] for name in speech.labels])
    np.testing.assert_allclose(normalised.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(normalised.std(axis=0), 1, atol=1e-2)


def test_batches_are_of_one_language_in_turn_and_cover_every_utterance(conf, streams):
    speech = FusionSpeech(conf(), streams)
    batches = LanguageBatches(speech, conf().train)
    seen = [batches[place] for place in range(len(batches))]
    assert sorted(name for batch in seen for name in batch.utterances) == sorted(speech.labels)
    assert all({name[:2] for name in batch.utterances} == {batch.streams.language} for batch in seen)
    assert all(len(batch.utterances) >= 2 for batch in seen)
    languages = [batch.streams.language for batch in seen]
    assert "dede" + "dede" not in "".join(languages) and set(languages) == {"de", "fr"}
    batches.set_epoch(1)
    assert [batches[place].utterances for place in range(len(batches))] != [batch.utterances for batch in seen]


def test_killed_and_started_again_it_ends_with_the_same_weights(tmp_path, conf, streams):
    settings = ("train.epochs=2", "train.checkpoint_steps=1", "streams.ge2e.fine_tuning=0.01", "fusion.dropout=0.2")
    train_experiment(conf(*settings), streams, tmp_path / "whole", "cpu")

    class KilledError(Exception):
        """The run's end in the middle."""

    steps, original = [], Trainer._step

    def dies(self, *arguments):
        steps.append(1)
        if len(steps) == 6:
            raise KilledError
        return original(self, *arguments)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(Trainer, "_step", dies)
        train_experiment(conf(*settings), streams, tmp_path / "killed", "cpu")
    train_experiment(conf(*settings), streams, tmp_path / "killed", "cpu")
    whole, killed = (read_model(tmp_path / name)["encoder"] for name in ("whole", "killed"))
    assert all(torch.equal(value, killed[name]) for name, value in whole.items())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["use=[mfcc]"], "fusion.gate listens to the stream 'ge2e'"),
        (["use=[mfc]"], "use names 'mfc', which is none of streams .did you mean 'mfcc'"),
        (["streams.mfcc.featurs=1"], "unknown key 'streams.mfcc.featurs' .did you mean 'features'"),
        (["streams.mfcc.model=x"], "a stream has either features or a model"),
        (["streams={}"], "task fusion has streams to fuse"),
        (["train.features=online"], "reads its streams from ark"),
    ],
)
def test_confs_that_cannot_be(tmp_path, conf, streams, settings, said):
    with pytest.raises(TimbreError, match=said):
        train_experiment(conf(*settings), streams, tmp_path / "exp", "cpu")


def test_a_stream_that_lacks_an_utterance_is_named(conf, streams):
    table = streams.table("feats_mfcc.scp")
    lost = table.popitem()[0]
    write_table(streams.path / "feats_mfcc.scp", table)
    with pytest.raises(TimbreError, match=f"stream mfcc lacks '{lost}' .1 of 36 utterances"):
        StreamReader(DataDir(streams.path), conf().streams)


def test_the_folder_of_a_stream_is_named_by_the_weights_and_not_by_their_place(tmp_path, conf, speaker_model):
    there = stream_folders(conf())["ge2e"]
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    state = read_model(speaker_model)
    save_tensors(moved / "final.pt", state)
    assert stream_folders(conf(f"streams.ge2e.model={moved}"))["ge2e"][:2] == there[:2]
    state["encoder"]["embedding.bias"] += 1
    save_tensors(moved / "final.pt", state)
    assert stream_folders(conf(f"streams.ge2e.model={moved}"))["ge2e"][1] != there[1]
    assert isinstance(conf(), Experiment)


def test_english_and_persian_train_at_their_published_widths(tmp_path, conf, streams):
    renamed = {"de": "fa", "fr": "en"}
    write_table(
        streams.path / "utt2lang", {name: renamed[lang] for name, lang in streams.table("utt2lang").items()}
    )
    settings = ("fusion.widths={en: 256, fa: 1024}", "fusion.dropout=0.1", "train.epochs=1")
    train_experiment(conf(*settings), DataDir(streams.path), tmp_path / "exp", "cpu")
    weights = read_model(tmp_path / "exp")["encoder"]
    assert [weights[f"heads.fa.linears.{layer}.weight"].shape[0] for layer in range(4)] == [2048, 1024, 512, 256]
    assert weights["heads.en.classes.weight"].shape == (2, 128)
    wave = next(iter(streams.table("wav.scp").values()))
    said = [timbre.load(tmp_path / "exp").classify(wave, language=lang) for lang in ("en", "fa", "en")]
    assert said[0] == said[2] and len(said[1]) == 3  # dropout has no say once it is trained


def test_a_language_of_one_batch_among_many_has_statistics_of_its_own(tmp_path, conf, streams):
    lonely = [name for name in streams.utt2spk if name.startswith("fr")][:4]
    kept = [name for name in streams.utt2spk if name.startswith("de") or name in lonely]
    for name in [path.name for path in streams.path.iterdir() if path.is_file() and path.name != "feats.skipped"]:
        table = streams.table(name)
        if set(kept) <= table.keys():
            write_table(streams.path / name, {utterance: table[utterance] for utterance in kept})
    settings = ("train.heldout_utterances=0", "train.batch_size=2", "train.epochs=3", "train.average=2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Task, "norm_batches", 1)  # of other tasks: the first batch is German
        train_experiment(conf(*settings), DataDir(streams.path), tmp_path / "exp", "cpu")
    weights = read_model(tmp_path / "exp")["encoder"]
    for language in ("de", "fr"):
        assert (weights[f"heads.{language}.norms.0.running_mean"] != 0).any()


def test_neither_labels_nor_a_table_of_languages_are_needed_to_predict(tmp_path, conf, streams, speaker_model):
    train_experiment(conf("train.epochs=1", "streams.ge2e.fine_tuning=0.01"), streams, tmp_path / "exp", "cpu")
    (streams.path / "utt2emotion").unlink()
    extract_posteriors(load_classifier(tmp_path / "exp"), DataDir(streams.path), tmp_path / "own", "1", "fail")
    own = read_vectors(tmp_path / "own" / "posteriors.1.scp")[1]
    (streams.path / "utt2lang").unlink()
    (speaker_model / "final.pt").unlink()  # final.pt of the fusion has all that it needs
    model = load_classifier(tmp_path / "exp")
    extract_posteriors(model, DataDir(streams.path), tmp_path / "de", "1", "fail", language="de")
    german = read_vectors(tmp_path / "de" / "posteriors.1.scp")[1]
    np.testing.assert_allclose(german[:18], own[:18], atol=1e-6)
    assert (german[18:, 1] > 0).all()  # boredom, which French does not have
    with pytest.raises(TimbreError, match="--lang is missing"):
        extract_posteriors(model, DataDir(streams.path), tmp_path / "none", "1", "fail")


def test_another_front_end_does_not_go_on_with_the_old_model(tmp_path, conf, streams, speaker_model):
    train_experiment(conf("train.epochs=1"), streams, tmp_path / "exp", "cpu")
    state = read_model(speaker_model)
    state["encoder"]["embedding.bias"] += 1
    save_tensors(speaker_model / "final.pt", state)
    with pytest.raises(TimbreError, match="exp holds another experiment .it was trained on features streams2-"):
        train_experiment(conf("train.epochs=1"), streams, tmp_path / "exp", "cpu")


def test_vectors_are_normalised_by_what_is_trained_on(conf, streams):
    speech = FusionSpeech(conf(), streams)
    vectors = np.concatenate([speech.whole.vector("ge2e", name) for name in speech.labels])
    np.testing.assert_allclose(speech.statistics["ge2e"], global_statistics([vectors], True, False), rtol=1e-5)


def test_balanced_batches_have_every_class_about_as_often(conf, streams):
    speech = FusionSpeech(conf("train.sampler=balanced"), streams)
    speech.labels = {name: label for name, label in speech.labels.items() if label != 0 or name.endswith("00")}
    batches = LanguageBatches(speech, conf("train.sampler=balanced").train)
    drawn = []
    for epoch in range(40):
        batches.set_epoch(epoch)
        parts = [batches[place] for place in range(len(batches))]
        drawn += [label for batch in parts if batch.streams.language == "de" for label in batch.labels.tolist()]
    shares = np.bincount(drawn) / len(drawn)
    np.testing.assert_allclose(shares, 1 / 3, atol=0.06)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_no_batch_has_a_single_row(conf, streams, size):
    speech = FusionSpeech(conf(), streams)
    speech.labels = dict(list(speech.labels.items())[:5]) | {
        n: k for n, k in speech.labels.items() if n[:2] == "fr"
    }
    batches = LanguageBatches(speech, conf(f"train.batch_size={size}").train)
    assert min(len(batches[place].utterances) for place in range(len(batches))) >= 2
