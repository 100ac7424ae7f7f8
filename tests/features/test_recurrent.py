"""The bidirectional LSTM against torch's on packed sequences, in both directions of the gradient."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from timbre.features.recurrent import BidirectionalLSTM


@pytest.mark.parametrize("layers", [1, 3])
def test_it_is_torchs_of_packed_sequences(layers):
    torch.manual_seed(0)
    ours = BidirectionalLSTM(4, 5, layers)
    theirs = nn.LSTM(4, 5, layers, batch_first=True, bidirectional=True)
    theirs.load_state_dict(ours.state_dict())
    frames, lengths = torch.randn(4, 9, 4), torch.tensor([3, 9, 1, 7])
    packed = pack_padded_sequence(frames, lengths, batch_first=True, enforce_sorted=False)
    packed, (last, _) = theirs(packed)
    wanted, _ = pad_packed_sequence(packed, batch_first=True)
    frames[torch.arange(9) >= lengths[:, None]] = float("nan")  # what stands in padding is nothing
    states, ends = ours(frames, lengths)
    real = (torch.arange(9) < lengths[:, None])[:, :, None]
    torch.testing.assert_close(states.where(real, 0.0), wanted)
    torch.testing.assert_close(ends, torch.cat([last[-2], last[-1]], dim=1))
    (states.where(real, 0.0).square().sum() + ends.sum()).backward()
    (wanted.square().sum() + last[-2].sum() + last[-1].sum()).backward()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)
