"""Phones of all languages learnt from transcripts in each language's phonemes (Li et al. 2020, arXiv 2002.11800).

A language's signature S (M, P) is 1 where phone p realises phoneme m, else 0. Its allophone layer makes of the
logits x (P,) of a frame one of each phoneme,

    z_m = max over the p with S_mp = 1 of W_mp x_p                  the logit of the blank passes through

where W starts at S. With the transcript y (N phonemes) of an utterance

    loss = mean over utterances of CTC(log_softmax(z), y) / N  +  penalty · Σ over languages ‖W − S‖²

Without the penalty W could take over what belongs into the phones, which are shared. Where S is 0 the maximum never
looks and the penalty keeps W at 0, so only the entries of S's ones are held: (M, K) for K realisations at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import torch
from pydantic import Field, NonNegativeFloat
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.conf import Section
from timbre.corpora.phones import PhoneSpeech
from timbre.errors import TimbreError, did_you_mean, some


class Conf(Section):
    """CTC through an allophone layer a language."""

    kind: Literal["allophone_ctc"] = "allophone_ctc"
    penalty: NonNegativeFloat = Field(1.0, description="weight of ‖W − S‖²")


class AllophoneLayer(nn.Module):
    """Logits ``(…, 1 + P)`` of blank and phones → ``(…, 1 + M)`` of blank and phonemes, fp32.

    Args:
        realisations: of each phoneme the columns of its phones.
    """

    def __init__(self, realisations: Sequence[Sequence[int]]) -> None:
        super().__init__()
        columns = nn.utils.rnn.pad_sequence([torch.tensor(row) for row in realisations], batch_first=True)
        real = torch.arange(columns.shape[1]) < torch.tensor([[len(row)] for row in realisations])
        self.register_buffer("columns", columns, persistent=False)
        self.register_buffer("real", real, persistent=False)
        self.weight = nn.Parameter(real.float())

    def forward(self, logits: Tensor) -> Tensor:
        logits = logits.float()
        realised = (self.weight * logits[..., self.columns]).masked_fill(~self.real, -torch.inf)
        return torch.cat([logits[..., :1], realised.amax(dim=-1)], dim=-1)

    def penalty(self) -> Tensor:
        """``‖W − S‖²``."""
        return (self.weight - self.real.float()).square().sum()


class Objective(nn.Module):
    """The loss of a :class:`timbre.models.allosaurus.Encoder`, and what its logits say in a language.

    Attributes:
        phonemes: ``{language: the names of the layer's outputs after the blank}``.
    """

    measure_of_choice = None
    class_parameters = ()

    def __init__(self, conf: Conf, encoder: nn.Module, speech: PhoneSpeech | None = None) -> None:
        """``speech``: the transcripts of what will be trained on; without it there is only :meth:`decode`.

        Raises:
            TimbreError: naming the utterance, for a language or phoneme that the encoder does not know.
        """
        super().__init__()
        self._penalty = conf.penalty
        column = {phone: number for number, phone in enumerate(encoder.phones, start=1)}
        self.phonemes = {language: list(phonemes) for language, phonemes in encoder.realisations.items()}
        self.layers = nn.ModuleList(
            AllophoneLayer([[column[phone] for phone in phones] for phones in phonemes.values()])
            for phonemes in encoder.realisations.values()
        )
        self._number = {language: number for number, language in enumerate(self.phonemes)}
        self._language = dict(speech.language) if speech else {}
        self._targets = self._numbered(speech) if speech else {}

    def _numbered(self, speech: PhoneSpeech) -> dict[str, Tensor]:
        """Of each utterance its phonemes as outputs of its language's layer, (N,) int64."""
        place = {
            language: {name: n for n, name in enumerate(names, 1)} for language, names in self.phonemes.items()
        }
        targets = {}
        for utterance, phonemes in speech.phones.items():
            known = place.get(speech.language[utterance], {})
            if unknown := [phoneme for phoneme in phonemes if phoneme not in known]:
                raise TimbreError(
                    f"{utterance}: the model knows no phoneme '{unknown[0]}' of {speech.language[utterance]}"
                    f"{did_you_mean(unknown[0], known)}"
                )
            targets[utterance] = torch.tensor([known[phoneme] for phoneme in phonemes])
        return targets

    def forward(
        self, encoder: nn.Module, feats: Tensor, lengths: Tensor, utterances: list[str]
    ) -> dict[str, Tensor]:
        """``feats (B, T, F)``, ``lengths (B,)`` → ``loss``, and apart its two terms ``ctc`` and ``penalty``, fp32.

        Raises:
            TimbreError: naming utterances with fewer frames than CTC needs for their phonemes.
        """
        ctc = self.ctc(*encoder.frames(feats, lengths), utterances).mean()
        penalty = torch.stack([layer.penalty() for layer in self.layers]).sum()
        return {"loss": ctc + self._penalty * penalty, "ctc": ctc.detach(), "penalty": penalty.detach()}

    def ctc(self, logits: Tensor, lengths: Tensor, utterances: Sequence[str]) -> Tensor:
        """Of logits ``(B, T', 1 + P)``, ``lengths (B,)`` real ones, the loss a phoneme: ``(B,)``, by languages."""
        targets = [self._targets[utterance] for utterance in utterances]
        _refuse_short(utterances, targets, lengths)
        with torch.autocast(logits.device.type, enabled=False):
            parts = [
                _ctc(self.layers[number](logits[rows]), lengths[rows], [targets[row] for row in rows])
                for number, rows in self._by_language(utterances)
            ]
        return torch.cat(parts)

    def _by_language(self, utterances: Iterable[str]) -> Iterable[tuple[int, list[int]]]:
        """The number of each language that is spoken, and the rows of its utterances."""
        rows: dict[int, list[int]] = {}
        for row, utterance in enumerate(utterances):
            rows.setdefault(self._number[self._language[utterance]], []).append(row)
        return rows.items()

    def decode(self, logits: Tensor, lengths: Tensor, language: str) -> list[list[str]]:
        """The phonemes of a language in logits ``(B, T', 1 + P)``, ``lengths (B,)`` real ones (:func:`greedy`)."""
        if language not in self._number:
            raise TimbreError(f"the model knows no language '{language}'{did_you_mean(language, self._number)}")
        return greedy(self.layers[self._number[language]](logits), lengths, self.phonemes[language])


def greedy(logits: Tensor, lengths: Tensor, names: Sequence[str]) -> list[list[str]]:
    """The most probable output of every frame, repetitions taken as one, blanks left out.

    Args:
        logits: ``(B, T, 1 + N)``, the blank first.
        lengths: ``(B,)`` int64, how many frames are real.
        names: of the N outputs after the blank.
    """
    best = logits.argmax(dim=2).cpu()
    before = F.pad(best, (1, 0))[:, :-1]  # a blank before the first
    kept = (best > 0) & (best != before) & (torch.arange(best.shape[1]) < lengths.cpu()[:, None])
    said = np.array(["", *names], dtype=object)[best[kept].numpy()]
    return [part.tolist() for part in np.split(said, kept.sum(dim=1).cumsum(dim=0)[:-1].numpy())]


def _ctc(logits: Tensor, lengths: Tensor, targets: Sequence[Tensor]) -> Tensor:
    """CTC of each utterance divided by its number of phonemes, (B,)."""
    sizes = torch.tensor([len(target) for target in targets])
    losses = F.ctc_loss(
        logits.log_softmax(dim=2).transpose(0, 1),
        torch.cat(list(targets)).to(logits.device),
        lengths.cpu(),
        sizes,
        reduction="none",
    )
    return losses / sizes.to(losses.device)


def _refuse_short(utterances: Sequence[str], targets: Sequence[Tensor], counts: Tensor) -> None:
    """CTC needs a frame a phoneme, and one for the blank between two that are the same."""
    short = [
        f"{utterance} ({count} frames, {least} needed)"
        for utterance, target, count in zip(utterances, targets, counts.tolist(), strict=True)
        if count < (least := len(target) + int((target[1:] == target[:-1]).sum()))
    ]
    if short:
        raise TimbreError(
            f"too few frames for their phonemes: {some(short, 3)}; is the transcript theirs? If so, leave them "
            "out, or lower encoder.stack"
        )
