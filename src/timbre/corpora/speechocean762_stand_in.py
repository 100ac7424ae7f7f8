"""The tree of speechocean762, for a synthetic stand-in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from timbre.corpora.layout import Layout, Utterance, lines, speaker_tables

_FIRST_SPEAKER = {"train": 1, "test": 5001}


def _place(part: str, speaker: int, utterance: int) -> tuple[str, str, str]:
    spk = f"{_FIRST_SPEAKER[part] + speaker - 1:04d}"
    stem = f"0{spk}{utterance:04d}"
    return spk, stem, f"WAVE/SPEAKER{spk}/{stem}.WAV"


def _files(utterances: Sequence[Utterance]) -> Mapping[str, str]:
    """The tables of each part; ``wav.scp`` has tabs, as there."""
    files: dict[str, str] = {}
    for part in _FIRST_SPEAKER:
        mine = [one for one in utterances if one.part == part]
        files[f"{part}/wav.scp"] = lines(f"{one.utterance}\t{one.wav}" for one in mine)
        files[f"{part}/text"] = lines(f"{one.utterance}\t{one.text.upper()}" for one in mine)
        files |= speaker_tables(mine, part)
    return files


LAYOUT = Layout(
    "speechocean762",
    tuple(_FIRST_SPEAKER),
    _place,
    _files,
    defaults={"train_speakers": 30, "test_speakers": 10, "utterances": 20},
)
