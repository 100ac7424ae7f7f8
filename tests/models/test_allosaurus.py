"""The recogniser's conf: its phones and phonemes, from data, an inventory and a table of allophones."""

from __future__ import annotations

import pytest
import torch
from messages import refused

from timbre.conf import build
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.text import write_table
from timbre.models.allosaurus import Conf, Encoder, complete


@pytest.fixture
def data(tmp_path):
    said = {"a-1": "t a t", "a-2": "k o", "b-1": "t ɾ a"}
    for name, table in {
        "utt2spk": {utt: utt[0] for utt in said},
        "utt2lang": {"a-1": "en", "a-2": "en", "b-1": "es"},
        "phones": said,
    }.items():
        write_table(tmp_path / "data" / name, table)
    return DataDir(tmp_path / "data")


def test_the_phones_are_those_of_the_data(data):
    conf = complete(Conf(), data)
    assert conf.phones == ("a", "k", "o", "t", "ɾ")
    assert conf.phonemes == {"en": ("a", "k", "o", "t"), "es": ("a", "t", "ɾ")}
    assert complete(conf, data) == conf
    assert build(Conf, conf.model_dump(mode="json")) == conf  # as final.pt holds it


def test_an_allophone_table_and_an_inventory(data, tmp_path):
    (tmp_path / "allophones").write_text("en t t ɾ\nen o oʊ\n")
    (tmp_path / "inventory").write_text("<blk> 0\nɾ 2\nt 1\na 3\nk 4\noʊ 5\n")
    conf = Conf(allophones=str(tmp_path / "allophones"))
    assert complete(conf, data).phones == ("a", "k", "oʊ", "t", "ɾ")
    done = complete(conf.model_copy(update={"inventory": str(tmp_path / "inventory")}), data)
    assert done.phones == ("t", "ɾ", "a", "k", "oʊ")
    assert done.phonemes == {"en": ("a", "k", "o oʊ", "t t ɾ"), "es": ("a", "t", "ɾ")}
    assert done.realisations()["en"] == {"a": ("a",), "k": ("k",), "o": ("oʊ",), "t": ("t", "ɾ")}


def test_a_phone_that_the_inventory_lacks_is_refused_by_name(data, tmp_path):
    (tmp_path / "inventory").write_text("t\na\nɾ\n")
    with refused("a-2", "'k' of en", tmp_path / "inventory", "encoder.allophones"):
        complete(Conf(inventory=str(tmp_path / "inventory")), data)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a 1\nb 3\n", ("inventory:", "1 to 2")),
        ("a\na\n", ("inventory:2:", "'a'")),
        ("a b\n", ("inventory:1:", "'a b'")),
        ("\n", ("inventory:1:", "''")),
    ],
)
def test_inventories_that_are_none(data, tmp_path, text, wanted):
    (tmp_path / "inventory").write_text(text)
    with refused(*wanted):
        complete(Conf(inventory=str(tmp_path / "inventory")), data)


@pytest.mark.parametrize("text", ["en t\n", "en t ɾ ɾ\n", "en t t\nen t ɾ\n"])
def test_tables_of_allophones_that_are_none(data, tmp_path, text):
    (tmp_path / "allophones").write_text(text)
    with refused(f"allophones:{len(text.splitlines())}:", repr(text.splitlines()[-1])):
        complete(Conf(allophones=str(tmp_path / "allophones")), data)


def test_transcripts_must_be_there_for_every_utterance(data):
    write_table(data.path / "phones", {"a-1": "t a t", "b-1": "t"})
    with refused(data.path / "phones", "a-2"):
        complete(Conf(), data)


def test_the_embedding_is_the_mean_of_real_logits():
    with refused("encoder.phones", "task: phones"):
        Encoder(Conf(), 3)
    torch.manual_seed(0)
    encoder = Encoder(Conf(layers=1, hidden=4, stack=2, phones=("a", "b")), 3).eval()
    feats, lengths = torch.randn(2, 7, 3), torch.tensor([7, 3])
    logits, counts = encoder.frames(feats, lengths)
    assert counts.tolist() == [4, 2] and logits.shape == (2, 4, 3)
    torch.testing.assert_close(encoder(feats, lengths)[1], logits[1, :2].mean(dim=0))
