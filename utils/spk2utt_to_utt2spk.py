#!/usr/bin/env python3
"""spk2utt_to_utt2spk.py [spk2utt] > utt2spk: each utterance with its speaker, in the order of the input."""

import os
import signal
import sys


def main() -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if len(sys.argv) > 2 or sys.argv[1:2] in (["-h"], ["--help"]):
        sys.exit(f"usage: {__doc__}")
    name = sys.argv[1] if len(sys.argv) == 2 else "-"
    try:
        file = sys.stdin.buffer if name == "-" else open(name, "rb")  # noqa: SIM115 - read to its end
    except OSError as error:
        sys.exit(f"spk2utt_to_utt2spk.py: error: {name}: {error.strerror}")
    for number, line in enumerate(file, start=1):
        speaker, *utts = line.split() or [b""]
        if not utts:
            found = line.decode(errors="replace").strip()
            sys.exit(f"spk2utt_to_utt2spk.py: error: {name}:{number}: no <speaker> <utterances> in '{found}'")
        for utt in utts:
            sys.stdout.buffer.write(utt + b" " + speaker + b"\n")


if __name__ == "__main__":
    try:
        main()
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python would try once more
        sys.exit(f"spk2utt_to_utt2spk.py: error: {error.filename or 'the output'}: {error.strerror}")
