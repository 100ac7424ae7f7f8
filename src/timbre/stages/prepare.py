"""Turn a corpus into Kaldi data directories, one for each of its parts, and its own trial lists."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.conf import build
from timbre.corpora.layout import SYNTHETIC, is_stand_in, is_synthetic
from timbre.corpora.mixed import write_mixed
from timbre.corpora.rows import corpus_module, prefixed, summary, write_data_dirs
from timbre.errors import TimbreError
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.datadir import DataDir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--corpus-kind", required=True, help="its module in timbre.corpora (aishell, synthetic, voxceleb …)"
    )
    parser.add_argument(
        "--corpus", type=Path, required=True, help="root folder of the corpus; of csv_table the file"
    )
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="of its module's Options (repeatable)"
    )
    parser.add_argument("--prefix", default="", help="put before all ids, with a '-': for corpora to be joined")
    parser.add_argument("--out", type=Path, default=Path("data"), help="where the data directories are made")


def main(args: argparse.Namespace) -> None:
    module = corpus_module(args.corpus_kind)
    values = dict(option.partition("=")[::2] for option in args.option)
    values = {name: {"true": True, "false": False}.get(text, text) for name, text in values.items()}
    if hasattr(module, "Options"):
        options = build(module.Options, values, "--option ")
        further = (options, print)
    elif values:
        raise TimbreError(f"the corpus '{args.corpus_kind}' has no options; found --option {args.option[0]}")
    else:
        further = ()
    parts = module.prepare(args.corpus, *further)
    if args.prefix:
        parts = prefixed(parts, args.prefix)
    parts = write_mixed(args.out, parts)
    write_data_dirs(args.out, parts, anew=getattr(module, "EDITED", False))
    if hasattr(module, "write_lists"):
        module.write_lists(DataDir(args.out / "test"), *further)
    with atomic_write(args.out / "about") as file:
        file.write(_about(module.__doc__ or args.corpus_kind, args.corpus) + "\n")
    with atomic_write(args.out / "prepared_from") as file:  # a later run need not be told again
        file.write(f"{args.corpus}\n")
    print("\n".join(summary(parts, getattr(module, "EXPECTED", {}))))


def _about(doc: str, corpus: Path) -> str:
    """The module's first line, for reports; of a stand-in, that it is one."""
    line = doc.split("\n")[0]
    if is_synthetic(corpus) and not line.startswith(SYNTHETIC):
        return f"{SYNTHETIC}, spoken by espeak-ng and not by people, laid out like {line}"
    if is_stand_in(corpus):
        return f"Other speech, laid out like {line}"
    return line
