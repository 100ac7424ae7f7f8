"""Speaker encoders at their published sizes: parameters, operations, time, memory, beside other toolkits' classes.

    python benchmarks/encoders.py [--rounds 3] [--encoders ecapa512 campplus] [--seconds 2 10] [--no-steps]

From features in memory to embeddings, with random weights: an utterance of 2 s and of 10 s on one and on two
threads, a batch of 8 × 2 s, the exported graph in ONNX Runtime, and a training step of 32 × 2 s (forward, backward,
SGD; without a loss over speakers). WeSpeaker's, 3D-Speaker's and SpeechBrain's classes are measured where they are
installed. Each measurement is a process of its own; rounds alternate, medians are shown. With OMP_NUM_THREADS=1 all
times are of one thread, and the processor's, which hold beside other processes, too.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from cells import ROOT, THREADS, alternate, median, parse, peak_memory, show
from parity import last, without_init
from torch import Tensor, nn

from timbre.conf import build, kind_module, kinds
from timbre.report.published import read_published

REPEATS = 5


class Published(NamedTuple):
    """An encoder at a published size.

    Attributes:
        conf: the encoder's section.
        bins: values of a frame.
        system: what it is called in egs/voxceleb/sv/published.yaml, where only that has it.
        errors: EER % on VoxCeleb1-O, E, H, trained on VoxCeleb2 dev, after large-margin fine-tuning.
        source: of the errors.
        peers: toolkits that have it.
    """

    conf: dict[str, Any]
    bins: int = 80
    system: str = ""
    errors: str = ""
    source: str = ""
    peers: tuple[str, ...] = ()


def _redimnet2(size: str, errors: str) -> Published:
    conf = {"kind": "redimnet2", "size": size}
    return Published(conf, 72, errors=errors, source="Yakovlev and Okhotnikov 2026", peers=("wespeaker",))


ALL = ("wespeaker", "speakerlab", "speechbrain")
ENCODERS = {
    "xvector": Published({"kind": "xvector"}, errors="1.75 1.72 2.94", source="WeSpeaker", peers=("wespeaker",)),
    "ecapa512": Published({"kind": "ecapa_tdnn"}, errors="0.88 1.07 2.01", source="WeSpeaker", peers=ALL),
    "ecapa1024": Published(
        {"kind": "ecapa_tdnn", "channels": 1024},
        system="ECAPA-TDNN C = 1024, AS-norm",
        peers=("wespeaker", "speechbrain"),
    ),
    "resnet34": Published({"kind": "resnet"}, errors="0.80 0.94 1.70", source="WeSpeaker", peers=ALL[:2]),
    "campplus": Published({"kind": "campplus"}, errors="0.71 0.85 1.66", source="WeSpeaker", peers=ALL[:2]),
    "redimnet2_b0": _redimnet2("b0", "1.04 1.16 1.97"),
    "redimnet2_b1": _redimnet2("b1", "0.78 0.96 1.72"),
    "redimnet2_b2": _redimnet2("b2", "0.57 0.76 1.41"),
    "redimnet2_b3": _redimnet2("b3", "0.42 0.66 1.22"),
    "eres2net_v2": Published(
        {"kind": "eres2net_v2"}, errors="0.61 0.76 1.45", source="3D-Speaker", peers=("speakerlab",)
    ),
}


def published_errors(encoder: Published) -> tuple[str, str]:
    """EER on the lists O, E and H, and whose they are."""
    if not encoder.system:
        return encoder.errors, encoder.source
    entries = read_published(ROOT / "egs/voxceleb/sv/published.yaml")
    found = [entry for name in "OEH" for entry in entries if (entry.system, entry.list) == (encoder.system, name)]
    return " ".join(
        f"{entry.eer:.2f}" for entry in found
    ), f"{found[0].source}, {encoder.system.split(', ', 1)[-1]}"


def timbre_encoder(encoder: Published) -> nn.Module:
    from timbre.models import build_encoder

    return build_encoder(build(kind_module("timbre.models", encoder.conf["kind"]).Conf, encoder.conf), encoder.bins)


def peer_encoder(toolkit: str, name: str) -> nn.Module:
    """A toolkit's own class, of the same sizes."""
    width = 1024 if name == "ecapa1024" else 512
    if toolkit == "speechbrain":
        from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

        return ECAPA_TDNN(80, channels=[width] * 4 + [1536], lin_neurons=192)
    if toolkit == "speakerlab":
        from speakerlab.models.campplus import DTDNN
        from speakerlab.models.ecapa_tdnn import ECAPA_TDNN
        from speakerlab.models.eres2net import ERes2NetV2
        from speakerlab.models.resnet import ResNet

        return {
            "ecapa": lambda: ECAPA_TDNN.ECAPA_TDNN(80, channels=[512] * 4 + [1536], lin_neurons=192),
            "resnet": lambda: ResNet.ResNet(feat_dim=80, embedding_size=256, two_emb_layer=False),
            "campplus": lambda: DTDNN.CAMPPlus(80),
            "eres2net_v2": lambda: ERes2NetV2.ERes2NetV2(),
        }[name.rstrip("0123456789") if name != "eres2net_v2" else name]()
    without_init("wespeaker")
    without_init("wespeaker.frontend")
    from wespeaker.models import campplus, ecapa_tdnn, resnet, tdnn

    if name.startswith("redimnet2"):  # at the published sizes, which are not its own
        from wespeaker.models import redimnet2

        from timbre.models.redimnet2 import SIZES

        channels, stages, outputs = SIZES[name[-2:]]
        rows = [[[s.bins, s.frames], s.blocks, s.expansion, [[3, 3]], s.reduction] for s in stages]
        reduced = {"out_channels": outputs, "return_2d_output": True} if outputs else {}
        return Transposed(redimnet2.ReDimNet2Wrap(C=channels, stages_setup=rows, **reduced))
    return {
        "xvector": lambda: tdnn.XVEC(80),
        "ecapa": lambda: ecapa_tdnn.ECAPA_TDNN(width, 80, 192, global_context_att=True, emb_bn=False),
        "resnet": lambda: resnet.ResNet(resnet.BasicBlock, [3, 4, 6, 3], 32, 80, 256),
        "campplus": lambda: campplus.CAMPPlus(80),
    }[name.rstrip("0123456789")]()


