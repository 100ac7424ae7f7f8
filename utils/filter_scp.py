#!/usr/bin/env python3
"""filter_scp.py [--exclude] [-f n] idlist [in] > out

Keeps the lines of a table (standard input if none is named) whose n-th field, by default the first, is the first
field of a line of idlist; with --exclude those whose field is not.
"""

import argparse
import sys

from table_lines import fail, read_lines, run, shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exclude", action="store_true", help="keep the lines that are not in the list")
    parser.add_argument("-f", type=int, default=1, metavar="n", help="field to look at, from 1")
    parser.add_argument("idlist")
    parser.add_argument("table", metavar="in", nargs="?", default="-")
    args = parser.parse_args()
    if args.f < 1:
        fail(f"-f {args.f}: fields are counted from 1")
    ids = {fields[0] for _, _, fields in read_lines(args.idlist) if fields}
    for number, line, fields in read_lines(args.table):
        if len(fields) < args.f:
            fail(f"{args.table}:{number}: no field {args.f} in '{shown(line)}'")
        if (fields[args.f - 1] in ids) != args.exclude:
            sys.stdout.buffer.write(line)


if __name__ == "__main__":
    run(main)
