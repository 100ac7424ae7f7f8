"""Embeddings of published checkpoints by this project and by the toolkits that wrote them, from the same waveform.

Each toolkit's own class gets random weights and random BatchNorm statistics, and is saved as its checkpoints are,
its configuration beside it. Then a waveform of three lengths goes through the toolkit's front-end and its class in
float64, and through the model that `timbre.load` makes of the file, in float32. The script fails where an embedding
differs by more than 1e-5 of its largest value. The class in float32 is shown for comparison: one that takes a
variance as a difference of large numbers is further from itself. A toolkit that is not installed is left out:

    pip install --no-deps --target DIR speechbrain==1.1.2 speakerlab==0.0.6 wespeaker-unofficial==0.0.2 hyperpyyaml
    PYTHONPATH=src:DIR python3 benchmarks/parity.py

Resemblyzer's network needs nothing but torch, and is written out here.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import importlib.util
import io
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import cells
import torch
from torch import Tensor, nn

import timbre

LENGTHS = (12_345, 32_000, 59_999)  # samples at 16 kHz
MOST = 1e-5
RATE = 16_000
BINS = 80


@dataclass(frozen=True)
class Case:
    """One encoder of one toolkit.

    Attributes:
        source: the toolkit.
        encoder: its class, in words.
        make: the class with random weights.
        save: writes the checkpoint and what lies beside it into a folder, and returns the path that a user gives.
        frames: from a waveform (1, N) in [-1, 1) to what the class takes, by the toolkit.
        embed: from the class and that to the embedding.
    """

    source: str
    encoder: str
    make: Callable[[], nn.Module]
    save: Callable[[nn.Module, Path], Path]
    frames: Callable[[Tensor], Tensor]
    embed: Callable[[nn.Module, Tensor], Tensor] = lambda model, frames: last(model(frames)).flatten()


def last(found: Tensor | tuple[Tensor, ...]) -> Tensor:
    """What a class gives, or the last of it, which is the embedding."""
    return found[-1] if isinstance(found, tuple) else found


def waveform(count: int) -> Tensor:
    """Noise whose loudness changes, with a second that is almost silent: ``(1, N)``."""
    generator = torch.Generator().manual_seed(count)
    time = torch.arange(count) / RATE
    loudness = 0.1 * (1 + (6 * time).sin()) * (1e-4 + ((time % 1.5) > 0.4))
    voice = sum((2 * torch.pi * 120 * harmonic * time).sin() / harmonic for harmonic in range(1, 20))
    return (loudness * (0.3 * torch.randn(count, generator=generator) + 0.3 * voice))[None].float()


def randomised(module: nn.Module) -> nn.Module:
    """Statistics, scales and shifts of norms as after training, and the biases that are zero at first."""
    torch.manual_seed(1)
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.running_mean.uniform_(-0.3, 0.3)
            part.running_var.uniform_(0.5, 2)
        if (
            isinstance(part, nn.modules.batchnorm._BatchNorm | nn.GroupNorm | nn.LayerNorm)
            and part.weight is not None
        ):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.uniform_(part.bias, -0.3, 0.3)
    return module.eval()


def without_init(package: str) -> None:
    """Makes modules of a package importable without what its ``__init__`` wants, a dozen other packages."""
    module = ModuleType(package)
    module.__spec__ = importlib.util.find_spec(package)
    module.__path__ = list(module.__spec__.submodule_search_locations)
    sys.modules[package] = module


def wespeaker(small: bool) -> Iterator[Case]:
    """WeSpeaker's classes behind its fbank (wespeaker/cli/speaker.py)."""
    from torchaudio.compliance import kaldi

    without_init("wespeaker")
    from wespeaker.models import campplus, ecapa_tdnn, resnet, tdnn

    def features(wave: Tensor) -> Tensor:
        frames = kaldi.fbank(wave * (1 << 15), num_mel_bins=BINS, sample_frequency=RATE, window_type="hamming")
        return (frames - frames.mean(dim=0))[None]

    def save(called: str, args: str) -> Callable[[nn.Module, Path], Path]:
        def write(model: nn.Module, folder: Path) -> Path:
            weights = {**model.state_dict(), "projection.weight": torch.zeros(3, 4)}
            torch.save(weights, folder / "avg_model.pt")
            (folder / "config.yaml").write_text(
                f"model: {called}\nmodel_args: {{{args}}}\ndataset_args:\n  resample_rate: 16000\n"
                "  fbank_args: {num_mel_bins: 80, frame_shift: 10, frame_length: 25, dither: 1.0}\n"
            )
            return folder / "avg_model.pt"

        return write

    width = 64 if small else 512
    for context, normed in ((False, False), (True, False), (True, True)):
        called = f"ECAPA_TDNN{'_GLOB' if context else ''}_c{width}"
        yield Case(
            "WeSpeaker",
            f"{called}{', emb_bn' if normed else ''}",
            lambda context=context, normed=normed: ecapa_tdnn.ECAPA_TDNN(
                width, BINS, 192, global_context_att=context, emb_bn=normed
            ),
            save(called, "embed_dim: 192"),
            features,
        )
    sizes = {"hid_dim": 32, "stats_dim": 64, "embed_dim": 32} if small else {}
    yield Case("WeSpeaker", "XVEC", lambda: tdnn.XVEC(BINS, **sizes), save("XVEC", "embed_dim: 512"), features)
    channels = 4 if small else 32
    depths = {34: (resnet.BasicBlock, [3, 4, 6, 3]), 152: (resnet.Bottleneck, [3, 8, 36, 3])}
    if not small:
        depths |= {221: (resnet.Bottleneck, [6, 16, 48, 3]), 293: (resnet.Bottleneck, [10, 20, 64, 3])}
    for depth, (block, counts) in depths.items():
        yield Case(
            "WeSpeaker",
            f"ResNet{depth}",
            lambda block=block, counts=counts: resnet.ResNet(block, counts, channels, BINS, 256),
            save(f"ResNet{depth}", "embed_dim: 256"),
            features,
        )
    sizes = {"growth_rate": 4, "init_channels": 8, "embed_dim": 16} if small else {}
    yield Case("WeSpeaker", "CAMPPlus", lambda: campplus.CAMPPlus(BINS, **sizes), save("CAMPPlus", ""), features)
    for pooling, second in (("ASTP", False), ("TSTP", True)):
        yield Case(
            "WeSpeaker",
            f"ResNet34, {pooling}{', two_emb_layer' if second else ''}",
            lambda pooling=pooling, second=second: resnet.ResNet(
                resnet.BasicBlock, [3, 4, 6, 3], channels, BINS, 256, pooling, second
            ),
            save("ResNet34", f"pooling_func: {pooling}"),
            features,
        )


