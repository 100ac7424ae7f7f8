"""Download and unpack a corpus that is free to fetch."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.corpora.download import download
from timbre.corpora.rows import corpus_module


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--corpus-kind", required=True, help="its module in timbre.corpora (speechocean762)")
    parser.add_argument("--dir", type=Path, required=True, help="folder in which the corpus's folder is made")


def main(args: argparse.Namespace) -> None:
    archive = corpus_module(args.corpus_kind, "ARCHIVE").ARCHIVE
    if (args.dir / archive.folder).exists():
        print(f"{args.dir / archive.folder}: is there already; remove it to download it again")
        return
    corpus = download(archive, args.dir)
    how = "checked" if archive.sha256 else "for the record: none is published, so size and gzip's check had to do"
    print(f"{corpus}: ready; SHA-256 in {args.dir / archive.folder}.sha256 ({how})")
