"""The picture of docs/architecture.md against the code: imports go down only, and Kaldi's tools need no torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import timbre

SOURCE = Path(timbre.__file__).parent
FLOORS = ["kaldi", "corpora", "features", "models", "scoring", "losses", "training", "report", "stages"]
GROUND = {"errors", "conf"}


def imports(path: Path) -> set[str]:
    """The rooms of timbre that a file imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | (
                {f"timbre.{alias.name}" for alias in node.names} if node.module == "timbre" else set()
            )
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("timbre.")}


def test_imports_go_down_only():
    seen = set()
    for path in SOURCE.glob("*/*.py"):
        room = path.parent.name
        allowed = GROUND | set(FLOORS[: FLOORS.index(room) + 1])
        assert imports(path) <= allowed, f"{path} imports {imports(path) - allowed}"
        seen.add(room)
    assert seen == set(FLOORS)
    assert imports(SOURCE / "errors.py") == set()
    assert imports(SOURCE / "conf.py") <= {"errors", "kaldi"}


def test_kaldis_tools_and_the_command_line_start_without_torch():
    modules = [f"timbre.kaldi.{path.stem}" for path in (SOURCE / "kaldi").glob("*.py")]
    light = ["validate_data_dir", "fix_data_dir", "subset_data_dir", "combine_data", "copy_data_dir", "split_data"]
    modules += ["timbre.__main__"] + [f"timbre.stages.{name}" for name in [*light, "prepare", "make_trials"]]
    code = f"import sys, {', '.join(modules)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