def speechbrain(small: bool) -> Iterator[Case]:
    """SpeechBrain's classes behind its Fbank, as its EncoderClassifier has them."""
    from speechbrain.lobes.features import Fbank
    from speechbrain.lobes.models import ECAPA_TDNN, ResNet, Xvector
    from speechbrain.nnet.pooling import StatisticsPooling

    # Its noise is new each time; its mean takes its place.
    StatisticsPooling._get_gauss_noise = lambda self, size, device="cpu": torch.full(size, 5 * self.eps)

    def features(bins: int) -> Callable[[Tensor], Tensor]:
        front_end = Fbank(n_mels=bins)

        def run(wave: Tensor) -> Tensor:
            frames = front_end(wave)
            return frames - frames.mean(dim=1, keepdim=True)

        return run

    def save(bins: int, called: str) -> Callable[[nn.Module, Path], Path]:
        def write(model: nn.Module, folder: Path) -> Path:
            torch.save(model.state_dict(), folder / "embedding_model.ckpt")
            (folder / "hyperparams.yaml").write_text(
                f"n_mels: {bins}\n"
                "compute_features: !new:speechbrain.lobes.features.Fbank\n    n_mels: !ref <n_mels>\n"
                "mean_var_norm: !new:speechbrain.processing.features.InputNormalization\n"
                "    norm_type: sentence\n    std_norm: False\n"
                f"embedding_model: !new:speechbrain.lobes.models.{called}\n    input_size: !ref <n_mels>\n"
                "modules:\n    compute_features: !ref <compute_features>\n"
            )
            return folder

        return write

    width = 32 if small else 1024
    for context in (True, False):
        yield Case(
            "SpeechBrain",
            f"ECAPA_TDNN{'' if context else ', no global context'}",
            lambda context=context: ECAPA_TDNN.ECAPA_TDNN(
                BINS, channels=[width] * 4 + [3 * width], lin_neurons=192, global_context=context
            ),
            save(BINS, "ECAPA_TDNN.ECAPA_TDNN"),
            features(BINS),
        )
    channels = {"tdnn_channels": [32] * 4 + [48], "lin_neurons": 32} if small else {}
    yield Case(
        "SpeechBrain",
        "Xvector",
        lambda: Xvector.Xvector(in_channels=24, **channels),
        save(24, "Xvector.Xvector"),
        features(24),
    )

    widths = {"channels": [4, 4, 8, 8], "block_sizes": [1, 2, 1, 1], "lin_neurons": 32} if small else {}
    yield Case(
        "SpeechBrain", "ResNet", lambda: ResNet.ResNet(BINS, **widths), save(BINS, "ResNet.ResNet"), features(BINS)
    )


