"""A plan is made again when what it follows from has changed, and then only."""

from __future__ import annotations

import pytest

from timbre.pipeline.plan import files_of, is_current, read_names, write_plan

ASKED = {"conf": "conf.yaml", "set": "[]"}


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """The plan of ``conf.yaml``, whose base is ``base.yaml``, and of a model that is not there yet."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.yaml").write_text("train: {epochs: 3}\nseed: 1\n")
    (tmp_path / "conf.yaml").write_text("base: base.yaml\nloss: {margin: 0.2, scale: 30}\n")
    texts = {"names": "exp exp/x\n", "conf.yaml": "streams: {a: {model: exp/other}}\n"}
    folder = tmp_path / "exp/x/plan"
    write_plan(folder, ASKED, files_of([tmp_path / "conf.yaml"], {"conf.yaml": texts["conf.yaml"]}), texts)
    return folder


@pytest.mark.parametrize(
    ("name", "text", "same"),
    [
        ("conf.yaml", "# why\nloss: {scale: 30, margin: 0.2}\nbase: base.yaml\n", True),
        ("conf.yaml", "base: base.yaml\nloss: {margin: 0.3, scale: 30}\n", False),
        ("conf.yaml", "base: [", False),
        ("base.yaml", "train: {epochs: 4}\nseed: 1\n", False),
        ("exp/other/final.pt", "now it is there", False),
        ("exp/x/plan/made_of.json", "{", False),
    ],
)
def test_what_makes_a_plan_anew(plan, tmp_path, name, text, same):
    assert is_current(plan, ASKED) and read_names(plan) == {"exp": "exp/x"}
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)
    assert is_current(plan, ASKED) == same


def test_other_options_make_it_anew(plan):
    assert not is_current(plan, ASKED | {"set": "['train.epochs=5']"})
    assert not is_current(plan.parent / "none", ASKED)


def test_a_configuration_of_another_toolkit_beside_a_model_is_no_conf(tmp_path):
    (tmp_path / "conf.yaml").write_text("seed: 1\n")
    (tmp_path / "embedding_model.ckpt").touch()
    (tmp_path / "hyperparams.yaml").write_text("model: !new:some.Class {n: 3}\n")
    files = files_of([tmp_path / "conf.yaml"], {"conf.yaml": f"init: {tmp_path}\n"})
    write_plan(tmp_path / "plan", ASKED, files, {})
    assert is_current(tmp_path / "plan", ASKED)
    (tmp_path / "hyperparams.yaml").write_text("model: !new:some.Class {n: 4}\n")
    assert not is_current(tmp_path / "plan", ASKED)
