"""The universal phone recogniser (Li et al. 2020, arXiv 2002.11800): frames to logits of phones.

    frames (T, F) ── network ── logits (T', 1 + P) of the blank and of the phones of all languages
                                 └─ mean over real frames: an embedding

The network is :mod:`timbre.features.allosaurus_network`; as a front-end of other encoders it is
:mod:`timbre.features.allosaurus`. What it recognises is part of its conf: the phones, and of each language its
phonemes with the phones that realise them. :func:`complete` takes both from the data when training begins.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt
from torch import Tensor, nn

from timbre.conf import Section
from timbre.corpora.phones import PhoneSpeech, read_allophones, read_inventory
from timbre.errors import TimbreError
from timbre.features.allosaurus_network import Network
from timbre.kaldi.datadir import DataDir
from timbre.models.layers import frame_mask, frame_weights, masked, wide


class Conf(Section):
    """Bidirectional LSTM over time with an output a phone."""

    kind: Literal["allosaurus"] = "allosaurus"
    layers: int = Field(6, ge=1, le=100, description="bidirectional LSTM layers")
    hidden: PositiveInt = Field(320, description="cells of a layer in each direction")
    stack: int = Field(
        1,
        ge=1,
        le=1000,
        description="frames joined to one, of which there are so many times fewer; 3 in the published models",
    )
    inventory: str = Field(
        "", description="a file of the phones, <phone> or <phone> <number> a line; none: those of the training data"
    )
    allophones: str = Field(
        "",
        description="a table <language> <phoneme> <phone> … of the phones that realise a phoneme; one without an "
        "entry is the phone of its own name",
    )
    phones: tuple[str, ...] = Field((), description="the phones in the order of the outputs; filled in by training")
    phonemes: dict[str, tuple[str, ...]] = Field(
        {},
        description="of each language its phonemes, '<phoneme> <phone> …', or '<phoneme>' alone where it is the "
        "phone of its own name; filled in by training",
    )

    def realisations(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """``{language: {phoneme: the phones that realise it}}``."""
        return {
            language: {phoneme: tuple(phones) or (phoneme,) for phoneme, *phones in map(str.split, entries)}
            for language, entries in self.phonemes.items()
        }


class Encoder(nn.Module):
    """``(B, T, input_dim)`` frames → ``(B, 1 + P)``, the mean logits.

    Attributes:
        phones: the names of the outputs after the blank.
        realisations: ``{language: {phoneme: phones}}``.
    """

    min_frames = 1

    def __init__(self, conf: Conf, input_dim: int) -> None:
        super().__init__()
        if not conf.phones:
            raise TimbreError("encoder.phones: none to recognise; training with task: phones takes them from data")
        self.input_dim, self.embedding_dim = input_dim, 1 + len(conf.phones)
        self.phones, self.realisations = conf.phones, conf.realisations()
        self.network = Network(input_dim, conf.layers, conf.hidden, len(conf.phones), conf.stack)

    def forward(self, feats: Tensor, lengths: Tensor) -> Tensor:
        """``feats (B, T, F)``, ``lengths (B,)`` → ``(B, D)`` fp32; see :func:`timbre.models.layers.frame_mask`."""
        logits, counts = self.frames(feats, lengths)
        mask = frame_mask(logits, counts, self.embedding_dim, 1)
        weights = frame_weights(logits, mask)[:, :, None]
        return (weights * masked(wide(logits), mask)).sum(dim=1)

    def frames(self, feats: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``(B, T', 1 + P)``, the blank first, and how many of each utterance are real, ``(B,)``."""
        mask = frame_mask(feats, lengths, self.input_dim, self.min_frames)
        return self.network(masked(feats, mask), lengths)


def complete(conf: Conf, data: DataDir) -> Conf:
    """``conf`` with the ``phones`` and ``phonemes`` of the training ``data`` (tables ``phones`` and ``utt2lang``).

    Raises:
        TimbreError: naming phoneme and utterance, for a phone that the inventory lacks.
    """
    speech = PhoneSpeech.of(data)
    allophones = read_allophones(conf.allophones) if conf.allophones else {}
    realised = {
        language: {phoneme: allophones.get((language, phoneme), (phoneme,)) for phoneme in phonemes}
        for language, phonemes in speech.phonemes().items()
    }
    heard = {phone for phonemes in realised.values() for phones in phonemes.values() for phone in phones}
    inventory = read_inventory(conf.inventory) if conf.inventory else conf.phones
    phones = inventory or tuple(sorted(heard, key=str.encode))
    if lacking := heard - set(phones):
        _refuse(lacking, realised, speech, conf.inventory or "encoder.phones")
    entries = {
        language: tuple(
            phoneme if realised_by == (phoneme,) else " ".join((phoneme, *realised_by))
            for phoneme, realised_by in phonemes.items()
        )
        for language, phonemes in realised.items()
    }
    return conf.model_copy(update={"phones": phones, "phonemes": entries})


def _refuse(
    lacking: set[str], realised: dict[str, dict[str, tuple[str, ...]]], speech: PhoneSpeech, inventory: str
) -> None:
    """Names the first utterance with a phoneme that one of the ``lacking`` phones realises."""
    for utterance, phonemes in speech.phones.items():
        for phoneme in phonemes:
            language = speech.language[utterance]
            if lost := lacking.intersection(realised[language][phoneme]):
                raise TimbreError(
                    f"{utterance}: phoneme '{phoneme}' of {language} is realised by '{min(lost)}', which "
                    f"{inventory} lacks, like {len(lacking) - 1} other phones of the data; say by which of its "
                    "phones it is realised (encoder.allophones)"
                )
