"""Turn a corpus into Kaldi data directories, one for each of its parts."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.corpora.rows import corpus_module, summary, write_data_dirs
from timbre.kaldi.atomic import atomic_write


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--corpus-kind", required=True, help="its module in timbre.corpora (speechocean762, synthetic)"
    )
    parser.add_argument("--corpus", type=Path, required=True, help="root folder of the corpus")
    parser.add_argument("--out", type=Path, default=Path("data"), help="where the data directories are made")


def main(args: argparse.Namespace) -> None:
    module = corpus_module(args.corpus_kind)
    parts = module.prepare(args.corpus)
    write_data_dirs(args.out, parts)
    with atomic_write(args.out / "about") as file:  # the module's first line, for reports
        file.write((module.__doc__ or args.corpus_kind).split("\n")[0] + "\n")
    print("\n".join(summary(parts, getattr(module, "EXPECTED", {}))))
