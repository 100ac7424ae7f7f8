"""The tree of AISHELL-1, for a synthetic stand-in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from timbre.corpora.layout import Layout, Utterance, lines

_FIRST_SPEAKER = {"train": 2, "dev": 724, "test": 764}


def _place(part: str, speaker: int, utterance: int) -> tuple[str, str, str]:
    spk = f"S{_FIRST_SPEAKER[part] + speaker - 1:04d}"
    stem = f"BAC009{spk}W{120 + utterance:04d}"
    return spk, stem, f"data_aishell/wav/{part}/{spk}/{stem}.wav"


def _files(utterances: Sequence[Utterance]) -> Mapping[str, str]:
    """Transcripts and genders."""
    return {
        "data_aishell/transcript/aishell_transcript_v0.8.txt": lines(
            f"{one.utterance} {one.text}" for one in utterances
        ),
        "resource_aishell/speaker.info": lines(f"{one.speaker[1:]} {one.gender.upper()}" for one in utterances),
    }


LAYOUT = Layout(
    "AISHELL-1",
    tuple(_FIRST_SPEAKER),
    _place,
    _files,
    defaults={"language": "cmn", "train_speakers": 70, "dev_speakers": 1, "test_speakers": 6, "utterances": 10},
)