def three_d_speaker(small: bool) -> Iterator[Case]:
    """3D-Speaker's classes behind its fbank (speakerlab/process/processor.py)."""
    from speakerlab.models.campplus.DTDNN import CAMPPlus
    from speakerlab.models.ecapa_tdnn.ECAPA_TDNN import ECAPA_TDNN
    from speakerlab.models.eres2net.ERes2NetV2 import ERes2NetV2
    from speakerlab.models.resnet.ResNet import ResNet
    from speakerlab.models.xvector.TDNN import Xvector
    from torchaudio.compliance import kaldi

    def features(wave: Tensor) -> Tensor:
        frames = kaldi.fbank(wave, num_mel_bins=BINS, sample_frequency=RATE, dither=0)
        return (frames - frames.mean(dim=0, keepdim=True))[None]

    def save(wrapped: bool) -> Callable[[nn.Module, Path], Path]:
        def write(model: nn.Module, folder: Path) -> Path:
            weights = model.state_dict()
            torch.save({"state_dict": weights} if wrapped else weights, folder / "encoder.ckpt")
            return folder / "encoder.ckpt"

        return write

    width = 32 if small else 512
    yield Case(
        "3D-Speaker",
        "ECAPA_TDNN",
        lambda: ECAPA_TDNN(BINS, channels=[width] * 4 + [3 * width]),
        save(True),
        features,
    )
    sizes = {"growth_rate": 4, "init_channels": 8, "embedding_size": 16} if small else {"embedding_size": 192}
    narrow = {"m_channels": 4} if small else {}
    yield Case("3D-Speaker", "ResNet34", lambda: ResNet(feat_dim=BINS, **narrow), save(False), features)
    yield Case("3D-Speaker", "Xvector", lambda: Xvector(BINS), save(False), features)
    eres = {"m_channels": 8, "num_blocks": [1, 1, 1, 1]} if small else {}
    yield Case("3D-Speaker", "ERes2NetV2", lambda: ERes2NetV2(feat_dim=BINS, **eres), save(False), features)
    yield Case("3D-Speaker", "CAMPPlus", lambda: CAMPPlus(BINS, **sizes), save(False), features)


def resemblyzer(small: bool) -> Iterator[Case]:
    """Resemblyzer's network behind its mel energies, window by window; its preprocessing raises soft audio."""
    import torchaudio

    window, hop, shift = 160, 77, 160
    front_end = torchaudio.transforms.MelSpectrogram(
        RATE, 400, hop_length=shift, n_mels=40, norm="slaney", mel_scale="slaney"
    )

    def make() -> nn.Module:
        return nn.ModuleDict({"lstm": nn.LSTM(40, 256, 3, batch_first=True), "linear": nn.Linear(256, 256)})

    def save(model: nn.Module, folder: Path) -> Path:
        similarity = {"similarity_weight": torch.ones(1), "similarity_bias": torch.ones(1)}
        torch.save({"model_state": {**model.state_dict(), **similarity}}, folder / "pretrained.pt")
        return folder / "pretrained.pt"

    def windows(wave: Tensor) -> Tensor:
        wave = wave[0] * (10 ** (-30 / 20) / wave.square().mean().sqrt()).clamp(min=1)
        begins = [0]
        while begins[-1] + window < 1 + len(wave) // shift:
            begins.append(begins[-1] + hop)
        if len(begins) > 1 and len(wave) - begins[-1] * shift < 0.75 * window * shift:
            begins.pop()
        wave = nn.functional.pad(wave, (0, max(0, (begins[-1] + window) * shift - len(wave))))
        frames = front_end(wave).T
        return torch.stack([frames[begin : begin + window] for begin in begins])

    def embed(model: nn.Module, frames: Tensor) -> Tensor:
        parts = [model["lstm"](part[None])[1][0][-1, 0] for part in frames]
        parts = [nn.functional.normalize(model["linear"](part).relu(), dim=0) for part in parts]
        return nn.functional.normalize(torch.stack(parts).mean(dim=0), dim=0)

    yield Case("Resemblyzer", "VoiceEncoder, written out", make, save, windows, embed)


