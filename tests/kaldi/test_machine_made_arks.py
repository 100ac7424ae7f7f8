"""Arks and rxfiles that a machine makes: what was written is read, by every path alike, or refused."""

from __future__ import annotations

from pathlib import Path

import kaldiio
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from timbre.errors import TimbreError
from timbre.kaldi.rxfile import parse_rxfile
from timbre.kaldi.tables import STORAGE, ArkWriter, read_matrix, read_vector, read_vectors
from timbre.kaldi.text import read_table

floats = st.floats(-1e4, 1e4, width=32)
matrices = arrays.arrays(np.float32, st.tuples(st.integers(1, 12), st.integers(1, 4)), elements=floats)
ends = st.none() | st.integers(0, 15)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("arks")


def write(folder: Path, items, storage: str = "float32") -> dict[str, str]:
    """The rxfiles of arrays in an ark, by their numbers."""
    with ArkWriter(folder / "x.ark", folder / "x.scp", storage) as writer:
        for number, array in enumerate(items):
            writer.write(f"u{number}", array)
    return list(read_table(folder / "x.scp").values())


def outcome(call):
    """What it returns as lists, or that it refuses; any other exception is a defect."""
    try:
        return np.asarray(call()).tolist()
    except TimbreError:
        return "refused"


@given(st.lists(matrices, min_size=1, max_size=3), st.sampled_from(list(STORAGE)), ends, ends)
def test_any_rows_are_those_of_the_whole(folder, items, storage, start, stop):
    for rxfile, array in zip(write(folder, items, storage), items, strict=True):
        whole = read_matrix(rxfile)
        assert whole.shape == array.shape
        if storage == "float32":
            np.testing.assert_array_equal(whole, array)
        np.testing.assert_allclose(whole, kaldiio.load_mat(rxfile), rtol=1e-5, atol=1e-2)
        np.testing.assert_array_equal(read_matrix(rxfile, start or 0, stop), whole[start or 0 : stop])


@given(matrices, st.integers(0, 15), st.integers(0, 18), st.integers(0, 5), st.integers(0, 5), ends)
def test_a_range_is_kaldis_or_refused(folder, array, first, last, left, right, stop):
    (rxfile,) = write(folder, [array])
    rows, columns = array.shape
    fits = first <= last and first < rows and last < rows + 3 and left <= right < columns
    wanted = array[first : last + 1, left : right + 1].tolist() if fits else "refused"
    assert outcome(lambda: read_matrix(f"{rxfile}[{first}:{last},{left}:{right}]")) == wanted
    if fits:
        part = read_matrix(f"{rxfile}[{first}:{last},{left}:{right}]", 1, stop)
        np.testing.assert_array_equal(part, array[first : last + 1, left : right + 1][1:stop])
        np.testing.assert_array_equal(read_matrix(f"{rxfile}[:,{left}:{right}]"), array[:, left : right + 1])
        np.testing.assert_array_equal(read_matrix(f"{rxfile}[{first}:{last}]"), array[first : last + 1])


@given(st.lists(arrays.arrays(np.float32, 5, elements=floats), min_size=1, max_size=4), st.integers(0, 9))
def test_vectors_are_read_alike_alone_and_together(folder, items, last):
    rxfiles = write(folder, items)
    for ranged in (rxfiles, [f"{rxfile}[0:{last}]" for rxfile in rxfiles]):
        scp = folder / "ranged.scp"
        scp.write_text("".join(f"u{number} {rxfile}\n" for number, rxfile in enumerate(ranged)))
        assert outcome(lambda: read_vectors(scp)[1]) == outcome(lambda: np.stack(list(map(read_vector, ranged))))  # noqa: B023


@given(
    matrices, st.sampled_from([" ", "\t", "  "]), st.sampled_from(["\n", ";", " \n "]), st.sampled_from(["", " "])
)
def test_text_is_read_as_it_was_meant(folder, array, blank, line, before):
    rows = (blank.join(map(repr, row)) for row in array.tolist())
    (folder / "t.ark").write_text(f"u1  [{blank}{line.join(rows)}{before}]\nu2  [ 1 ]\n")
    found = read_matrix(f"{folder}/t.ark:3")
    np.testing.assert_array_equal(found, array)
    if len(array) == 1:
        np.testing.assert_array_equal(read_vector(f"{folder}/t.ark:3"), array[0])


@given(st.text("[] \n;0123456789.eE+-_naif\u0661", max_size=30))
def test_text_that_kaldi_would_not_write_is_refused_or_read_as_numbers(folder, text):
    (folder / "t.ark").write_text(f" {text}\n", encoding="utf-8")
    found = outcome(lambda: read_matrix(f"{folder}/t.ark"))
    if found != "refused":
        inside = text.strip()[1:].partition("]")[0].replace(";", "\n")
        assert text.strip().startswith("[") and "_" not in inside and "\u0661" not in inside
        wanted = [[np.float32(word) for word in row.split()] for row in inside.split("\n") if row.split()]
        np.testing.assert_array_equal(np.array(found, np.float32), np.array(wanted or [], np.float32))


@given(st.lists(matrices, min_size=1, max_size=2), st.sampled_from(list(STORAGE)), st.data())
def test_damaged_bytes_give_an_array_or_a_refusal(folder, items, storage, data):
    """Whatever sizes a header promises, nothing is allocated for what is not there."""
    rxfiles = write(folder, [*items, items[0][0]], storage)
    damaged = bytearray((folder / "x.ark").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    (folder / "x.ark").write_bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    for rxfile in rxfiles:
        for call in (read_matrix, read_vector):
            outcome(lambda: call(rxfile))  # noqa: B023


@given(st.text(st.sampled_from("ab/:[]|,0 12 \u00a0\n"), max_size=20))
def test_an_rxfile_is_parsed_or_refused(text):
    try:
        found = parse_rxfile(text)
    except TimbreError:
        return
    assert text.startswith(found.path) and found.offset >= 0
    assert found.rows is None or "[" in text


@pytest.mark.parametrize("key", ["", "a b", "a\tb", "a\n", "a\0"])
def test_a_key_that_could_not_be_read_back_is_refused(folder, key):
    with pytest.raises(TimbreError), ArkWriter(folder / "k.ark", folder / "k.scp") as writer:
        writer.write(key, np.ones(2))
    with pytest.raises(TimbreError), ArkWriter(folder / "k.ark", folder / "k.scp") as writer:
        writer.write("twice", np.ones(2))
        writer.write("twice", np.ones(2))
    assert not (folder / "k.ark").exists()