class Transposed(nn.Module):
    """A network that takes ``(B, F, T)``."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, feats: Tensor) -> Tensor:
        return self.network(feats.transpose(1, 2))


def clock() -> float:
    return time.process_time() if THREADS == 1 else time.perf_counter()


def milliseconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """The median after two calls that are not counted."""
    times = []
    for _ in range(2 + repeats):
        begin = clock()
        work()
        times.append(1e3 * (clock() - begin))
    return statistics.median(times[2:])


def cell(name: str, toolkit: str, task: str, frames: list[int], batch: int) -> dict:
    """One process's measurement: of a ``task`` embed, step or graph."""
    torch.manual_seed(0)
    torch.set_num_threads(THREADS)
    encoder = ENCODERS[name]
    with contextlib.redirect_stdout(io.StringIO()):
        network = timbre_encoder(encoder) if toolkit == "timbre" else peer_encoder(toolkit, name)
    short, long = (torch.randn(1, count, encoder.bins) for count in frames)
    several = torch.randn(batch, frames[0], encoder.bins)
    if task == "step":
        return step(network, toolkit, several)
    if task == "graph":
        return graph(network.eval(), encoder, short)
    return embed(network.eval(), toolkit, short, long, several)


def run_by(network: nn.Module, toolkit: str) -> Callable[[Tensor], Tensor]:
    if toolkit == "timbre":
        return lambda feats: network(feats, torch.full((len(feats),), feats.shape[1]))
    return lambda feats: last(network(feats))


@torch.inference_mode()
def embed(network: nn.Module, toolkit: str, short: Tensor, long: Tensor, several: Tensor) -> dict:
    from torch.utils.flop_counter import FlopCounterMode

    from timbre.models.inference import prepare_for_inference

    found: dict[str, Any] = {"parameters": sum(weight.numel() for weight in network.parameters()) / 1e6}
    with FlopCounterMode(display=False) as counter:
        run_by(network, toolkit)(short)
    found["operations"] = counter.get_total_flops() / 2e9
    run = run_by(prepare_for_inference(network) if toolkit == "timbre" else network, toolkit)
    for threads in sorted({1, THREADS}):
        torch.set_num_threads(threads)
        found[f"short {threads}"] = milliseconds(lambda: run(short))
        found[f"long {threads}"] = milliseconds(lambda: run(long))
    torch.set_num_threads(1)
    found["memory"] = peak_memory()
    found["batch"] = milliseconds(lambda: run(several), 3)
    return found


def step(network: nn.Module, toolkit: str, several: Tensor) -> dict:
    run, optimiser = run_by(network.train(), toolkit), torch.optim.SGD(network.parameters(), lr=1e-3)

    def work() -> None:
        optimiser.zero_grad()
        run(several).square().mean().backward()
        optimiser.step()

    work()
    begin = clock()
    work()
    return {"step": 1e3 * (clock() - begin), "memory": peak_memory()}


