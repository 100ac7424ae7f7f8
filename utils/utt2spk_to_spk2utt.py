#!/usr/bin/env python3
"""utt2spk_to_spk2utt.py [utt2spk] > spk2utt: speakers and their utterances, both in the order of the input."""

import sys

from table_lines import fail, read_lines, run, shown


def main() -> None:
    if len(sys.argv) > 2 or sys.argv[1:2] in (["-h"], ["--help"]):
        sys.exit(f"usage: {__doc__}")
    name = sys.argv[1] if len(sys.argv) == 2 else "-"
    utterances: dict[bytes, list[bytes]] = {}
    for number, line, fields in read_lines(name):
        if len(fields) != 2:
            fail(f"{name}:{number}: no <utterance> <speaker> in '{shown(line)}'")
        utterances.setdefault(fields[1], []).append(fields[0])
    for speaker, utts in utterances.items():
        sys.stdout.buffer.write(b" ".join([speaker, *utts]) + b"\n")


if __name__ == "__main__":
    run(main)
