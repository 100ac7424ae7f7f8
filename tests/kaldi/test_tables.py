"""ark/scp: Kaldi's own files, round trips, ranges of rows, and what is refused."""

from __future__ import annotations

import errno

import kaldiio
import numpy as np
import pytest
from messages import refused

from timbre.kaldi import atomic
from timbre.kaldi.tables import ArkWriter, read_matrix, read_vector, read_vectors
from timbre.kaldi.text import read_table

RNG = np.random.default_rng(0)
MATRIX = RNG.normal(size=(120, 13)).astype(np.float32)


def write(folder, storage="float32", **arrays):
    with ArkWriter(folder / "x.ark", folder / "x.scp", storage) as writer:
        for key, array in arrays.items():
            writer.write(key, array)
    return read_table(folder / "x.scp")


@pytest.mark.parametrize("name", ["mfcc_voxceleb_cm1", "mfcc_voxceleb_cm2", "mfcc_voxceleb_float"])
def test_reads_what_kaldi_wrote(kaldi, kaldi_text, tmp_path, name):
    wanted = kaldi_text("mfcc_voxceleb.txt")
    found = {}
    data = (kaldi / f"{name}.ark").read_bytes()
    for key in wanted:
        offset = data.index(f"{key} ".encode()) + len(key) + 1
        found[key] = read_matrix(f"{kaldi / name}.ark:{offset}")
    spread = {"mfcc_voxceleb_float": 1e-4, "mfcc_voxceleb_cm2": 2e-3, "mfcc_voxceleb_cm1": 1.0}[name]
    for key in wanted:
        assert found[key].shape == wanted[key].shape
        assert np.abs(found[key] - wanted[key]).max() < spread


@pytest.mark.parametrize("storage,error", [("float32", 0), ("half", 1e-4), ("kaldi", 0.05)])
def test_row_ranges_equal_the_whole(tmp_path, storage, error):
    rxfile = write(tmp_path, storage, a=MATRIX[:50], b=MATRIX)["b"]
    whole = read_matrix(rxfile)
    assert np.abs(whole - MATRIX).max() <= error
    np.testing.assert_allclose(whole, kaldiio.load_mat(rxfile), atol=1e-6)
    for start, stop in [(0, 10), (37, 90), (100, 500), (119, 120)]:
        np.testing.assert_array_equal(read_matrix(rxfile, start, stop), whole[start:stop])


def test_a_range_reads_only_its_rows(tmp_path, monkeypatch):
    rxfile = write(tmp_path, a=MATRIX)["a"]
    data = bytearray((tmp_path / "x.ark").read_bytes())
    del data[-13 * 4 * 20 :]  # the last twenty rows are gone: a reader of whole matrices would fail
    (tmp_path / "x.ark").write_bytes(data)
    np.testing.assert_array_equal(read_matrix(rxfile, 0, 100), MATRIX[:100])
    with refused("/x.ark:2: ", "1040 bytes"):
        read_matrix(rxfile)


def test_kaldi_ranges_in_an_scp_include_both_ends(tmp_path):
    rxfile = write(tmp_path, a=MATRIX)["a"]
    np.testing.assert_array_equal(read_matrix(rxfile + "[10:19]"), MATRIX[10:20])
    np.testing.assert_array_equal(read_matrix(rxfile + "[10:19,0:2]", 2, 4), MATRIX[12:14, :3])


def test_vectors_and_text_form(tmp_path):
    write(tmp_path, a=MATRIX[0], b=MATRIX[1])
    keys, vectors = read_vectors(tmp_path / "x.scp")
    assert keys == ["a", "b"]
    np.testing.assert_array_equal(vectors, MATRIX[:2])
    text = b"a  [\n  1 2\n  3 4 ]\nb  [ 5 6 7 ]\n"
    (tmp_path / "t.ark").write_bytes(text)
    np.testing.assert_array_equal(read_matrix(f"{tmp_path}/t.ark:2"), [[1, 2], [3, 4]])
    np.testing.assert_array_equal(read_vector(f"{tmp_path}/t.ark:{text.index(b'b ') + 2}"), [5, 6, 7])


def test_a_moved_data_directory_still_reads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ArkWriter("data/train/arks/x.ark", "data/train/x.scp") as writer:
        writer.write("a", MATRIX)
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    scp = tmp_path / "elsewhere/train/x.scp"
    np.testing.assert_array_equal(read_matrix(read_table(scp)["a"], scp=scp), MATRIX)


def test_corrupt_arks_are_refused_by_name(tmp_path):
    rxfile = write(tmp_path, a=MATRIX)["a"]
    path = rxfile.rpartition(":")[0]
    for bad, wanted in [
        (f"{path}:99999999", "scp"),
        (f"{path}:7", "ark corrupt"),
        (f"{tmp_path}/none.ark:0", "file"),
        ("cat x.ark |", "commands"),
    ]:
        with refused(f"{bad}: ", wanted):
            read_matrix(bad)
    with refused(f"{rxfile}: ", "vector"):
        read_vector(rxfile)
    with refused("a: ", "finite", path):
        write(tmp_path, a=MATRIX * np.nan)


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    write(tmp_path, a=MATRIX)
    before = (tmp_path / "x.ark").read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with refused("/x.ark: ", "No space left on device"):
        write(tmp_path, a=MATRIX[:3])
    assert (tmp_path / "x.ark").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.ark", "x.scp"]
