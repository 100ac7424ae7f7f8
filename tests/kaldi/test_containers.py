"""Containers made by a machine: the reader returns the samples that were written, or refuses the file."""

from __future__ import annotations

import io
import os
import socket
import struct
from functools import cache

import numpy as np
import pytest
import soundfile
from hypothesis import example, given
from hypothesis import strategies as st
from messages import names, refused

from timbre.errors import AudioError
from timbre.kaldi import open_audio
from timbre.kaldi.audio import load
from timbre.kaldi.excerpts import load_excerpt

RATE = 16000
WAVE = (0.3 * np.sin(np.arange(600) * 0.17) + 0.05 * np.random.default_rng(0).standard_normal(600)).astype("f4")
PCM = (3000 * WAVE).astype("<i2")
STREAMED = (0, 0x7F000000, 0x7FFFF000, 0x7FFFF000 + 36, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFF - 36)

# (container, coding, byte order) of each that is read.
KINDS = [
    *(("WAV", coding, order) for coding in ("PCM_16", "PCM_24", "FLOAT") for order in ("LITTLE", "BIG")),
    *(("WAV", coding, "FILE") for coding in ("PCM_U8", "DOUBLE", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM")),
    *(("WAV", coding, "FILE") for coding in ("GSM610", "G721_32", "NMS_ADPCM_16")),
    *((form, coding, "FILE") for form in ("RF64", "W64", "AIFF", "CAF", "WAVEX") for coding in ("PCM_16", "FLOAT")),
    *(("AU", coding, order) for coding in ("PCM_16", "DOUBLE") for order in ("LITTLE", "BIG")),
    ("AIFF", "GSM610", "FILE"),
    ("AU", "G723_24", "FILE"),
    ("W64", "GSM610", "FILE"),
    ("CAF", "ALAC_16", "FILE"),
    ("NIST", "PCM_16", "FILE"),
    ("FLAC", "PCM_16", "FILE"),
    ("OGG", "VORBIS", "FILE"),
    ("OGG", "OPUS", "FILE"),
    ("MP3", "MPEG_LAYER_III", "FILE"),
]


@cache
def written(form, coding, order):
    file = io.BytesIO()
    soundfile.write(file, np.resize(WAVE, 4000), RATE, format=form, subtype=coding, endian=order)
    return file.getvalue()


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """What comes of bytes: the samples or the reason, the same from a file and from a pipe."""
    path = str(tmp_path_factory.mktemp("audio") / "a")
    held = [b""]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(open_audio, "_output", lambda command, allow_pipes: held[0])

        def read(data):
            held[0] = data
            with open(path, "wb") as file:
                file.write(data)
            found = []
            for name, said in ((path, path), ("made |", "'made |'")):
                try:
                    found.append(load(name, allow_pipes=True)[0].tolist())
                except AudioError as error:
                    assert str(error).startswith(f"{said}: ")
                    found.append(str(error).removeprefix(said).split(" --allow-pipes")[0])
            assert found[0] == found[1]
            return found[0]

        read.path = path
        yield read


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_each_container_is_read_whole_and_by_excerpts(outcome, kind):
    samples = outcome(written(*kind))
    assert len(samples) >= 4000
    if kind[1][:3] in ("PCM", "FLO", "DOU", "ULA", "ALA"):
        np.testing.assert_allclose(samples[:4000], np.resize(WAVE, 4000), atol=0.02)
    assert np.corrcoef(samples[:4000], np.resize(WAVE, 4000))[0, 1] > 0.9
    part = load_excerpt(outcome.path, RATE, 300, np.random.default_rng(0))
    found = np.lib.stride_tricks.sliding_window_view(np.array(samples), 300)
    assert np.abs(found - part).max(axis=1).min() < 1e-6


@given(st.sampled_from(KINDS), st.floats(0.01, 1, exclude_max=True))
def test_a_file_cut_anywhere_is_refused(outcome, kind, fraction):
    data = written(*kind)
    found = outcome(data[: int(fraction * len(data))])
    assert isinstance(found, str) or found == outcome(data)  # where nothing but padding is missing


@given(st.data())
def test_a_damaged_file_is_read_or_refused(outcome, data):
    kind = data.draw(st.sampled_from(KINDS))
    damaged = bytearray(written(*kind))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(len(damaged), data.draw(st.sampled_from([64, 128, 1 << 20]))) - 1))
        damaged[place : place + 4] = data.draw(
            st.binary(min_size=0, max_size=8) | st.sampled_from([b"\xff" * 4, b"\x7f\xff\xff\xff", bytes(4)])
        )
    outcome(bytes(damaged))