def graph(network: nn.Module, encoder: Published, short: Tensor) -> dict:
    """The graph as it is exported, on one thread, and its largest difference as a share of the largest value."""
    import onnxruntime

    from timbre.models.export import difference, export_onnx, session
    from timbre.models.trained import TrainedModel
    from timbre.training.experiment import Experiment

    conf = {"features": {"kind": "fbank", "num_mel_bins": encoder.bins}, "encoder": encoder.conf}
    state = {"conf": build(Experiment, conf).model_dump(), "classes": [], "encoder": network.state_dict()}
    model = TrainedModel(state | {"backend": {"mean": torch.zeros(network.embedding_dim)}}, torch.device("cpu"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_onnx(model, path)
        error, scale = difference(model.network, model.encoder.min_frames, encoder.bins, session(path))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        running = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        given = {"feats": short.numpy(), "lengths": torch.tensor([short.shape[1]]).numpy()}
        return {"graph": milliseconds(lambda: running.run(None, given)), "deviation": error / scale}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    here = [name for name, encoder in ENCODERS.items() if encoder.conf["kind"] in kinds("timbre.models")]
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--encoders", nargs="+", choices=here, default=here)
    parser.add_argument("--seconds", nargs=2, type=float, default=[2.0, 10.0], help="of the two utterances")
    parser.add_argument("--batch", type=int, default=8, help="utterances embedded together")
    parser.add_argument("--step", type=int, default=32, help="utterances of a training step")
    parser.add_argument("--no-steps", action="store_true", help="without training steps")
    args = parse(parser, cell, rounds=1, encoders=["xvector"], seconds=[0.4, 0.6], batch=2, step=2)
    frames = [round(100 * seconds) for seconds in args.seconds]
    installed = [toolkit for toolkit in ALL if importlib.util.find_spec(toolkit)]
    if absent := set(ALL) - set(installed):
        print(f"not installed, and left out (benchmarks/requirements.txt): {', '.join(sorted(absent))}\n")
    by = {name: ["timbre", *(peer for peer in ENCODERS[name].peers if peer in installed)] for name in args.encoders}
    tasks = {"embed": args.batch, "graph": 1} | ({} if args.no_steps else {"step": args.step})
    cells = {
        f"{name} {toolkit} {task}": ([name, toolkit, task, frames, count], True)
        for name in args.encoders
        for toolkit in by[name]
        for task, count in tasks.items()
        if task != "graph" or toolkit == "timbre"
    }
    results = alternate(cell, cells, args.rounds, args.smallest)

    def medians(name: str, toolkit: str, task: str) -> dict[str, float]:
        found = results.get(f"{name} {toolkit} {task}", [])
        return {key: median(found, key) for key in found[0]} if found else {}

    report(by, medians, args, sorted({1, THREADS}))


def report(
    by: dict[str, list[str]],
    medians: Callable[[str, str, str], dict[str, float]],
    args: argparse.Namespace,
    threads: list[int],
) -> None:
    short, long = (f"{seconds:g} s" for seconds in args.seconds)
    rows = []
    for name in by:
        found = medians(name, "timbre", "embed")
        rows.append([name, found["parameters"], found["operations"], *published_errors(ENCODERS[name])])
    show(["encoder", "parameters, M", f"GMAC of {short}", "EER % O E H", "source"], rows)
    print()
    times = [
        f"ms, {length}, {count} thread{'s' * (count > 1)}"
        for count, length in itertools.product(threads, (short, long))
    ]
    keys = [f"{length} {count}" for count, length in itertools.product(threads, ("short", "long"))]
    last_columns = [f"ms, {args.batch} × {short}", f"ONNX, ms, {short}", "ONNX differs by", "peak MB"]
    rows = []
    for name, toolkits in by.items():
        for toolkit in toolkits:
            found = medians(name, toolkit, "embed") | medians(name, toolkit, "step")
            exported = medians(name, toolkit, "graph")
            row = [name, toolkit, *(found[key] for key in keys), found["batch"]]
            row += [exported.get("graph", ""), f"{exported['deviation']:.0e}" if exported else ""]
            row += [medians(name, toolkit, "embed")["memory"]]
            row += [] if args.no_steps else [found["step"], found["memory"]]
            rows.append(row)
    steps = [] if args.no_steps else [f"ms, step of {args.step}", "its peak MB"]
    show(["encoder", "by", *times, *last_columns, *steps], rows)
    ratios = []
    for name, toolkits in by.items():
        ours = medians(name, "timbre", "embed") | medians(name, "timbre", "step")
        for toolkit in toolkits[1:]:
            theirs = medians(name, toolkit, "embed") | medians(name, toolkit, "step")
            chosen = ["short 1", "long 1", "batch"] + ([] if args.no_steps else ["step"])
            ratios.append([name, toolkit, *(theirs[key] / ours[key] for key in chosen)])
    if ratios:
        print("\nTimes of others, as multiples of timbre's:\n")
        header = [short, long, f"{args.batch} × {short}", *(["a step"] if not args.no_steps else [])]
        show(["encoder", "by", *(f"{column}, ratio" for column in header)], ratios)


if __name__ == "__main__":
    main()
