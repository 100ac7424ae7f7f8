#!/usr/bin/env python3
"""spk2utt_to_utt2spk.py [spk2utt] > utt2spk: each utterance with its speaker, in the order of the input."""

import sys

from table_lines import fail, read_lines, run, shown


def main() -> None:
    if len(sys.argv) > 2 or sys.argv[1:2] in (["-h"], ["--help"]):
        sys.exit(f"usage: {__doc__}")
    name = sys.argv[1] if len(sys.argv) == 2 else "-"
    for number, line, fields in read_lines(name):
        speaker, *utts = fields or [b""]
        if not utts:
            fail(f"{name}:{number}: no <speaker> <utterances> in '{shown(line)}'")
        for utt in utts:
            sys.stdout.buffer.write(utt + b" " + speaker + b"\n")


if __name__ == "__main__":
    run(main)
