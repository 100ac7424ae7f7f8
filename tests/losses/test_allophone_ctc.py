"""The allophone layer and its CTC against plain loops and torch's CTC of each utterance by itself."""

from __future__ import annotations

import itertools

import torch
from messages import refused
from torch.nn import functional as F

from timbre.conf import build
from timbre.corpora.phones import PhoneSpeech
from timbre.losses import build_objective
from timbre.losses.allophone_ctc import AllophoneLayer, Conf, Objective, greedy
from timbre.models.allosaurus import Conf as EncoderConf
from timbre.models.allosaurus import Encoder

PHONES = ("t", "ɾ", "a", "o", "k")
PHONEMES = {"en": ("t t ɾ", "a", "k"), "es": ("t", "ɾ", "a", "o")}
SAID = {"e1": ("en", "t a k"), "s1": ("es", "ɾ o a"), "e2": ("en", "a"), "s2": ("es", "t t a o")}
SPEECH = PhoneSpeech(
    {utt: said.split() for utt, (_, said) in SAID.items()}, {utt: language for utt, (language, _) in SAID.items()}
)
LENGTHS = torch.tensor([9, 12, 3, 7])


def make(**conf) -> tuple[Encoder, Objective, torch.Tensor]:
    torch.manual_seed(0)
    encoder = Encoder(EncoderConf(layers=1, hidden=6, phones=PHONES, phonemes=PHONEMES), 4)
    objective = build_objective(build(Conf, conf), encoder, SPEECH)
    for layer in objective.layers:  # as trained: at its start W is 1
        layer.weight.data.mul_(torch.empty_like(layer.weight).uniform_(0.5, 1.5))
    return encoder, objective, torch.randn(4, 12, 4)


def by_loops(objective: Objective, language: str, frame: torch.Tensor) -> torch.Tensor:
    """The logits of blank and phonemes of one frame (1 + P,), by the formula."""
    layer = objective.layers[list(PHONEMES).index(language)]
    logits = [frame[0]]
    for number, entry in enumerate(PHONEMES[language]):
        phones = entry.split()[1:] or [entry]
        logits.append(max(layer.weight[number, n] * frame[1 + PHONES.index(p)] for n, p in enumerate(phones)))
    return torch.stack(logits)


def test_loss_is_that_of_plain_loops_whatever_the_order():
    encoder, objective, feats = make(penalty=0.7)
    with torch.no_grad():
        total = 0.0
        for row, (language, said) in enumerate(SAID.values()):
            length = LENGTHS[row : row + 1]
            frames = encoder.frames(feats[row : row + 1, : length[0]], length)[0][0]
            log_probs = torch.stack([by_loops(objective, language, frame) for frame in frames]).log_softmax(dim=1)
            names = [entry.split()[0] for entry in PHONEMES[language]]
            target = torch.tensor([[1 + names.index(phone) for phone in said.split()]])
            loss = F.ctc_loss(log_probs[:, None], target, length, torch.tensor([target.numel()]), reduction="sum")
            total += loss / target.numel() / len(SAID)
        weights = [(layer, entries) for layer, entries in zip(objective.layers, PHONEMES.values(), strict=True)]
        penalty = sum(
            (layer.weight[m, k] - 1) ** 2
            for layer, entries in weights
            for m, entry in enumerate(entries)
            for k in range(max(len(entry.split()) - 1, 1))
        )
        found = objective(encoder, feats, LENGTHS, list(SAID))
        torch.testing.assert_close(found["ctc"], total)
        torch.testing.assert_close(found["penalty"], penalty)
        torch.testing.assert_close(found["loss"], total + 0.7 * penalty)
        order = [2, 0, 3, 1]
        again = objective(encoder, feats[order], LENGTHS[order], [list(SAID)[row] for row in order])
        torch.testing.assert_close(again, found)


def test_ctc_is_the_sum_over_all_alignments():
    """Of three frames and the transcript a: every path over blank and phonemes that collapses to it."""
    encoder, objective, feats = make()
    logits = encoder.frames(feats[2:3, :3], torch.tensor([3]))[0]
    probability = objective.layers[0](logits)[0].softmax(dim=1)
    paths = [
        path
        for path in itertools.product((0, 2), repeat=3)
        if "".join(map(str, path)).strip("0") in ("2", "22", "222")
    ]
    expected = -sum(torch.stack([probability[t, out] for t, out in enumerate(path)]).prod() for path in paths).log()
    torch.testing.assert_close(objective.ctc(logits, torch.tensor([3]), ["e2"])[0], expected)


def test_layers_start_at_the_signature_and_the_penalty_draws_them_back():
    layer = AllophoneLayer([[1, 2], [3]])
    assert layer.weight.tolist() == [[1, 1], [1, 0]] and layer.penalty() == 0
    logits = torch.tensor([[5.0, -1.0, -3.0, 2.0]])
    assert layer(logits).tolist() == [[5, -1, 2]]
    with torch.no_grad():
        layer.weight.add_(torch.tensor([[0.5, -1.0], [0.0, 0.0]]))
    layer.penalty().backward()
    assert layer.weight.grad.tolist() == [[1, -2], [0, 0]]


def test_every_weight_learns_and_the_encoder_is_not_its_own():
    encoder, objective, feats = make()
    objective(encoder, feats, LENGTHS, list(SAID))["loss"].backward()
    assert all(weight.grad.isfinite().all() and weight.grad.any() for weight in encoder.parameters())
    assert [name for name, _ in objective.named_parameters()] == ["layers.0.weight", "layers.1.weight"]
    assert all(layer.weight.grad.any() for layer in objective.layers)


def test_loss_is_fp32_inside_autocast():
    encoder, objective, feats = make()
    logits = encoder.frames(feats, LENGTHS)[0].bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = objective.ctc(logits, LENGTHS, list(SAID))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, objective.ctc(logits.float(), LENGTHS, list(SAID)))


def test_it_learns_what_is_said():
    encoder, objective, feats = make()
    optimizer = torch.optim.Adam([*encoder.parameters(), *objective.parameters()], 0.05)
    for _ in range(60):
        optimizer.zero_grad()
        objective(encoder, feats, LENGTHS, list(SAID))["loss"].backward()
        optimizer.step()
    logits, lengths = encoder.frames(feats, LENGTHS)
    for row, (language, said) in enumerate(SAID.values()):
        assert objective.decode(logits[[row]], lengths[[row]], language) == [said.split()]


def test_greedy_takes_repetitions_as_one_and_leaves_out_blanks():
    best = torch.tensor([[1, 1, 0, 1, 2, 2], [0, 0, 0, 0, 1, 2], [2, 0, 2, 2, 0, 0]])
    logits = F.one_hot(best, 3).float()
    assert greedy(logits, torch.tensor([6, 4, 3]), ["a", "b"]) == [["a", "a", "b"], [], ["b", "b"]]


def test_what_cannot_be_trained_on_is_refused_by_name():
    encoder, objective, feats = make()
    with refused("s2 (4 frames, 5 needed)", "encoder.stack"):
        objective(encoder, feats, torch.tensor([9, 12, 3, 4]), list(SAID))
    other = PhoneSpeech({"e9": ["t", "a", "kk"]}, {"e9": "en"})
    with refused("e9: ", "'kk'", " en ", "'k'"):
        Objective(Conf(), encoder, other)
    with refused("'fr'", "en, es"):
        objective.decode(torch.zeros(1, 2, 6), torch.tensor([2]), "fr")
