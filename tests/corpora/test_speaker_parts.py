"""Two parts without a speaker in both."""

from __future__ import annotations

import pytest
from messages import names, refused

from timbre.corpora.speaker_parts import split_speakers
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.text import write_table


@pytest.fixture
def source(tmp_path) -> DataDir:
    """Ten speakers, the first with eleven utterances, each other with two."""
    utt2spk = {f"s{s}-{u:02d}": f"s{s}" for s in range(10) for u in range(2 if s else 11)}
    (tmp_path / "all").mkdir()
    for name, table in (("utt2spk", utt2spk), ("wav.scp", {name: f"/{name}.wav" for name in utt2spk})):
        write_table(tmp_path / "all" / name, table)
    return DataDir(tmp_path / "all")


def split(source: DataDir, share: float = 0.3, seed: int = 1) -> tuple[list[str], DataDir, DataDir]:
    parts = [source.path.parent / name for name in ("train", "test")]
    return list(split_speakers(source, *parts, share, seed)), *map(DataDir, parts)


def test_whole_speakers_are_drawn_by_hash(source) -> None:
    said, train, test = split(source)
    assert not set(train.utt2spk.values()) & set(test.utt2spk.values())
    assert train.utt2spk | test.utt2spk == source.utt2spk
    assert len(set(test.utt2spk.values())) == 3
    assert names(" ".join(said), f"{len(test.utt2spk)} utterances of {len(set(test.utt2spk.values()))} speakers")
    chosen = [sorted(split(source, seed=seed)[2].utt2spk) for seed in (1, 1, 2, 3)]
    assert chosen[0] == chosen[1] and len({tuple(each) for each in chosen}) > 1


def test_the_table_of_the_split_decides(source) -> None:
    part_of = {name: "test" if speaker in ("s1", "s2") else "train" for name, speaker in source.utt2spk.items()}
    write_table(source.path / "utt2split", part_of)
    _, _, test = split(DataDir(source.path))
    assert set(test.utt2spk.values()) == {"s1", "s2"}
    write_table(source.path / "utt2split", part_of | {"s1-00": "train"})
    with refused("utt2split", "s1"):
        split(DataDir(source.path))
    write_table(source.path / "utt2split", part_of | {"s1-00": "dev"})
    with refused("utt2split", "dev", "train, test"):
        split(DataDir(source.path))


def test_too_few_to_test_are_refused(source) -> None:
    with refused("--share 1"):
        split(source, 1.0)
    with refused("1 to test", "--share"):
        split(source, 0.05)
