"""The course's data from its JSON files and tensors: each contradiction named, the stand-in read as the data is."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from messages import names, refused

from timbre.corpora import ml2023hw4
from timbre.corpora.layout import SYNTHETIC, is_synthetic
from timbre.corpora.ml2023hw4 import prepare, write_submission
from timbre.corpora.ml2023hw4_stand_in import lay_out
from timbre.corpora.rows import Row, summary, write_data_dirs
from timbre.features import given
from timbre.features.extract import extract_features
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.jobs import collect_jobs
from timbre.kaldi.tables import read_matrix
from timbre.kaldi.text import read_table, write_table
from timbre.kaldi.validate import validate
from timbre.stages.prepare import _about


@pytest.fixture
def source(toy_data):
    """A data directory with features."""
    return toy_data("source", speakers=3, utterances=5, dim=6)


@pytest.fixture
def corpus(source, tmp_path):
    """Its frames as the course's data: 12 labelled utterances of 3 speakers, 3 to test."""
    lay_out(source, tmp_path / "Dataset", test_share=0.2, seed=1)
    return tmp_path / "Dataset"


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_stand_in_to_data_directories_to_features_gives_the_source_back(source, corpus, tmp_path):
    parts = prepare(corpus)
    write_data_dirs(tmp_path / "data", parts)
    arrays = {}
    for part in ("labelled", "test"):
        data = DataDir(tmp_path / "data" / part)
        validate(data.path, feats=False, text=False)
        extract_features(data, given.Conf(dim=6), data.path / "arks", "1")
        collect_jobs(data, data.path / "arks", "feats", ["utt2num_frames"], 1, 0.0)
        assert read_table(data.path / "utt2num_frames") == read_table(data.path / "utt2mel_len")
        arrays[part] = {utt: read_matrix(rxfile) for utt, rxfile in data.table("feats.scp").items()}
    assert (len(arrays["labelled"]), len(arrays["test"])) == (12, 3)
    spoken = {utt: read_matrix(rxfile) for utt, rxfile in source.table("feats.scp").items()}
    found = [*arrays["labelled"].values(), *arrays["test"].values()]
    assert sorted(array.tobytes() for array in found) == sorted(array.tobytes() for array in spoken.values())
    whose = {array.tobytes(): source.utt2spk[utt] for utt, array in spoken.items()}
    labelled = DataDir(tmp_path / "data/labelled").utt2spk
    assert all(whose[array.tobytes()] == labelled[utt] for utt, array in arrays["labelled"].items())
    assert all(utt.startswith(f"{speaker}-uttr-") for utt, speaker in labelled.items())
    assert all(utt == speaker for utt, speaker in DataDir(tmp_path / "data/test").utt2spk.items())


def test_nothing_of_a_test_utterance_tells_its_speaker(corpus):
    paths = [one["feature_path"] for one in read(corpus / "testdata.json")["utterances"]]
    assert paths == sorted(paths) and all(len(path) == len("uttr-.pt") + 32 for path in paths)


def test_again_keeps_what_is_there_and_mends_the_rest(source, corpus):
    files = sorted(corpus.glob("*.pt"))
    before = {path.name: path.stat().st_mtime_ns for path in files}
    texts = {path.name: path.read_text() for path in corpus.glob("*.json")}
    files[3].unlink()
    (corpus / "mapping.json").unlink()
    lay_out(source, corpus, test_share=0.2, seed=1)
    after = {path.name: path.stat().st_mtime_ns for path in corpus.glob("*.pt")}
    assert [name for name in before if after[name] != before[name]] == [files[3].name]
    assert {path.name: path.read_text() for path in corpus.glob("*.json")} == texts


def test_the_data_itself_is_not_overwritten(source, corpus):
    (corpus / "README").unlink()
    with refused("Dataset", "README"):
        lay_out(source, corpus, test_share=0.2, seed=1)


def test_a_stand_in_says_what_it_is_made_of(source, corpus, tmp_path):
    about = _about("The data.", corpus)
    assert not is_synthetic(corpus) and names(about, "Other speech", "The data.") and "espeak" not in about
    spoken = tmp_path / "spoken"
    (spoken / "wav").mkdir(parents=True)
    (spoken / "README").write_text(f"{SYNTHETIC}\n")
    write_table(source.path / "wav.scp", {utt: spoken / "wav" / f"{utt}.wav" for utt in source.utt2spk})
    lay_out(DataDir(source.path), tmp_path / "synthetic", test_share=0.2, seed=1)
    assert is_synthetic(tmp_path / "synthetic")
    assert names(_about("The data.", tmp_path / "synthetic"), "Synthetic speech", "espeak-ng")


def test_stand_ins_that_cannot_be(source, tmp_path):
    with refused("--test-share", "found 1"):
        lay_out(source, tmp_path / "out", test_share=1, seed=1)
    write_table(source.path / "utt2spk", {utt: utt for utt in source.utt2spk})
    with refused("/source", "s00-0, s00-1, ", "10 more"):
        lay_out(DataDir(source.path), tmp_path / "out", test_share=0.5, seed=1)
    assert not (tmp_path / "out").exists()


