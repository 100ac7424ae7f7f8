"""Single Kaldi objects: what is written is read, by our readers and as Kaldi lays it out."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from messages import refused

from timbre.kaldi.objects import read_plda, write_object, write_plda
from timbre.kaldi.tables import read_matrix, read_vector


def model(dim: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return generator.normal(size=dim), generator.normal(size=(dim, dim)), generator.random(dim)


@pytest.mark.parametrize("binary", [True, False])
def test_plda_comes_back_to_the_last_bit(tmp_path, binary):
    write_plda(tmp_path / "plda", *model(), binary=binary)
    for part, wanted in zip(read_plda(tmp_path / "plda"), model(), strict=True):
        np.testing.assert_array_equal(part, wanted)


def test_the_binary_form_is_kaldis(tmp_path):
    mean, transform, psi = model(2)
    write_plda(tmp_path / "plda", mean, transform, psi)
    vector = b"DV \4" + struct.pack("<i", 2)
    wanted = b"\0B<Plda> " + vector + mean.tobytes() + b"DM \4" + struct.pack("<i", 2) + b"\4"
    wanted += struct.pack("<i", 2) + transform.tobytes() + vector + psi.tobytes() + b"</Plda> "
    assert (tmp_path / "plda").read_bytes() == wanted


def test_kaldis_text_is_read(kaldi):
    mean, transform, psi = read_plda(kaldi / "plda.txt")
    assert (mean[0], mean[-1]) == (-1.99866, -1.710551)
    assert transform.shape == (12, 12)
    assert transform[0, 1] == -1.778496
    assert (np.diff(psi) < 0).all()


def test_vectors_and_matrices_are_read_without_a_key(tmp_path):
    mean, matrix, _ = model()
    write_object(tmp_path / "mean.vec", mean)
    write_object(tmp_path / "lda.mat", matrix[:2])
    np.testing.assert_array_equal(read_vector(str(tmp_path / "mean.vec")), mean.astype(np.float32))
    np.testing.assert_array_equal(read_matrix(str(tmp_path / "lda.mat")), matrix[:2].astype(np.float32))


def test_what_is_no_model_is_refused_by_file(tmp_path):
    path = tmp_path / "plda"
    with refused("/plda: ", "steps/train_backends.sh"):
        read_plda(path)
    write_plda(path, *model())
    whole = path.read_bytes()
    for broken in (whole[:-40], whole[:60], b"something else\n", b"<Plda>  [ 1 2 ]\n [ 1 ]\n </Plda> ", b""):
        path.write_bytes(broken)
        with refused("/plda: "):
            read_plda(path)
    mean, transform, psi = model()
    with refused(path, "finite"):
        write_plda(path, mean, transform, psi * np.nan)
    with refused(path, "finite"):
        write_object(path, mean * np.inf)
    assert path.read_bytes() == b""
