"""Audio as people have it, for the commands that take a file: other rates, several channels, other containers.

Nothing is changed unless an option says so, and what was changed is said.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
from collections.abc import Collection

import numpy as np

from timbre.errors import AudioError, named
from timbre.kaldi.audio import decode, load_channels, require_sound
from timbre.kaldi.foreign import DEMUXERS, ForeignError
from timbre.kaldi.waveform import Waveform


def add_options(parser: argparse.ArgumentParser) -> None:
    """``--resample``, ``--mix`` and ``--ffmpeg``."""
    parser.add_argument("--resample", action="store_true", help="take audio at another rate than the model's")
    parser.add_argument("--mix", action="store_true", help="take audio of several channels: their mean")
    parser.add_argument("--ffmpeg", action="store_true", help="read m4a, mp4, webm, wma … by the program ffmpeg")


def listen(path: str, rates: Collection[tuple[int | None, bool]], args: argparse.Namespace) -> Waveform:
    """The audio of a file as the options allow.

    Args:
        rates: in Hz, those of the model's front-ends, and whether its conf lets them resample.
        args: what :func:`add_options` reads.
    Raises:
        AudioError: what :func:`timbre.kaldi.audio.load` refuses, with the option that would allow it.
    """
    try:
        samples, rate = load_channels(path)
    except ForeignError as error:
        if not args.ffmpeg:
            raise AudioError(
                f"{path}: {error.container} is not read; give --ffmpeg, which needs the program ffmpeg, or convert "
                f"it: {convert(path)}"
            ) from None
        samples, rate = decode(_by_ffmpeg(path, error.container), path)
        _say(f"{path}: {error.container}, read by ffmpeg")
    if (channels := samples.shape[1]) > 1:
        if not args.mix:
            raise AudioError(f"{path}: {channels} channels; give --mix to take their mean")
        _say(f"{path}: the mean of {channels} channels")
    mono = samples.mean(axis=1, dtype=np.float32) if channels > 1 else samples[:, 0]
    with named(path):
        require_sound(mono)
    if others := [(wanted, allowed) for wanted, allowed in rates if wanted not in (None, rate)]:
        said = " and ".join(f"{wanted} Hz" for wanted in sorted({wanted for wanted, _ in others}))
        if not (args.resample or all(allowed for _, allowed in others)):
            raise AudioError(f"{path}: {rate} Hz; this model takes {said}: give --resample")
        _say(f"{path}: resampled from {rate} Hz to {said}")
    return Waveform(mono, rate, path, args.resample)


def convert(path: str) -> str:
    """The command line that makes a wav of a file."""
    name = path if not path.startswith("-") else f"./{path}"
    stem = name.rsplit(".", 1)[0]
    converted = f"{stem}.wav" if name != f"{stem}.wav" else f"{stem}_converted.wav"
    return f"ffmpeg -i {shlex.quote(name)} {shlex.quote(converted)}"


def _by_ffmpeg(path: str, container: str) -> bytes:
    """The first audio stream of a file as wav.

    ffmpeg takes the file for what its first bytes say, and opens no other file and no address.

    Source: ffmpeg-protocols(1), ``protocol_whitelist``.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise AudioError(
            f"{path}: {container} is read by the program ffmpeg, which is not installed here (apt install ffmpeg); "
            f"or convert the file where it is: {convert(path)}"
        )
    source = ["-protocol_whitelist", "file", "-f", DEMUXERS[container], "-i", f"file:{path}"]
    wanted = ["-map", "0:a:0", "-c:a", "pcm_f32le", "-f", "wav", "pipe:1"]
    command = [program, "-nostdin", "-loglevel", "error", *source, *wanted]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode or not done.stdout:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise AudioError(f"{path}: ffmpeg cannot read it: {lines[-1] if lines else 'no message'}")
    return done.stdout


def _say(line: str) -> None:
    print(line, file=sys.stderr)
