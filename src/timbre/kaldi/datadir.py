"""A Kaldi data directory: tables about utterances and speakers, read when asked for."""

from __future__ import annotations

from pathlib import Path

from timbre.errors import TimbreError
from timbre.kaldi.layout import made_by
from timbre.kaldi.table_forms import form_of, segment_of, words
from timbre.kaldi.text import read_table, write_table


class DataDir:
    """Tables of ``path``, each read once and strictly (:func:`timbre.kaldi.text.read_table`)."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise TimbreError(f"{path}: no such data directory; the preparation of the corpus (stage 0) makes it")
        self._tables: dict[str, dict[str, str]] = {}

    def has(self, name: str) -> bool:
        """Whether the table is there."""
        return (self.path / name).exists()

    def table(self, name: str) -> dict[str, str]:
        """The table ``name`` as ``{key: value}``; a missing one is named with the stage that makes it."""
        if name not in self._tables:
            path = self.path / name
            if not path.exists():
                maker = made_by(Path(name))
                raise TimbreError(f"{path}: no such file" + (f"; {maker} makes it" if maker else ""))
            self._tables[name] = read_table(path)
        return self._tables[name]

    def numbers(self, name: str) -> dict[str, float]:
        """The table ``name`` as ``{key: number}``, integers where its form has them; all lie in their range."""
        return dict(zip(self.table(name), map(form_of(name).number, self.table(name).values()), strict=True))

    def segment(self, utterance: str) -> tuple[str, float, float]:
        """An utterance's recording, and its start and end there in seconds; an infinite end is the recording's."""
        return segment_of(self.table("segments")[utterance])

    @property
    def utt2spk(self) -> dict[str, str]:
        """``{utterance: speaker}``."""
        return self.table("utt2spk")

    @property
    def originals(self) -> dict[str, str]:
        """``{utterance: its original}`` by ``utt2uniq``; empty without copies and renamed utterances."""
        return self.table("utt2uniq") if self.has("utt2uniq") else {}

    @property
    def spk2utt(self) -> dict[str, list[str]]:
        """``{speaker: [utterances]}``, derived from ``utt2spk``."""
        return invert(self.utt2spk)

    @property
    def sources(self) -> dict[str, str]:
        """What each utterance is made from: ``segments``, else ``wav.scp``, else the frames of ``given.scp``."""
        names = [name for name in ("segments", "wav.scp", "given.scp") if self.has(name)]
        return self.table(names[0] if names else "wav.scp")

    @property
    def models(self) -> dict[str, list[str]]:
        """``{model: [utterances]}`` of the table ``enrol``; where there is none, speakers are the models.

        Raises:
            TimbreError: for an utterance of ``enrol`` that ``utt2spk`` does not have.
        """
        if not self.has("enrol"):
            return self.spk2utt
        models = {model: words(utterances) for model, utterances in self.table("enrol").items()}
        for model, utterances in models.items():
            if unknown := [utterance for utterance in utterances if utterance not in self.utt2spk]:
                raise TimbreError(
                    f"{self.path}/enrol: '{unknown[0]}' of the model '{model}' is no utterance of "
                    f"{self.path}/utt2spk; correct the table"
                )
        return models

    def write(self, name: str, table: dict[str, object]) -> None:
        """Writes a table sorted by key, whole or not at all."""
        write_table(self.path / name, table)
        self._tables.pop(name, None)


def invert(utt2spk: dict[str, str]) -> dict[str, list[str]]:
    """``{utterance: speaker}`` → ``{speaker: [utterances]}``, both in byte order."""
    spk2utt: dict[str, list[str]] = {}
    for utt in sorted(utt2spk, key=str.encode):
        spk2utt.setdefault(utt2spk[utt], []).append(utt)
    return dict(sorted(spk2utt.items(), key=lambda row: row[0].encode()))
