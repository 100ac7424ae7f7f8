"""IEMOCAP (signed release of USC): ten actors in five sessions, scripted and improvised, four emotions, 16 kHz.

    <corpus>/Session{1-5}/sentences/wav/<dialogue>/<dialogue>_{F,M}NNN.wav
    <corpus>/Session{1-5}/dialog/EmoEvaluation/<dialogue>.txt     [6.29 - 8.23] <utterance> neu [2.5, 2.5, 2.5]
    <corpus>/Session{1-5}/dialog/transcriptions/<dialogue>.txt    <utterance> [006.2901-008.2357]: Excuse me.

The folder above may be given, too. Of the labels that a majority of annotators agreed on, four classes are used, as
in most publications: excitement is taken for happiness, everything else left out. A woman and a man talk in each
session; the letter in ``Ses01F_impro01`` is that of the one whose face was recorded, and the letter of the turn,
``Ses01F_impro01_M000``, that of the one who speaks. Scripted dialogues have the same text in all sessions. Source:
Busso et al. (2008), "IEMOCAP: Interactive emotional dyadic motion capture database", Language Resources and
Evaluation 42.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from timbre.corpora.audio_files import Options as AudioOptions
from timbre.corpora.audio_files import readable
from timbre.corpora.iemocap_stand_in import LAYOUT as LAYOUT
from timbre.corpora.rows import Row, refuse_missing_audio
from timbre.errors import TimbreError, some

EXPECTED = {"all": (5531, 10)}  # utterances, speakers
RATE = 16000  # Hz
EMOTIONS = {"ang": "anger", "exc": "happiness", "hap": "happiness", "neu": "neutral", "sad": "sadness"}

_SESSIONS = "Session[1-5]"
_LABEL = re.compile(r"\[[^\]]+\]\s+(\S+)\s+(\S+)\s+\[[^\]]+\]\s*")
_TEXT = re.compile(r"(\S+)\s+\[[^\]]+\]:?\s*(\S.*)")
_NAME = re.compile(r"(Ses0([1-5]))[FM]_(impro|script)[\d_]+[a-z]?_([FM])[\dX]+")

Report = Callable[[str], None]


class Options(AudioOptions):
    """Which utterances are used, and what becomes of those that cannot be."""

    utterances: Literal["all", "impro", "script"] = Field(
        "all", description="those of all dialogues, of the improvised ones, or of the scripted ones"
    )


def prepare(corpus: Path, options: Options, report: Report) -> dict[str, list[Row]]:
    """The rows of ``all``, ids ``<speaker>-<file's name>``, speakers ``Ses01F`` and ``Ses01M`` of ``Session1``.

    Raises:
        TimbreError: for a folder without sessions, lines of labels that are none, and, unless they are to be
            skipped, files without labels, labels without files, files that cannot be used
            (:func:`timbre.corpora.audio_files.readable`).
    """
    root = _root(corpus)
    labels = _labels(root)
    _refuse_unlabelled(root, labels, options, report)
    wavs = _chosen(labels, options, report)
    texts = _texts(root, wavs, report)
    rows = [_row(wav, labels[wav], texts) for wav in wavs]
    if options.bad_audio == "fail":
        refuse_missing_audio({"all": rows}, "unpack the corpus again; --option bad_audio=skip would leave them out")
    return {"all": readable(rows, RATE, options, report)}


def _root(corpus: Path) -> Path:
    """The folder of the sessions."""
    if any(corpus.glob(_SESSIONS)):
        return corpus
    roots = sorted({path.parent for path in corpus.glob(f"[!.]*/{_SESSIONS}")})
    if len(roots) != 1:
        found = f"sessions in {some(map(str, roots))}" if roots else "no Session1 to Session5 there"
        raise TimbreError(
            f"{corpus}: {found}; --corpus is the folder that holds them, IEMOCAP_full_release, or the one above"
        )
    return roots[0]


def _labels(root: Path) -> dict[Path, str]:
    """``{wav file: label}`` of all labelled utterances; lines of single annotators (``C-E1:``) are passed over."""
    labels: dict[Path, str] = {}
    for path, number, line in _lines(root, "EmoEvaluation"):
        if not line.startswith("["):
            continue
        match = _LABEL.fullmatch(line)
        if not match or not _NAME.fullmatch(match[1]):
            raise TimbreError(
                f"{path}:{number}: expected '[start - end] utterance label [V, A, D]', found '{line}'; unpack the "
                "corpus again"
            )
        wav = path.parents[2] / "sentences/wav" / path.stem / f"{match[1]}.wav"
        if wav in labels:
            raise TimbreError(f"{path}:{number}: '{match[1]}' stands there twice; remove the wrong line")
        labels[wav] = match[2]
    return labels


def _lines(root: Path, folder: str) -> Iterator[tuple[Path, int, str]]:
    """File, number from 1 and text of each line of a folder of all sessions, whatever ends it.

    Hidden files (macOS's ``._Ses*.txt``) and folders in it, the single annotators', are passed over.
    """
    for path in sorted(root.glob(f"{_SESSIONS}/dialog/{folder}/[!.]*.txt")):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TimbreError(f"{path}: cannot be read as UTF-8: {error}; unpack the corpus again") from None
        for number, line in enumerate(text.split("\n"), start=1):
            yield path, number, line


def _refuse_unlabelled(root: Path, labels: Collection[Path], options: Options, report: Report) -> None:
    """Files that no line has a label for are reported, if they are to be skipped and few."""
    wavs = sorted(root.glob(f"{_SESSIONS}/sentences/wav/[!.]*/[!.]*.wav"))
    if without := [path for path in wavs if path not in labels]:
        names = some(str(path.relative_to(root)) for path in without)
        said = f"{len(without)} of {len(wavs)} wav files have no label in dialog/EmoEvaluation"
        if options.bad_audio == "fail" or len(without) > options.max_skipped * len(wavs):
            raise TimbreError(
                f"{root}: {said}: {names}; unpack the corpus again, or leave them out (--option bad_audio=skip, at "
                f"most the share max_skipped={options.max_skipped:g})"
            )
        report(f"corpus: {said} and are left out: {names}")


def _chosen(labels: Mapping[Path, str], options: Options, report: Report) -> list[Path]:
    """The files of the four classes in the dialogues asked for; the others are counted."""
    wavs = [wav for wav, label in labels.items() if label in EMOTIONS]
    if others := Counter(label for label in labels.values() if label not in EMOTIONS):
        counts = ", ".join(f"{label} {count:,}" for label, count in others.most_common())
        total = f"{others.total():,} of {len(labels):,}"
        report(f"corpus: {total} utterances are in none of the four classes and left out: {counts}")
    if options.utterances != "all":
        kept = [wav for wav in wavs if _NAME.fullmatch(wav.stem)[3] == options.utterances]
        report(f"corpus: utterances={options.utterances}: {len(kept):,} of {len(wavs):,} of the four classes")
        wavs = kept
    given = Counter(labels[wav] for wav in wavs)
    report(f"corpus: happiness: {given['hap']:,} labelled hap and {given['exc']:,} labelled exc")
    return wavs


def _texts(root: Path, wavs: Collection[Path], report: Report) -> dict[str, str]:
    """``{file's name: what is said}`` where that is known of all, else nothing."""
    matches = (_TEXT.fullmatch(line.rstrip()) for _, _, line in _lines(root, "transcriptions"))
    texts = {match[1]: match[2] for match in matches if match}
    if without := [wav.stem for wav in wavs if wav.stem not in texts]:
        report(
            f"corpus: {len(without):,} of {len(wavs):,} utterances are not in dialog/transcriptions "
            f"({some(without)}); there is no table text, and nothing is known of texts that parts share"
        )
        return {}
    return texts


def _row(wav: Path, label: str, texts: Mapping[str, str]) -> Row:
    session, number, _, letter = _NAME.fullmatch(wav.stem).groups()
    speaker = session + letter
    tables = {"utt2emotion": EMOTIONS[label], "utt2session": f"Session{number}", "utt2lang": "en"}
    if texts:
        tables["text"] = texts[wav.stem]
    return Row(f"{speaker}-{wav.stem}", speaker, wav, tables, {"spk2gender": letter.lower()})
