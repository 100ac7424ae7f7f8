"""Download and unpack a corpus that is free to fetch."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.corpora.download import download
from timbre.corpora.rows import corpus_module


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--corpus-kind", required=True, help="its module in timbre.corpora (aishell, speechocean762)"
    )
    parser.add_argument("--dir", type=Path, required=True, help="folder in which the corpus's folders are made")


def main(args: argparse.Namespace) -> None:
    for archive in corpus_module(args.corpus_kind, "ARCHIVES").ARCHIVES:
        was_there = (args.dir / archive.folder).exists()
        corpus = download(archive, args.dir)
        if was_there:
            print(f"{corpus}: is there already; remove it to download it again")
            continue
        checked = archive.sha256 or archive.md5
        how = "checked" if checked else "for the record: none is published, so size and gzip's check had to do"
        print(f"{corpus}: ready; SHA-256 in {corpus}.sha256 ({how})")
