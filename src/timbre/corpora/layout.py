"""How the files of a corpus lie, so that a synthetic stand-in can be laid out like it.

A corpus module that holds ``LAYOUT`` can be stood in for: ``timbre make-synthetic-corpus --layout <module>``
fills its tree with synthetic speech, which the same module then reads as it reads the corpus. A README at the
root says what it is, and :func:`is_synthetic` knows it by that, so that no result passes for one on people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from timbre.kaldi.text import read_text

SYNTHETIC = "Synthetic speech"  # the README's first line
STAND_IN = "Stand-in"  # of other speech of people, laid out like a corpus
PHONES = ".phn"
"""A file of phones: '<first sample> <sample after the last> <phone>' a line, as in TIMIT."""


@dataclass(frozen=True)
class Utterance:
    """An utterance of a stand-in: whose it is, its file (a path in the corpus), and what is said.

    ``emotion`` is how, and ``language`` in which espeak-ng is to say it.
    """

    part: str
    speaker: str
    gender: str
    utterance: str
    wav: str
    text: str
    emotion: str | None = None
    language: str = "en-us"


@dataclass(frozen=True)
class Script:
    """What the speakers of an acted corpus are to do.

    ``genders`` are theirs, in the order of their numbers; ``lines`` are what each of them says, a text and an
    emotion of :data:`timbre.corpora.voices.EMOTIONS`, in the order of the numbers of utterances; without a text
    each utterance is another sentence. No two speakers have one voice variant.
    """

    genders: Sequence[str]
    lines: Sequence[tuple[str | None, str]]


@dataclass(frozen=True)
class Layout:
    """The tree of a corpus.

    ``title`` is the corpus's name; ``parts`` are some of train, dev and test; ``defaults`` are the stand-in's where
    they differ from :class:`timbre.corpora.synthetic.Conf`'s. ``place(part, speaker, utterance)``, both counted
    from 1, gives the ids of speaker and utterance and the utterance's path; ``files`` what else lies in the
    corpus, ``{path: text}``. Without a ``script`` every utterance is another sentence, in no emotion, and half of
    the speakers are female. With ``phones`` there lies beside each file one of its phones (:data:`PHONES`).
    """

    title: str
    parts: tuple[str, ...]
    place: Callable[[str, int, int], tuple[str, str, str]]
    files: Callable[[Sequence[Utterance]], Mapping[str, str]]
    defaults: Mapping[str, object]
    script: Script | None = None
    phones: bool = False


def lines(rows: Iterable[str]) -> str:
    """Each row once, in byte order, as the text of a file."""
    return "".join(f"{row}\n" for row in sorted(set(rows), key=str.encode))


def speaker_tables(utterances: Iterable[Utterance], part: str) -> dict[str, str]:
    """``<part>/utt2spk`` and ``<part>/spk2gender`` of the utterances of a part, as texts by their paths."""
    mine = [one for one in utterances if one.part == part]
    return {
        f"{part}/utt2spk": lines(f"{one.utterance} {one.speaker}" for one in mine),
        f"{part}/spk2gender": lines(f"{one.speaker} {one.gender}" for one in mine),
    }


def about(data: Path) -> str:
    """What the speech of a data directory is, in a line: the file ``about`` there or nearest above it."""
    for folder in (data, *data.parents):
        if (folder / "about").is_file():
            return " ".join(read_text(folder / "about").split())
    return ""


def is_synthetic(corpus: Path) -> bool:
    """Whether ``corpus`` is a stand-in that nobody speaks in, or a folder of one."""
    return _says(corpus, SYNTHETIC)


def is_stand_in(corpus: Path) -> bool:
    """Whether ``corpus`` is other speech of people laid out like it, or a folder of such."""
    return _says(corpus, STAND_IN)


def _says(corpus: Path, line: str) -> bool:
    root = corpus.resolve()
    readmes = [folder / "README" for folder in (root, *root.parents)]
    return any(_begins(readme, line) for readme in readmes if readme.is_file())


def _begins(path: Path, line: str) -> bool:
    with open(path, "rb") as file:
        return file.readline().strip() == line.encode()