CHUNKS = st.lists(
    st.tuples(st.sampled_from([b"LIST", b"fact", b"bext", b"JUNK", b"xyz "]), st.binary(max_size=40)), max_size=4
)


def chunk(name, content, order="<", size=None):
    size = struct.pack(f"{order}I", len(content) if size is None else size)
    return name + size + content + bytes(len(content) % 2)


@given(st.booleans(), CHUNKS, CHUNKS, st.sampled_from([None, *STREAMED]), st.booleans())
@example(False, [(b"LIST", b"abc")], [(b"LIST", b"abcd")], None, True)
def test_wav_headers_as_people_write_them(outcome, big, before, after, streamed, extensible):
    order = ">" if big else "<"
    form = struct.pack(f"{order}HHIIHH", 0xFFFE if extensible else 1, 1, RATE, 2 * RATE, 2, 16)
    if extensible:
        guid = struct.pack(f"{order}IHH", 1, 0, 0x10) + bytes([0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71])
        form += struct.pack(f"{order}HHI", 22, 16, 4) + guid
    before = [item for item in before if item[0] != b"fact"]
    chunks = [chunk(b"fmt ", form, order), *(chunk(*item, order) for item in before)]
    chunks.append(chunk(b"data", PCM.astype(f"{order}i2").tobytes(), order, streamed))
    if streamed is None:
        chunks += [chunk(*item, order) for item in after]
    body = b"WAVE" + b"".join(chunks)
    size = struct.pack(f"{order}I", len(body) if streamed is None else (streamed + 36) % (1 << 32))
    found = outcome((b"RIFX" if big else b"RIFF") + size + body)
    np.testing.assert_array_equal(found, PCM / 32768)


@given(CHUNKS, st.sampled_from([None, *STREAMED, (1 << 63) - 1, (1 << 64) - 1]))
def test_rf64_and_w64_headers(outcome, before, size):
    before = [(name, content[len(content) % 2 :]) for name, content in before if name != b"fact"]  # libsndfile
    data = PCM.tobytes()
    form = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
    large = struct.pack("<QQQI", 0, len(data) if size is None else size, len(PCM), 0)
    chunks = [chunk(b"ds64", large), chunk(b"fmt ", form), *(chunk(*item) for item in before)]
    rf64 = b"RF64\xff\xff\xff\xffWAVE" + b"".join(chunks) + chunk(b"data", data, size=0xFFFFFFFF)
    np.testing.assert_array_equal(outcome(rf64), PCM / 32768)

    tail = bytes.fromhex("f3acd3118cd100c04f8edb8a")
    w64 = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000") + struct.pack("<Q", 0) + b"wave" + tail
    for name, content in [(b"fmt ", form), *before, (b"data", data)]:
        said = 24 + len(content) if name != b"data" or size is None else size
        w64 += name + tail + struct.pack("<Q", said) + content + bytes(-len(content) % 8)
    if size is not None:
        w64 = w64[: len(w64) - -len(data) % 8]
    np.testing.assert_array_equal(outcome(w64), PCM / 32768)


@given(CHUNKS, st.sampled_from([None, *STREAMED]), st.integers(0, 20))
def test_aiff_au_and_caf_headers(outcome, before, size, offset):
    data = PCM.astype(">i2").tobytes()
    rate = bytes.fromhex("400cfa00000000000000")  # 16000 as an 80-bit float
    common = chunk(b"COMM", struct.pack(">HIH", 1, len(PCM) if size is None else 0, 16) + rate, ">")
    others = b"".join(chunk(*item, ">") for item in before if item[0] != b"fact")
    sound = struct.pack(">II", offset, 0) + bytes(offset) + data
    said = None if size is None else size
    body = b"AIFF" + common + others + chunk(b"SSND", sound, ">", said)[: 8 + len(sound)]
    np.testing.assert_array_equal(outcome(chunk(b"FORM", body, ">")), PCM / 32768)

    header = struct.pack(">4sIIIII", b".snd", 24 + offset, len(data) if size is None else size, 3, RATE, 1)
    np.testing.assert_array_equal(outcome(header + bytes(offset) + data), PCM / 32768)

    core = b"caff\0\1\0\0desc" + struct.pack(">qd4sIIIII", 32, RATE, b"lpcm", 0, 2, 1, 1, 16)
    core += b"data" + struct.pack(">qI", 4 + len(data) if size is None else -1, 0) + data
    np.testing.assert_array_equal(outcome(core), PCM / 32768)


def test_a_flac_of_unknown_length_is_read_in_blocks(outcome, monkeypatch):
    monkeypatch.setattr(open_audio, "_BLOCK", 1000)
    streamed = bytearray(written("FLAC", "PCM_16", "FILE"))
    streamed[21:26] = bytes([streamed[21] & 0xF0, 0, 0, 0, 0])
    assert outcome(bytes(streamed)) == outcome(written("FLAC", "PCM_16", "FILE"))


