"""wav2vec as an encoder: frames one after another are the samples; the embedding is the mean of real contexts."""

from __future__ import annotations

import torch

from timbre.models import build_encoder, wav2vec

SIZES = {"channels": 8, "context_channels": 6, "context_kernels": (3, 2)}


def make(dim: int = 160) -> torch.nn.Module:
    torch.manual_seed(0)
    return build_encoder(wav2vec.Conf(**SIZES), dim).eval()


def test_frames_of_any_length_are_the_same_samples() -> None:
    samples = 0.1 * torch.randn(1, 4800)
    wanted, counts = make().frames(samples.view(1, 30, 160), torch.tensor([30]))
    found, others = make(80).frames(samples.view(1, 60, 80), torch.tensor([60]))
    torch.testing.assert_close(found, wanted)
    assert counts.tolist() == others.tolist() == [28]
    assert (make().min_frames, make(80).min_frames, make(465).min_frames) == (3, 6, 1)


def test_the_embedding_is_the_mean_of_real_contexts() -> None:
    encoder, feats, lengths = make(), 0.1 * torch.randn(2, 30, 160), torch.tensor([30, 12])
    frames, counts = encoder.frames(feats, lengths)
    assert counts.tolist() == [28, 10]
    wanted = torch.stack([row[:count].mean(dim=0) for row, count in zip(frames, counts, strict=True)])
    torch.testing.assert_close(encoder(feats, lengths), wanted)
    assert encoder.embedding_dim == 6 and encoder.latent_dim == 8
    assert encoder.latents_and_contexts(feats, lengths)[0].shape == (2, 28, 8)
