#!/usr/bin/env python3
"""utt2spk_to_spk2utt.py [utt2spk] > spk2utt: speakers and their utterances, both in the order of the input."""

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
        sys.exit(f"utt2spk_to_spk2utt.py: error: {name}: {error.strerror}")
    utterances: dict[bytes, list[bytes]] = {}
    for number, line in enumerate(file, start=1):
        fields = line.split()
        if len(fields) != 2:
            found = line.decode(errors="replace").strip()
            sys.exit(f"utt2spk_to_spk2utt.py: error: {name}:{number}: no <utterance> <speaker> in '{found}'")
        utterances.setdefault(fields[1], []).append(fields[0])
    for speaker, utts in utterances.items():
        sys.stdout.buffer.write(b" ".join([speaker, *utts]) + b"\n")


if __name__ == "__main__":
    try:
        main()
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python would try once more
        sys.exit(f"utt2spk_to_spk2utt.py: error: {error.filename or 'the output'}: {error.strerror}")