def test_an_mp3_that_counts_no_frames_is_read_to_its_end(outcome):
    """The first frame of LAME holds its tag; without it there are samples of the encoder's delay as well."""
    data = written("MP3", "MPEG_LAYER_III", "FILE")
    found = outcome(data[data.index(b"\xff\xf3", 4) :])
    assert len(found) > 3000
    tag = b"ID3\4\0\0" + bytes([0, 0, 1, 0]) + bytes(128)
    assert outcome(tag + data) == outcome(data)


def riff(form, size=1200):
    return chunk(b"RIFF", b"WAVE" + chunk(b"fmt ", form) + b"data" + struct.pack("<I", size) + PCM.tobytes())


@pytest.mark.parametrize(
    "data",
    [
        riff(struct.pack("<HHIIHH", 1, 0, RATE, 0, 0, 16)),
        riff(struct.pack("<HHIIHH", 1, 65535, RATE, 2 * RATE, 2, 16)),
        riff(struct.pack("<HHIIHH", 1, 1, 0, 0, 2, 16)),
        riff(struct.pack("<HHIIHH", 1, 1, 4_000_000_000, 0, 2, 16)),
        riff(struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 0)),
        riff(b""),
        b"RIFF\0\0\0\0WAVE" + b"JUNK\0\0\0\0" * 20_000,
        b"RIFF\0\0\0\0WAVE" + b"JUNK\xff\xff\xff\xff" + bytes(100),
        b"RF64\0\0\0\0WAVEdata\xff\xff\xff\xff" + bytes(100),
        b"riff" + bytes(36) + b"fmt " + bytes(12) + struct.pack("<Q", 3) + bytes(99),
        b"riff" + bytes(36) + b"fmt " + bytes(12) + b"\xff" * 8 + bytes(99),
        b"FORM\0\0\0\0AIFFSSND\0\0\0\x08\xff\xff\xff\xff" + bytes(100),
        b"caff\0\1\0\0desc" + struct.pack(">q", -2) + bytes(100),
        b"caff\0\1\0\0data" + struct.pack(">q", -(1 << 63)) + bytes(100),
        b".snd" + struct.pack(">IIIII", 4, 100, 3, RATE, 1) + bytes(100),
        b"fLaC\0\0\0\x22" + bytes(10) + b"\x03\xe8\x00\xff\xff\xff\xff\xff" + bytes(30),
        b"NIST_1A\n   -24\nsample_count -i 5\nend_head\n" + bytes(1000),
        b"NIST_1A\n   1024\nsample_count -i 1099511627776\nend_head\n" + bytes(1000),
        b"OggS",
        b"ID3",
        b"\xff",
        bytes(1000),
    ],
)
def test_hostile_headers_are_refused_at_once(outcome, data):
    assert isinstance(outcome(data), str)


@pytest.mark.parametrize(
    "data,name",
    [
        (b"\0\0\0\x20ftypM4A " + bytes(100), "m4a"),
        (b"\x1a\x45\xdf\xa3" + bytes(100), "webm"),
        (b"#!AMR\n" + bytes(100), "AMR"),
        (b"RIFF\0\0\0\0AVI LIST" + bytes(100), "AVI"),
        (b"\xff\xf1\x50\x80" + bytes(100), "AAC"),
        (b"NIST_1A\n   1024\nsample_count -i 5\nsample_coding -s26 pcm,embedded-shorten-v2.00\n", "sph2pipe"),
    ],
)
def test_what_is_not_read_is_named(outcome, data, name):
    assert names(outcome(data), name)


def test_what_is_no_file_is_called_what_it_is(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for path, word in {
            tmp_path: "directory",
            "/dev/null": "device",
            tmp_path / "fifo": "fifo",
            tmp_path / "socket": "socket",
            tmp_path / "link": tmp_path / "nowhere",
            tmp_path / "no": "no such file",
        }.items():
            for read in (load, lambda name: load_excerpt(name, RATE, 9, np.random.default_rng(0))):
                with refused(f"{path}: ", word, error=AudioError):
                    read(str(path))


def test_resource_forks_of_macos_do_not_matter(tmp_path):
    """libsndfile takes ``._a.mp3`` for the file's other half."""
    (tmp_path / "a.mp3").write_bytes(written("MP3", "MPEG_LAYER_III", "FILE"))
    (tmp_path / "._a.mp3").write_bytes(b"\0\5\x16\7" + bytes(200))
    assert len(load(str(tmp_path / "a.mp3"))[0]) == 4000
