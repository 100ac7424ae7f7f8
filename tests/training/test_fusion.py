"""How a fusion of streams is trained: what on, in which batches, which parameters, again after a kill."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch
from messages import refused

import timbre
from timbre.features.cmvn import global_statistics
from timbre.features.extract import extract_features
from timbre.features.published import read_model
from timbre.features.tensors import save_tensors
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.perturb import add_speed_copies
from timbre.kaldi.text import read_table, write_table
from timbre.kaldi.waveform import Waveform
from timbre.models.streams import Extractor, StreamReader
from timbre.training.fusion_speech import FusionSelection, FusionSpeech, LanguageBatches
from timbre.training.naming import features_name, stream_folders
from timbre.training.task import Task
from timbre.training.train import train_experiment
from timbre.training.trainer import Trainer


@pytest.fixture
def conf(fusion_conf):
    return fusion_conf


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


def test_copies_of_what_is_held_out_are_not_trained_on(tmp_path, conf, streams):
    copies = tmp_path / "copies"
    add_speed_copies(streams, [0.9], copies)
    plain, selection = (FusionSelection(conf(), data, list(data.utt2spk)) for data in (streams, DataDir(copies)))
    assert selection.held == plain.held and selection.classes == plain.classes
    assert selection.labels.keys() == plain.labels.keys() | {f"sp0.9-{name}" for name in plain.labels}
    plain.add_speed_copies([0.9])  # as the conf is checked before there are copies
    assert plain.labels == selection.labels


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


def test_functionals_are_a_stream_of_vectors(tmp_path, conf, streams):
    settings = ["streams.functionals.features={kind: functionals, sample_rate: 8000}", "use=[functionals, ge2e]"]
    with_functionals = conf(*settings, "train.epochs=1", "train.average=1", "train.crop_frames=50")
    stream = with_functionals.streams["functionals"]
    extract_features(DataDir(tmp_path / "source"), stream.features, tmp_path / "arks", "1")
    for name, made in (
        ("feats_functionals.scp", "feats.1.scp"),
        ("utt2num_frames_functionals", "utt2num_frames.1"),
    ):
        write_table(streams.path / name, read_table(tmp_path / "arks" / made))
    assert not stream.framewise
    utterance = streams.path.parent / "source" / "de-0-00.wav"
    samples, rate = soundfile.read(utterance, dtype="float32")
    heard = Extractor.of(stream).front_end.of_audio(Waveform(samples, rate, "de-0-00"))
    read = StreamReader(streams, with_functionals.used_streams).read("de-0-00", 0.5, 50)["functionals"]
    np.testing.assert_allclose(read, heard)
    assert read.shape[0] == 1
    train_experiment(with_functionals, streams, tmp_path / "exp", "cpu")
    state = read_model(tmp_path / "exp")
    assert state["streams"]["functionals"]["statistics"].shape == (2, read.shape[1])
    assert not any("functionals.lstm" in name for name in state["encoder"])


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
    ("settings", "wanted"),
    [
        (["fusion.gate_input=speaker", "fusion.speaker=voice"], ["fusion.gate_input", "'voice'"]),
        (["streams.ge2e.pooling=both"], ["streams.ge2e.pooling", "no effect"]),
        (["streams.mfcc.pooling=statistics", "streams.mfcc.layers=2"], ["streams.mfcc.", "pooling"]),
        (["use=[mfc]"], ["use ", "'mfc'", "'mfcc'"]),
        (["streams.mfcc.featurs=1"], ["'streams.mfcc.featurs'", "'features'"]),
        (["streams.mfcc.model=x"], ["streams.mfcc:", "features", "model"]),
        (["streams={}"], ["task fusion", "streams"]),
        (["train.features=online"], ["task fusion", "train.features online"]),
    ],
)
def test_confs_that_cannot_be(tmp_path, conf, streams, settings, wanted):
    with refused(*wanted):
        train_experiment(conf(*settings), streams, tmp_path / "exp", "cpu")


def test_a_stream_that_lacks_an_utterance_is_named(conf, streams):
    table = streams.table("feats_mfcc.scp")
    lost = table.popitem()[0]
    write_table(streams.path / "feats_mfcc.scp", table)
    with refused(streams.path, "stream mfcc", f"'{lost}'", "1 of 36", "steps/make_streams.sh"):
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


def test_the_folder_of_streams_tells_how_many_there_are_also_by_speaker(conf):
    third = "streams.functionals.features={kind: functionals, sample_rate: 8000}"
    plain, by_speaker = features_name(conf(third)), features_name(conf(third, "input.cmvn=speaker"))
    assert plain.startswith("streams3-") and by_speaker.startswith("streams3-") and plain != by_speaker


def test_english_and_persian_train_at_their_published_widths(tmp_path, conf, streams):
    renamed = {"de": "fa", "fr": "en"}
    write_table(
        streams.path / "utt2lang", {name: renamed[lang] for name, lang in streams.table("utt2lang").items()}
    )
    widths = ("fusion.widths={en: 256, fa: 1024}", "fusion.depths={fa: 4}")
    settings = (*widths, "fusion.dropout=0.1", "train.epochs=1")
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


def test_another_front_end_does_not_go_on_with_the_old_model(tmp_path, conf, streams, speaker_model):
    train_experiment(conf("train.epochs=1"), streams, tmp_path / "exp", "cpu")
    state = read_model(speaker_model)
    state["encoder"]["embedding.bias"] += 1
    save_tensors(speaker_model / "final.pt", state)
    with refused(tmp_path / "exp", "features streams2-", "--exp"):
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