def edit(name, change):
    """Changes a JSON file of the corpus."""

    def apply(corpus):
        values = read(corpus / name)
        change(values)
        (corpus / name).write_text(json.dumps(values), encoding="utf-8")

    return apply


def first(values):
    """The first utterance of metadata.json."""
    return values["speakers"]["s00"][0]


def named(name, key, value):
    return edit("metadata.json", lambda values: first(values).__setitem__(key, value))


def text(name, content):
    return lambda corpus: (corpus / name).write_bytes(content)


def share_a_feature(corpus):
    path = first(read(corpus / "metadata.json"))["feature_path"]
    edit("testdata.json", lambda values: values["utterances"][0].__setitem__("feature_path", path))(corpus)


def list_twice(corpus):
    edit("metadata.json", lambda values: values["speakers"]["s01"].append(first(values)))(corpus)


def remove_two_files(corpus):
    for number, one in enumerate(read(corpus / "metadata.json")["speakers"]["s01"][:2]):
        path = corpus / one["feature_path"]
        path.write_bytes(b"") if number else path.unlink()


FAULTS = {
    "no metadata": (lambda corpus: (corpus / "metadata.json").unlink(), ["Dataset: ", "metadata.json"]),
    "no mapping": (lambda corpus: (corpus / "mapping.json").unlink(), ["mapping.json: ", "unpack"]),
    "not JSON": (text("testdata.json", b"{'n_mels': 40}"), ["testdata.json: ", "JSON", "line 1 column 2"]),
    "not UTF-8": (text("mapping.json", b'{"caf\xe9": 1}'), ["mapping.json: ", "UTF-8", "0xe9"]),
    "too deep": (text("mapping.json", b"[" * 100_000), ["mapping.json: ", "unpack"]),
    "a key twice": (
        text("mapping.json", b'{"speaker2id": {"a": 0, "a": 1}, "id2speaker": {"0": "a"}}'),
        ["mapping.json: ", "key 'a'"],
    ),
    "not an object": (text("mapping.json", b"[]"), ["mapping.json: ", "'[]'"]),
    "no key": (edit("metadata.json", lambda values: values.pop("n_mels")), ["metadata.json: n_mels: "]),
    "no feature_path": (
        edit("metadata.json", lambda values: first(values).pop("feature_path")),
        ["metadata.json: speakers.s00.0.feature_path: "],
    ),
    "length of another type": (
        named("metadata.json", "mel_len", "435"),
        ["metadata.json: speakers.s00.0.mel_len: ", "integer", "'435'"],
    ),
    "length of nothing": (named("metadata.json", "mel_len", 0), ["s00.0.mel_len: ", "greater than 0", "'0'"]),
    "a truth for a number": (named("metadata.json", "mel_len", True), ["s00.0.mel_len: ", "integer", "'True'"]),
    "many at once": (
        edit("testdata.json", lambda values: [one.pop("mel_len") for one in values["utterances"]]),
        ["testdata.json: ", *(f"utterances.{number}.mel_len: " for number in range(3))],
    ),
    "out of the folder": (
        named("metadata.json", "feature_path", "../secret.pt"),
        ["s00.0.feature_path: ", "folder", "'../secret.pt'"],
    ),
    "out of a folder in it": (
        named("metadata.json", "feature_path", "a/../../x.pt"),
        ["s00.0.feature_path: ", "folder", "'a/../../x.pt'"],
    ),
    "absolute": (
        named("metadata.json", "feature_path", "/etc/passwd"),
        ["feature_path: ", "folder", "/etc/passwd"],
    ),
    "two lines": (named("metadata.json", "feature_path", "a\nb.pt"), ["feature_path: ", "spaces", r"'a\nb.pt'"]),
    "n_mels": (
        edit("testdata.json", lambda values: values.update(n_mels=80)),
        ["n_mels", "6 in metadata.json", "80 in testdata.json"],
    ),
    "an unknown speaker": (
        edit("mapping.json", lambda values: (values["speaker2id"].pop("s01"), values["id2speaker"].pop("1"))),
        ["metadata.json: ", "speaker2id", "mapping.json: s01"],
    ),
    "one number for two": (
        edit("mapping.json", lambda values: values["speaker2id"].update(s02=1)),
        ["mapping.json: speaker2id: ", "'s01'", "'s02'", "number, 1"],
    ),
    "another way back": (
        edit("mapping.json", lambda values: values["id2speaker"].update({"1": "s02"})),
        ["mapping.json: number 1 ", "s01 by speaker2id", "s02 by id2speaker"],
    ),
    "no way back": (
        edit("mapping.json", lambda values: values["id2speaker"].pop("2")),
        ["mapping.json: number 2 ", "s02 by speaker2id", "nobody by id2speaker"],
    ),
    "no way there": (
        edit("mapping.json", lambda values: values["id2speaker"].update({"3": "s03"})),
        ["mapping.json: number 3 ", "nobody by speaker2id", "s03 by id2speaker"],
    ),
    "twice": (list_twice, [".pt ", "metadata.json (speaker s00)", "metadata.json (speaker s01)"]),
    "in both parts": (share_a_feature, [".pt ", "metadata.json (speaker s00)", "testdata.json"]),
    "files that are not there": (remove_two_files, ["metadata.json: ", "2 of 12", ".pt, uttr-", "unpack"]),
    "a folder that is not there": (
        edit("testdata.json", lambda values: values["utterances"][0].update(feature_path="a/b.pt")),
        ["testdata.json: ", "1 of 3", "a/b.pt"],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named_by_file_and_key(corpus, fault):
    spoil, wanted = FAULTS[fault]
    prepare(corpus)
    spoil(corpus)
    with refused(*wanted) as failed:
        prepare(corpus)
    assert "\n" not in str(failed.value) and len(str(failed.value)) < 600


def test_the_folder_above_is_not_the_root(corpus):
    with refused(f"{corpus.parent}: ", "metadata.json", corpus):
        prepare(corpus.parent)


def test_files_may_lie_in_folders(corpus):
    (corpus / "more").mkdir()
    path = first(read(corpus / "metadata.json"))["feature_path"]
    shutil.move(corpus / path, corpus / "more" / path)
    named("metadata.json", "feature_path", f"./more//{path}")(corpus)
    files = {row.utterance: row.given for row in prepare(corpus)["labelled"]}
    assert files[f"s00-{path.removesuffix('.pt')}"] == corpus / "more" / path


def test_summary_does_not_count_speakers_that_nobody_knows(corpus):
    said = list(summary(prepare(corpus), ml2023hw4.EXPECTED))
    assert names(said[0], "labelled: 12 utterances", "3 speakers", "56666", "600 speakers")
    assert names(said[1], "test: 3 utterances", "4000") and "3 speakers" not in said[1]
    whole = [Row(f"u{number}", f"u{number}", given="x.pt") for number in range(4000)]
    (complete,) = summary({"test": whole}, ml2023hw4.EXPECTED)
    assert names(complete, "4000 utterances") and "4000 speakers" not in complete


def test_rows_have_audio_or_frames(tmp_path):
    with refused("test", "'b-1'", "y.wav", "wav.scp", "given.scp"):
        write_data_dirs(tmp_path, {"test": [Row("a-1", "a", given="x.pt"), Row("b-1", "b", "y.wav")]})


def test_submission_has_a_line_for_each_utterance_in_their_order(corpus, tmp_path):
    edit("testdata.json", lambda values: values["utterances"].reverse())(corpus)
    paths = [one["feature_path"] for one in read(corpus / "testdata.json")["utterances"]]
    best = dict(zip([path.removesuffix(".pt") for path in sorted(paths)], ["s02", "s00", "s01"], strict=True))
    assert write_submission(corpus, best, ["s00", "s01", "s02"], tmp_path / "out.csv") == 3
    wanted = ["Id,Category"] + [f"{path},{best[path[:-3]]}" for path in paths]
    assert (tmp_path / "out.csv").read_bytes().decode() == "\n".join(wanted) + "\n"
    some = dict(list(best.items())[1:])
    for found, classes, wanted in (
        (some, ["s00"], ("testdata.json", sorted(paths)[0][:-3], "stage 3")),
        (best | {"s00-uttr-1": "s00"}, ["s00"], ("testdata.json", "s00-uttr-1", "stage 3")),
        (best, ["s00", "s09"], ("mapping.json", "speaker2id", "s09")),
    ):
        with refused(*wanted):
            write_submission(corpus, found, classes, tmp_path / "bad.csv")
    assert not (tmp_path / "bad.csv").exists()


def test_commands(corpus, tmp_path, capsys):
    from timbre.__main__ import main
    from timbre.scoring.posteriors import Posteriors

    stems = [one["feature_path"][:-3] for one in read(corpus / "testdata.json")["utterances"]]
    matrix = np.float32([[0.2, 0.5, 0.3], [0.6, 0.2, 0.2], [0.1, 0.1, 0.8]])
    Posteriors(stems, ["s00", "s01", "s02"], matrix).write(tmp_path / "post")
    main(["prepare", "--corpus-kind", "ml2023hw4", "--corpus", str(corpus), "--out", str(tmp_path / "data")])
    options = ["--posteriors", tmp_path / "post", "--corpus", corpus, "--out", tmp_path / "s.csv"]
    main(["make-submission", *map(str, options)])
    assert (tmp_path / "s.csv").read_text().splitlines()[1:] == [
        f"{stem}.pt,{speaker}" for stem, speaker in zip(stems, ["s01", "s00", "s02"], strict=True)
    ]
    assert names(capsys.readouterr().out, "labelled: 12 utterances", "test: 3 utterances")
    saved = torch.load(corpus / f"{stems[0]}.pt", weights_only=True)
    assert saved.dtype == torch.float32 and saved.shape[1] == 6