def redimnet2(small: bool) -> Iterator[Case]:
    """The authors' network, as WeSpeaker has it, and their front-end, saved as they publish it."""
    without_init("wespeaker")
    without_init("wespeaker.frontend")
    from wespeaker.frontend.tfmel import TFMelBanks
    from wespeaker.models.redimnet2 import ReDimNet2Wrap

    bins, front_end = 72, TFMelBanks(n_mels=72, norm_signal=True, do_preemph=True).eval()

    def frames(wave: Tensor) -> Tensor:
        return front_end(wave).float()

    low = [((1, 1), 2, 2), ((2, 1), 3, 1), ((1, 2), 4, 1), ((2, 1), 5, 1), ((1, 2), 4, 1), ((2, 1), 3, 1)]
    third = [*low[:3], ((3, 1), 5, 1), *low[4:]]
    wide = [((1, 1), 2, 4), ((2, 1), 3, 3), ((1, 2), 4, 2), *low[3:]]
    sizes = {
        "b0": (12, low, [36, 36, 36, 36, 18, 18], 64),
        "b2": (20, third, [40, 30, 30, 20, 20, 10], None),
        "b3": (24, wide, [24] * 6, None),
    }
    for name, (channels, rows, reductions, head) in list(sizes.items())[: 2 if small else 3]:
        stages = [(*row, [(3, 3)], reduction) for row, reduction in zip(rows, reductions, strict=True)]
        config = {
            "F": bins,
            "C": channels,
            "stages_setup": stages,
            "out_channels": head,
            "return_2d_output": True,
            "agg_gnorm": True,
        }
        own = {**config, "feat_type": "tf", "spec_params": {"do_preemph": True, "norm_signal": True}}

        def save(model: nn.Module, folder: Path, own: dict = own) -> Path:
            torch.save({"model_config": own, "state_dict": model.state_dict()}, folder / "redimnet2.pt")
            return folder / "redimnet2.pt"

        yield Case(
            "ReDimNet2",
            name,
            lambda config=config: ReDimNet2Wrap(**config),
            save,
            lambda wave: front_end(wave).float(),
        )

        def save_plain(model: nn.Module, folder: Path) -> Path:
            torch.save({**model.state_dict(), "frontend.spec.x": torch.ones(1)}, folder / "avg_model.pt")
            args = "{n_mels: 72, norm_signal: true, do_preemph: true, eps: 1.0e-8}"
            lines = ("model: ReDimNet2Custom", "dataset_args:", "  frontend: tfmel", f"  tfmel_args: {args}")
            (folder / "config.yaml").write_text("\n".join(lines))
            return folder / "avg_model.pt"

        if name == "b2":
            yield Case(
                "WeSpeaker", "ReDimNet2, tfmel", lambda config=config: ReDimNet2Wrap(**config), save_plain, frames
            )


TOOLKITS = [
    ("torch", resemblyzer),
    ("wespeaker", wespeaker),
    ("speechbrain", speechbrain),
    ("speakerlab", three_d_speaker),
    ("wespeaker", redimnet2),
]


@torch.inference_mode()
def deviations(case: Case, folder: Path) -> tuple[float, float]:
    """The largest differences from the class in float64, as shares of the largest value: timbre's, the class's."""
    torch.manual_seed(0)
    peer = randomised(case.make())
    path, worst = case.save(peer, folder), [0.0, 0.0]
    exact = copy.deepcopy(peer).double()
    with contextlib.redirect_stderr(io.StringIO()):
        model = timbre.load(path)
    for count in LENGTHS:
        wave = waveform(count)
        frames = case.frames(wave)
        wanted = case.embed(exact, frames.double())
        found = torch.from_numpy(model.embed(wave[0].numpy(), RATE))
        for place, one in enumerate((found, case.embed(peer, frames))):
            worst[place] = max(worst[place], float((one - wanted).abs().max() / wanted.abs().max()))
    return worst[0], worst[1]


def main() -> None:
    args = cells.parse(argparse.ArgumentParser(description=__doc__))
    torch.set_num_threads(cells.THREADS)
    rows, bad = [], []
    for package, cases in TOOLKITS:
        if importlib.util.find_spec(package) is None:
            print(f"{package} is not installed (benchmarks/requirements.txt): left out")
            continue
        for case in cases(args.smallest):
            with tempfile.TemporaryDirectory() as folder:
                ours, theirs = deviations(case, Path(folder))
            rows.append((case.source, case.encoder, f"{ours:.1e}", f"{theirs:.1e}"))
            if not ours <= MOST:
                bad.append(f"{case.source} {case.encoder}")
    cells.show(("source", "encoder", "timbre in float32", "the class in float32"), rows)
    if bad:
        sys.exit(f"above {MOST:g}: {', '.join(bad)}")


if __name__ == "__main__":
    main()
