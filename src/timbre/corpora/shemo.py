"""ShEMO (Sharif emotional speech database): 87 speakers of Persian in radio plays, six emotions, 44.1 kHz.

    <corpus>/{female,male}/GSSENN.wav    gender, speaker, emotion by its initial, number: F21N37.wav
    <corpus>/shemo.json                  optional: {"F21N37": {"transcript": …}, …}, or [{"id": "F21N37", …}, …]

Some files have 22.05 kHz. The paper counts 3,000 utterances; shemo.json lists transcripts under the names of 2,838
of them, and some of those are another file's (github.com/aliyzd95/modified_shemo, an edition of other labels): how
often there is each emotion is compared with both. Source: Mohamad Nezami, Jamshid Lou & Karami (2019), "ShEMO: a
large-scale validated database for Persian speech emotion detection", doi 10.1007/s10579-018-9427-x.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import Field

from timbre.corpora import audio_files
from timbre.corpora.rows import Row
from timbre.corpora.shemo_names import EMOTIONS, GENDERS
from timbre.corpora.shemo_stand_in import LAYOUT as LAYOUT
from timbre.errors import TimbreError, some

EXPECTED = {"all": (3000, 87)}  # utterances, speakers
RATE = 44100  # Hz, of most files; the others have 22,050

EDITIONS = {
    "the paper's 3,000": {"A": 1059, "N": 1028, "S": 449, "W": 225, "H": 201, "F": 38},
    "the 2,838 that shemo.json lists": {"A": 1034, "N": 1018, "S": 360, "W": 199, "H": 198, "F": 29},
}

# By position: F is a woman at the beginning and fear in the middle.
_NAME = re.compile(rf"([{''.join(GENDERS)}]\d\d)([{''.join(EMOTIONS)}])\d{{2,3}}")


class Options(audio_files.Options):
    """What becomes of files that cannot be used, and of those without a transcript."""

    transcribed: bool = Field(False, description="only the utterances that shemo.json lists")


def prepare(corpus: Path, options: Options, report: Callable[[str], None]) -> dict[str, list[Row]]:
    """The rows of ``all``, ids ``<speaker>-<rest of the file's name>``; ``text`` where shemo.json knows it of all.

    Raises:
        TimbreError: as :func:`timbre.corpora.audio_files.read_rows`, and for a shemo.json that is none, or lists
            none of the utterances where only those are asked for.
    """
    rows = audio_files.read_rows(corpus, _row, "F21N37.wav", RATE, options, report)
    rows = _with_texts(rows, corpus / "shemo.json", options, report)
    counts = Counter(Path(row.wav).stem[3] for row in rows)
    same = [name for name, edition in EDITIONS.items() if edition == counts]
    found = ", ".join(f"{EMOTIONS[letter]} {counts[letter]}" for letter in EMOTIONS)
    report(f"corpus: {found}: {same[0] if same else 'neither ' + ' nor '.join(EDITIONS)}")
    return {"all": rows}


def _row(path: Path) -> Row | None:
    match = _NAME.fullmatch(path.stem)
    if not match:
        return None
    speaker, emotion = match.groups()
    return Row(
        f"{speaker}-{path.stem[3:]}",
        speaker,
        path,
        {"utt2emotion": EMOTIONS[emotion], "utt2lang": "fa"},
        {"spk2gender": GENDERS[speaker[0]]},
    )


def _with_texts(rows: Sequence[Row], path: Path, options: Options, report: Callable[[str], None]) -> list[Row]:
    """The rows with their transcripts, if all have one; only those that have one, if they are asked for."""
    texts = _read_texts(path) if path.is_file() else {}
    listed = [
        replace(row, tables={**row.tables, "text": texts[Path(row.wav).stem]})
        for row in rows
        if Path(row.wav).stem in texts
    ]
    if len(listed) == len(rows):
        return listed
    if not options.transcribed:
        without = [row.utterance for row in rows if Path(row.wav).stem not in texts]
        report(
            f"corpus: {len(without)} of {len(rows)} utterances have no transcript in {path} ({some(without)}), so "
            "that there is no table text" + ("; --option transcribed=true takes the others alone" if listed else "")
        )
        return list(rows)
    if not listed:
        raise TimbreError(
            f"{path}: lists none of the {len(rows)} utterances; --option transcribed=true takes those"
        )
    report(f"corpus: {len(listed)} of {len(rows)} utterances taken, those that {path} lists")
    return listed


def _read_texts(path: Path) -> Mapping[str, str]:
    """``{file's name: transcript}`` of those that are not empty, in each of the forms that shemo.json has had."""
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise TimbreError(f"{path}: not JSON: {error}; download it again, or remove it") from None
    try:
        pairs = content.items() if isinstance(content, dict) else [(entry["id"], entry) for entry in content]
        texts = {name: entry["transcript" if "transcript" in entry else "orthography"] for name, entry in pairs}
        # Some begin with a byte order mark, which would make another text of the same words.
        texts = {name: text.replace("\ufeff", "").strip() for name, text in texts.items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise TimbreError(
            f"{path}: not like {{name: {{'transcript': text}}}} or [{{'id': name, 'transcript': text}}] "
            f"({error!r}); download it again, or remove it"
        ) from None
    return {name: text for name, text in texts.items() if text}
