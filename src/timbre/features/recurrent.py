"""A bidirectional LSTM over padded utterances whose backward half begins in each one's last real frame."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class BidirectionalLSTM(nn.LSTM):
    """torch's LSTM with its weights and names, and the states that it gives of packed sequences, without packing.

    Each direction goes over the padded batch from its left end; for the backward one every row is turned round in
    its own length,

        reversed(x)_t = x_(L−1−t)    for t < L, of a row of L frames

    so that padding comes after what counts. torch has no fused kernel for packed sequences on a CPU, and has one
    for these.
    """

    def __init__(self, inputs: int, hidden: int, layers: int = 1) -> None:
        super().__init__(inputs, hidden, layers, batch_first=True, bidirectional=True)

    def forward(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, T, F)``, ``(B,)`` -> states ``(B, T, 2H)``, and of each row the states that have seen all of it.

        These, ``(B, 2H)``, are the forward one in the last real frame and the backward one in the first. What
        stands in padded frames of the input has no influence; in the output nothing is said of them.
        """
        place = torch.arange(frames.shape[1], device=frames.device)
        last = lengths.to(frames.device)[:, None] - 1
        turned = (last - place).where(place <= last, place)[:, :, None]  # its own inverse
        if int(lengths.min()) < frames.shape[1]:
            frames = frames.masked_fill((place > last)[:, :, None], 0.0)
        for layer in range(self.num_layers):
            forward = self._run(frames, layer, "")
            backward = self._run(frames.gather(1, turned.expand_as(frames)), layer, "_reverse")
            backward = backward.gather(1, turned.expand_as(backward))
            frames = torch.cat([forward, backward], dim=2)
        ends = forward.gather(1, last[:, :, None].expand(-1, 1, forward.shape[2]))[:, 0]
        return frames, torch.cat([ends, backward[:, 0]], dim=1)

    def _run(self, frames: Tensor, layer: int, direction: str) -> Tensor:
        names = [f"{name}_l{layer}{direction}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        weights = [getattr(self, name) for name in names]
        start = frames.new_zeros(1, len(frames), self.hidden_size)
        states, _, _ = torch.lstm(frames, (start, start), weights, True, 1, 0.0, self.training, False, True)
        return states
