"""The dlt source of the reference files: one table per file, and `rejected_files`.

A file that passes its checks replaces its table; rows that did not change are not written again. A bad file, or one
that has lost its rows, lands nothing of itself: its last good version stays in force, and `rejected_files` says what to
mend.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import dlt
import pyarrow as pa

from sources.kit import landed
from sources.kit.arrow import to_arrow
from sources.kit.currencies import all_decimals
from sources.kit.landed import declare
from sources.kit.quarantine import Quarantine
from sources.kit.run import PerRun
from sources.kit.table import ROW_HASH, Table
from sources.reference.client import Content, Problem, read_folder, unknown_files, validate_folder
from sources.reference.losses import InForce
from sources.reference.schema import CURRENCIES, FILES, REJECTED_FILES, ReferenceFile

__all__ = ["Problem", "reference", "validate_folder"]

logger = logging.getLogger(__name__)


@dlt.source(name="reference", section="reference", max_table_nesting=0)
def reference() -> Any:
    """One table per reference file, `currencies`, and `rejected_files` with what is wrong in them now.

    Setting (`SOURCES__REFERENCE__…`): `FOLDER`, the folder with the files.
    """
    runs = PerRun(_Run)
    return (*(_table_of(file, runs) for file in FILES), _currencies(runs), _rejections(runs))


def in_force() -> InForce:
    """What has landed before, read through the running pipeline; nothing where none runs."""
    return InForce(
        {file.name: {key for (key,) in landed.rows(file.table, ["row_key"])} for file in FILES},
        {consent for (consent,) in landed.rows(REJECTED_FILES, ["consent_id"], "accepted_at is not null")},
    )


class _Run:
    """What the resources of one run share: the folder, read once."""

    def __init__(self) -> None:
        self.quarantine = Quarantine("reference", datetime.now(UTC))
        self.contents = cache(lambda folder: read_folder(folder, in_force()))


def _table_of(file: ReferenceFile, runs: PerRun[_Run]) -> Any:
    table = file.table

    @dlt.resource(**table.dlt_hints())
    def rows(folder: str = dlt.config.value) -> Iterator[Any]:
        run = runs()
        content = run.contents(folder)[file.name]
        if not content.problems:
            yield from _replacement(table, _batch(table, content, run.quarantine))
            return
        for problem in content.problems:
            logger.error("reference: %s", problem)
        # An empty load of a mirrored table would take its rows away: the table is only declared, as one to append to.
        for empty in declare(table):
            yield dlt.mark.with_hints(empty, dlt.mark.make_hints(write_disposition="append", file_format="csv"))

    return rows


def _currencies(runs: PerRun[_Run]) -> Any:
    @dlt.resource(**CURRENCIES.dlt_hints())
    def currencies() -> Iterator[Any]:
        records = [{"code": code, "decimals": decimals} for code, decimals in all_decimals().items()]
        yield from _replacement(CURRENCIES, to_arrow(CURRENCIES, records, quarantine=runs().quarantine))

    return currencies


def _rejections(runs: PerRun[_Run]) -> Any:
    @dlt.resource(**REJECTED_FILES.dlt_hints())
    def rejected_files(folder: str = dlt.config.value) -> Iterator[Any]:
        run = runs()
        problems = [
            *unknown_files(folder),
            *(each for content in run.contents(folder).values() for each in content.problems),
        ]
        records = [
            {
                "problem_id": hashlib.sha256(f"{problem.file} {problem} {problem.consent}".encode()).hexdigest()[:32],
                "file": problem.file,
                "row_number": problem.row,
                "column_name": problem.column,
                "value": problem.value,
                "reason": str(problem),
                "consent_id": problem.consent,
            }
            for problem in problems
        ]
        yield from _replacement(REJECTED_FILES, to_arrow(REJECTED_FILES, records, quarantine=run.quarantine))

    return rejected_files


def _batch(table: Table, content: Content, quarantine: Quarantine) -> pa.Table:
    records = [{**row.values, "row_number": row.number, "row_key": content.row_key_of(row)} for row in content.rows]
    return to_arrow(table, records, quarantine=quarantine)


def _replacement(table: Table, batch: pa.Table) -> Iterator[pa.Table]:
    """The table's new rows, all of them, or nothing when they are the landed ones."""
    yield from declare(table)
    names = [*table.key, ROW_HASH.name]
    known = set(landed.rows(table, names))
    new = set(zip(*(batch.column(name).to_pylist() for name in names), strict=True))
    if known != new:
        # The empty batch takes the rows of a file that was emptied away.
        yield batch
