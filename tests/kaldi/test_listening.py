"""Audio as people have it: what an option allows is done and said; without it the message says which option it is.

The advice of each message is followed here to the letter. The programs sox and ffmpeg are played by scripts.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from messages import names, refused

from timbre.errors import AudioError
from timbre.kaldi.audio import load
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.listening import add_options, listen
from timbre.kaldi.wave_reader import WaveReader
from timbre.kaldi.waveform import Waveform, waveform

RATE = 16000
TONE = (0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE // 4) / RATE)).astype(np.float32)
FTYP = b"\0\0\0\x10ftypM4A \0\0\0\0"  # the scripts' m4a: this, and a wav behind it
SCRIPT = f"""#!{sys.executable}
import io, sys, soundfile
arguments = sys.argv[1:]
name = arguments[arguments.index("-i") + 1] if "-i" in arguments else arguments[0].replace("-t", "-")
name = name.removeprefix("file:")
data = sys.stdin.buffer.read() if name == "-" else open(name, "rb").read()
samples, rate = soundfile.read(io.BytesIO(data.removeprefix({FTYP!r})), dtype="float32", always_2d=True)
made = io.BytesIO()
soundfile.write(made, samples.mean(axis=1) if "remix" in arguments else samples, rate, format="WAV")
if arguments[-1].endswith(".wav"):
    open(arguments[-1], "wb").write(made.getvalue())
else:
    sys.stdout.buffer.write(made.getvalue())
"""


@pytest.fixture
def programs(tmp_path, monkeypatch):
    for name in ("sox", "ffmpeg"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text(SCRIPT)
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")


def options(*given):
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(given)


def m4a(path, samples=TONE, rate=RATE):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV")
    path.write_bytes(FTYP + file.getvalue())
    return str(path)


def test_another_rate_and_several_channels_are_taken_where_asked_for(tmp_path, capsys):
    path = str(tmp_path / "a.wav")
    soundfile.write(path, np.stack([TONE, 0.5 * TONE, TONE], axis=1), 8000)
    given = []
    for option in ("--mix", "--resample"):
        with refused(f"{path}: ", option, error=AudioError):
            listen(path, {(RATE, False)}, options(*given))
        given.append(option)
    capsys.readouterr()
    heard = listen(path, {(RATE, False), (None, False)}, options(*given))
    assert names(capsys.readouterr().err, path, "3 channels", "8000 Hz", "16000 Hz")
    assert heard.rate == 8000 and heard.resample and heard.name == path
    np.testing.assert_allclose(heard.samples, TONE * 5 / 6, atol=1e-4)
    assert listen(path, {(RATE, True)}, options("--mix")).rate == 8000  # the model resamples itself, which is said
    assert names(capsys.readouterr().err, "8000 Hz", "16000 Hz")
    soundfile.write(path, TONE, RATE)
    assert not capsys.readouterr().err and listen(path, {(RATE, False)}, options()).rate == RATE


def test_what_cancels_in_the_mean_is_silence(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.stack([TONE, -TONE], axis=1), RATE, subtype="FLOAT")
    with refused(tmp_path / "a.wav", "zero", error=AudioError):
        listen(str(tmp_path / "a.wav"), {(RATE, False)}, options("--mix"))


def test_ffmpeg_reads_what_libsndfile_does_not_where_the_user_allows_it(tmp_path, monkeypatch, capsys, request):
    path = m4a(tmp_path / "-it's.m4a")
    with refused(f"{path}: ", "m4a", "--ffmpeg", error=AudioError):
        listen(path, {(RATE, False)}, options())
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with refused(f"{path}: ", "ffmpeg", "not installed", "-i ", error=AudioError):
        listen(path, {(RATE, False)}, options("--ffmpeg"))
    monkeypatch.undo()
    request.getfixturevalue("programs")
    monkeypatch.chdir(tmp_path)
    for name in (path, "-it's.m4a"):
        np.testing.assert_allclose(listen(name, {(RATE, False)}, options("--ffmpeg")).samples, TONE, atol=1e-4)
        assert names(capsys.readouterr().err, "m4a", "ffmpeg")
    (tmp_path / "b.m4a").write_bytes(FTYP + b"nothing")
    with refused(tmp_path / "b.m4a", "ffmpeg", error=AudioError):
        listen(str(tmp_path / "b.m4a"), {(RATE, False)}, options("--ffmpeg"))


def test_the_command_that_a_message_names_makes_a_file_that_is_read(tmp_path, programs, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, made in (("a b.m4a", "a b.wav"), ("-it's.m4a", "-it's.wav"), ("c.wav", "c_converted.wav")):
        m4a(tmp_path / name)
        with refused(name, "ffmpeg -i ") as caught:
            listen(name, {(RATE, False)}, options())
        command = str(caught.value).partition("convert it: ")[2]
        assert subprocess.run(["bash", "-c", command], check=False).returncode == 0, command
        np.testing.assert_allclose(listen(made, {(RATE, False)}, options()).samples, TONE, atol=1e-4)


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("kind", ["channels", "container"])
def test_what_a_message_writes_into_wav_scp_is_read(tmp_path, programs, kind, piped):
    path = tmp_path / "it's one.wav"
    if kind == "channels":
        soundfile.write(path, np.stack([TONE, 0.5 * TONE], axis=1), RATE)
    else:
        m4a(path)
    said = f"cat '{tmp_path}/it'\"'\"'s one.wav' |" if piped else str(path)
    for _ in range(3):
        (tmp_path / "wav.scp").write_text(f"a {said}\n")
        try:
            samples = WaveReader(DataDir(tmp_path), RATE, allow_pipes=piped).read("a")
            break
        except AudioError as error:
            piped = piped or "--allow-pipes true" in str(error)
            said = str(error).partition("in wav.scp, ")[2] or said
    np.testing.assert_allclose(samples, 0.75 * TONE if kind == "channels" else TONE, atol=1e-4)


def test_samples_in_python_say_what_is_missing():
    assert waveform(TONE.astype(np.float64), RATE).samples.dtype == np.float32
    heard = Waveform(TONE, RATE, "x")
    assert waveform(heard) is heard
    for samples, rate, word in [
        (TONE, None, "rate=16000"),
        ((TONE * 32767).astype(np.int16), RATE, "int16"),
        (np.stack([TONE, TONE]), RATE, "(2, 4000)"),
        (TONE * np.nan, RATE, "sample 0"),
        (TONE[:0], RATE, "no samples"),
        (0 * TONE, RATE, "zero"),
    ]:
        with refused("samples: ", word, error=AudioError):
            waveform(samples, rate)


def test_a_path_of_a_command_line_is_no_command(tmp_path):
    with refused("touch x |: ", "no such file", error=AudioError):
        listen("touch x |", {(RATE, False)}, options())
    with refused("'touch x |': ", "--allow-pipes true", error=AudioError):
        load("touch x |")
