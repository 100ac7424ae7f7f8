#!/usr/bin/env python3
"""filter_scp.py [--exclude] [-f n] idlist [in] > out

Keeps the lines of a table (standard input if none is named) whose n-th field, by default the first, is the first
field of a line of idlist; with --exclude those whose field is not.
"""

import argparse
import os
import signal
import sys


def main() -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exclude", action="store_true", help="keep the lines that are not in the list")
    parser.add_argument("-f", type=int, default=1, metavar="n", help="field to look at, from 1")
    parser.add_argument("idlist")
    parser.add_argument("table", metavar="in", nargs="?", default="-")
    args = parser.parse_args()
    if args.f < 1:
        sys.exit(f"filter_scp.py: error: -f {args.f}: fields are counted from 1")
    try:
        with open(args.idlist, "rb") as file:
            ids = {line.split()[0] for line in file if line.strip()}
        table = sys.stdin.buffer if args.table == "-" else open(args.table, "rb")  # noqa: SIM115 - read to its end
    except OSError as error:
        sys.exit(f"filter_scp.py: error: {error.filename}: {error.strerror}")
    for number, line in enumerate(table, start=1):
        fields = line.split(None, args.f)
        if len(fields) < args.f:
            found = line.decode(errors="replace").strip()
            sys.exit(f"filter_scp.py: error: {args.table}:{number}: no field {args.f} in '{found}'")
        if (fields[args.f - 1] in ids) != args.exclude:
            sys.stdout.buffer.write(line)


if __name__ == "__main__":
    try:
        main()
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python would try once more
        sys.exit(f"filter_scp.py: error: {error.filename or 'the output'}: {error.strerror}")
