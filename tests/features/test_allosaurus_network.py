"""The network of the phone recogniser against torch's own bidirectional LSTM, with packed sequences and by hand."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from timbre.features.allosaurus_network import Network, joined

LENGTHS = torch.tensor([11, 4, 8, 1])


def network(stack: int = 1) -> Network:
    torch.manual_seed(0)
    return Network(4, 2, 5, 7, stack).eval()


def by_torch(net: Network, frames: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The same weights in one nn.LSTM, over packed sequences."""
    lstm = nn.LSTM(frames.shape[2], 5, 2, batch_first=True, bidirectional=True)
    lstm.load_state_dict(net.lstm.state_dict())
    packed = pack_padded_sequence(frames, lengths, batch_first=True, enforce_sorted=False)
    return net.phones(pad_packed_sequence(lstm(packed)[0], batch_first=True)[0])


@torch.inference_mode()
def test_it_is_torchs_bidirectional_lstm_on_packed_sequences():
    net, feats = network(), torch.randn(4, 11, 4)
    logits, lengths = net(feats, LENGTHS)
    assert torch.equal(lengths, LENGTHS) and logits.shape == (4, 11, 8)
    expected = by_torch(net, feats, LENGTHS)
    for row, length in enumerate(LENGTHS):
        torch.testing.assert_close(logits[row, :length], expected[row, :length])


@torch.inference_mode()
def test_frames_joined_by_threes_are_those_of_a_plain_loop():
    feats = torch.randn(4, 11, 4)
    frames, lengths = joined(feats, LENGTHS, 3)
    assert lengths.tolist() == [4, 2, 3, 1] and frames.shape == (4, 4, 12)
    for row, length in enumerate(LENGTHS.tolist()):
        for place, middle in enumerate(range(0, length, 3)):
            three = [feats[row, (middle + offset) % length] for offset in (-1, 0, 1)]
            assert torch.equal(frames[row, place], torch.cat(three))
    net = network(3)
    torch.testing.assert_close(net(feats, LENGTHS)[0][0], by_torch(net, frames, lengths)[0])


@torch.inference_mode()
def test_both_directions_are_heard():
    """What comes later, and what came before, changes a frame; neighbours in the batch do not."""
    net, feats = network(), torch.randn(2, 9, 4)
    lengths = torch.tensor([9, 6])
    before = net(feats, lengths)[0]
    for changed, untouched in ((0, 8), (8, 0)):
        other = feats.clone()
        other[0, changed] += 1
        after = net(other, lengths)[0]
        assert (after[0, untouched] - before[0, untouched]).abs().max() > 1e-6
        assert torch.equal(after[1, :6], before[1, :6])
    turned = net(feats.flip(1), torch.tensor([9, 9]))[0].flip(1)
    assert (turned[0] - before[0]).abs().max() > 1e-2
