"""The picture of docs/architecture.md against the code: imports go down only; a command loads what it needs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import timbre
from timbre.__main__ import commands, main
from timbre.conf import build
from timbre.features.published import FORMAT
from timbre.features.tensors import save_tensors
from timbre.models import build_encoder
from timbre.models.trained import ModelConf

SOURCE = Path(timbre.__file__).parent
FLOORS = [
    "kaldi",
    "pipeline",
    "corpora",
    "features",
    "models",
    "scoring",
    "losses",
    "training",
    "report",
    "people",
    "serve",
    "stages",
]
GROUND = {"errors", "conf", "conf_files", "conf_effects", "plain_yaml", "randomness"}


def modules(path: Path) -> set[str]:
    """The modules that a file imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def imports(path: Path) -> set[str]:
    """The rooms of timbre that a file imports."""
    return {name.split(".")[1] for name in modules(path) if name.startswith("timbre.")}


def test_imports_go_down_only():
    seen = set()
    for path in SOURCE.glob("*/*.py"):
        room = path.parent.name
        allowed = GROUND | set(FLOORS[: FLOORS.index(room) + 1])
        assert imports(path) <= allowed, f"{path} imports {imports(path) - allowed}"
        seen.add(room)
    assert seen == set(FLOORS)
    assert not any("torch" in modules(path) for path in SOURCE.glob("kaldi/*.py"))
    assert imports(SOURCE / "errors.py") == set()
    assert imports(SOURCE / "conf.py") <= {"errors", "conf_files", "plain_yaml"}
    assert imports(SOURCE / "conf_files.py") <= {"errors", "plain_yaml"}
    assert imports(SOURCE / "plain_yaml.py") <= {"errors", "kaldi"}
    assert imports(SOURCE / "randomness.py") == set()


HEAVY = {"torch", "torchaudio", "torch._dynamo", "sklearn", "matplotlib", "tensorboard", "onnx"} | {
    f"scipy.{name}" for name in ("fft", "optimize", "signal", "sparse", "special", "stats")
}
NETWORKS = ["augment-data", "check-conf", "classify", "extract-embeddings", "identify", "make-ablation"]
NETWORKS += ["make-feats", "make-model-card", "make-plan", "make-results", "recognise-phones", "show-conf"]
NETWORKS += ["show-model", "train-backend", "calibrate", "enrol", "evaluate-people", "serve", "verify"]
NEEDS = {name: {"torch"} for name in NETWORKS} | {
    "export-onnx": {"torch", "onnx"},
    "train-encoder": {"torch", "tensorboard"},
    "make-report": {"matplotlib"},
    "compare-report": {"matplotlib"},
}
LOADED = f"""
import ast, sys, timbre.stages
from pathlib import Path
for command in sys.argv[1:]:
    before = set(sys.modules)
    file = Path(timbre.stages.__path__[0], command.replace("-", "_") + ".py")
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            exec(ast.unparse(node))
    print(command, *sorted({HEAVY} & (set(sys.modules) - before)))
"""

RUN = f"""
import sys
from timbre.__main__ import main
for command in eval(sys.argv[1]):
    main(command)
    print("loaded", *{HEAVY} & set(sys.modules))
"""


def python(code: str, *arguments: object) -> str:
    """What a Python of its own prints."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


@pytest.mark.parametrize("last", [["export-onnx", "train-encoder"], ["make-report", "compare-report"]])
def test_a_command_imports_nothing_heavy_that_it_does_not_need(last):
    """The imports of its module and of its functions, one command after the other, in one process for many."""
    first = [name for name in commands() if name not in NEEDS] + NETWORKS * ("make-report" not in last)
    loaded = [line.split() for line in python(LOADED, *first, *last).splitlines()]
    assert [line[0] for line in loaded] == first + last
    for command, *heavy in loaded:
        assert set(heavy) <= NEEDS.get(command, set()), f"timbre {command} imports {heavy}"


def test_a_conf_is_read_without_what_features_need_and_a_file_embedded_without_training(tmp_path):
    conf = build(ModelConf, {"features": {"kind": "fbank"}, "encoder": {"kind": "xvector", "channels": 4}})
    encoder = build_encoder(conf.encoder, 80).state_dict()
    state = {"conf": conf.model_dump(mode="json"), "classes": [], "backend": {"mean": torch.zeros(512)}}
    save_tensors(tmp_path / "final.pt", {"format": FORMAT, "encoder": encoder} | state)
    (tmp_path / "x.yaml").write_text("features: {kind: fbank}\nencoder: {kind: ecapa_tdnn}\n")
    wav = tmp_path / "a.wav"
    soundfile.write(wav, np.random.default_rng(0).normal(size=16000) / 9, 16000)
    runs = [["show-conf", "--conf", f"{tmp_path}/x.yaml"], ["verify", "--model", str(tmp_path), str(wav), str(wav)]]
    said = python(RUN, runs)
    loaded = [set(line.split()[1:]) for line in said.splitlines() if line.startswith("loaded ")]
    assert loaded == [{"torch"}, {"torch", "torchaudio"}]


def test_a_plan_that_stands_is_given_without_torch(tmp_path):
    """Every run of a recipe asks for it first, with --status too."""
    (tmp_path / "x.yaml").write_text("features: {kind: fbank}\nencoder: {kind: xvector}\n")
    asked = ["make-plan", "--conf", f"{tmp_path}/x.yaml", "--expdir", f"{tmp_path}/exp"]
    main(asked)
    assert python(RUN, [asked]).splitlines() == [f"{tmp_path}/exp/x/plan", "loaded"]
