"""What the jobs of a step wrote, put together: counted first, then moved into the data directory whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from timbre.errors import TimbreError, some
from timbre.kaldi.atomic import remove, together
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.policy import check_skipped
from timbre.kaldi.text import read_table, write_table


def collect_jobs(
    data: DataDir,
    out: Path,
    name: str,
    beside: list[str],
    jobs: int,
    max_skipped: float,
    with_it: Sequence[str] = (),
) -> str:
    """Merges ``out/<name>.<job>.scp`` into ``<data>/<name>.scp`` and the tables ``beside`` it.

    Every utterance of the data directory must have been written or skipped by policy; what was skipped stands
    in ``<data>/<name>.skipped`` with its reason, and in no table. A table in which no job wrote anything is not
    known of this data. The jobs have written the scps ``with_it`` of the same utterances.

    Returns:
        one line: how many were written.
    Raises:
        TimbreError: naming the missing utterances, or the skipped ones when more than ``max_skipped`` (a
            fraction) of all.
    """
    written, skipped = merge_counted(data, out, f"{name}.{{}}.scp", f"{name}.{{}}.skipped", jobs)
    write_table(data.path / f"{name}.skipped", skipped)
    check_skipped(skipped, len(written) + len(skipped), max_skipped, data.path / f"{name}.skipped")
    with together():
        for table in beside:
            if rows := _merge(out, f"{table}.{{}}", jobs):
                write_table(data.path / table, rows)
            else:
                remove(data.path / table)
        for other in with_it:
            scp = _merge(out, f"{other}.{{}}.scp", jobs)
            if apart := sorted(scp.keys() ^ written.keys()):
                raise TimbreError(f"{out}: {name} and {other} differ in {some(apart)}; run the step again")
            write_table(data.path / f"{other}.scp", scp)
        write_table(data.path / f"{name}.scp", written)
    return f"{data.path}/{name}.scp: {len(written)} utterances" + (f", {len(skipped)} skipped" if skipped else "")


def merge_counted(
    data: DataDir, out: Path, written: str, skipped: str, jobs: int
) -> tuple[dict[str, str], dict[str, str]]:
    """What all jobs wrote and what they skipped, in tables of these names with ``{}`` for the job.

    Raises:
        TimbreError: naming the utterances of the data directory that are in neither.
    """
    wanted = data.sources
    done, left_out = _merge(out, written, jobs), _merge(out, skipped, jobs)
    if missing := [utterance for utterance in wanted if utterance not in done and utterance not in left_out]:
        raise TimbreError(
            f"{data.path}: expected {len(wanted)} utterances in {written.replace('.{}', '')}, wrote {len(done)}, "
            f"missing {some(missing)}; run the step again"
        )
    return done, left_out


def _merge(out: Path, pattern: str, jobs: int) -> dict[str, str]:
    tables = [read_table(out / pattern.format(job)) for job in range(1, jobs + 1)]
    return {key: value for table in tables for key, value in table.items()}
