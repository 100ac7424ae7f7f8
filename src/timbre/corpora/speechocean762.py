"""speechocean762 (OpenSLR 101, CC BY 4.0): non-native read English, 250 speakers, 5,000 utterances, 16 kHz.

    <corpus>/WAVE/SPEAKERnnnn/*.WAV
    <corpus>/{train,test}/{wav.scp,utt2spk,text,spk2gender,spk2age}

``wav.scp`` is tab separated, its paths relative to the corpus's root. Source: Zhang et al. (2021),
"speechocean762: An Open-Source Non-native English Speech Corpus For Pronunciation Assessment".
"""

from __future__ import annotations

from pathlib import Path

from timbre.corpora.download import Archive
from timbre.corpora.rows import Row, refuse_missing_audio, refuse_shared_speakers
from timbre.corpora.speechocean762_stand_in import LAYOUT as LAYOUT
from timbre.errors import TimbreError, some
from timbre.kaldi.text import read_optional, read_table

EXPECTED = {"train": (2500, 125), "test": (2500, 125)}  # utterances, speakers

# OpenSLR publishes no checksum of it; the size is the one that Kaldi's gop_speechocean762 recipe checks.
ARCHIVES = (
    Archive(
        url="https://www.openslr.org/resources/101/speechocean762.tar.gz",
        size=520_810_923,
        unpacked=750_000_000,
        folder="speechocean762",
    ),
)


def prepare(corpus: Path) -> dict[str, list[Row]]:
    """The rows of ``train`` and ``test``; ids become ``<speaker>-<utterance>``, so that they sort by speaker.

    Raises:
        TimbreError: for tables that do not name the same utterances, missing audio, a speaker in both parts.
    """
    parts = {part: _rows(corpus, part) for part in EXPECTED}
    refuse_missing_audio(parts, "unpack the archive again (timbre download --corpus-kind speechocean762)")
    refuse_shared_speakers(parts)
    return parts


def _rows(corpus: Path, part: str) -> list[Row]:
    folder = corpus / part
    if not folder.is_dir():
        inside = sorted(corpus.glob(f"*/{part}/wav.scp"))
        hint = f"it is {inside[0].parents[1]}" if inside else "it holds WAVE, train and test"
        raise TimbreError(f"{corpus}: not the root folder of speechocean762 (no '{part}' in it); {hint}")
    wavs, utt2spk = read_table(folder / "wav.scp", fields=2), read_table(folder / "utt2spk", fields=2)
    texts = read_table(folder / "text")
    for name, table in (("utt2spk", utt2spk), ("text", texts)):
        differ = sorted(set(wavs) ^ set(table))
        if differ:
            raise TimbreError(f"{folder}: wav.scp and {name} do not name the same utterances: {some(differ)}")
    of_speakers = {name: read_optional(folder / name, fields=2) or {} for name in ("spk2gender", "spk2age")}
    return [
        Row(
            f"{utt2spk[utt]}-{utt}",
            utt2spk[utt],
            corpus / wav,
            {"text": texts[utt]},
            {name: table[utt2spk[utt]] for name, table in of_speakers.items() if utt2spk[utt] in table},
        )
        for utt, wav in wavs.items()
    ]
