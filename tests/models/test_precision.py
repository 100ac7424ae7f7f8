"""The precision of a machine is decided before it works: what is only emulated is never chosen, and refused."""

from __future__ import annotations

import pytest
import torch
from messages import refused

from timbre.models import precision
from timbre.models.precision import native_bf16, resolve_precision
from timbre.training.train import train_experiment

CPU = torch.device("cpu")


@pytest.fixture
def emulated(monkeypatch):
    """A machine that emulates bf16."""
    monkeypatch.setattr(precision, "native_bf16", lambda device: False)


def test_auto_takes_bf16_where_it_is_native(monkeypatch):
    monkeypatch.setattr(precision, "native_bf16", lambda device: True)
    assert [resolve_precision(name, CPU) for name in ("auto", "bf16", "fp32")] == ["bf16", "bf16", "fp32"]
    with refused("fp16", "GPU", "auto", "bf16"):
        resolve_precision("fp16", CPU)


def test_what_would_be_emulated_is_refused(emulated):
    assert [resolve_precision(name, CPU) for name in ("auto", "fp32")] == ["fp32", "fp32"]
    with refused("bf16", "AVX512-BF16", "auto", "fp32"):
        resolve_precision("bf16", CPU)


@pytest.mark.parametrize("name", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"])
def test_instructions_that_onednn_may_not_use_do_not_count(name, monkeypatch):
    for limit in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        monkeypatch.delenv(limit, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    assert native_bf16(CPU)
    monkeypatch.setenv(name, "AVX512_CORE_BF16")
    assert native_bf16(CPU)
    monkeypatch.setenv(name, "AVX512_CORE")
    assert not native_bf16(CPU)
    monkeypatch.delenv(name)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)  # as with AVX2
    assert not native_bf16(CPU)


def test_no_training_begins_in_a_precision_that_is_refused(emulated, toy_data, toy_conf, tmp_path):
    """But what another machine has trained in it is there."""
    data, conf, exp = toy_data(), toy_conf("train.precision=bf16"), tmp_path / "exp"
    with refused("precision bf16"):
        train_experiment(conf, data, exp, "cpu")
    assert not exp.exists()
    exp.mkdir()
    (exp / "final.pt").touch()
    assert "trained already" in train_experiment(conf, data, exp, "cpu")
