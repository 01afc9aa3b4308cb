"""Runs the queries of a page in one read-only transaction, so that all of it shows the same moment."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import psycopg

from dashboards.definitions import Page, Query, Reader
from dashboards.filters import Filters, Options, read_filters, read_options

Connect = Callable[[Reader], psycopg.Connection[Any]]
# Rows that a page holds of one table; the CSV has all.
MOST_ROWS: Final = 400
Brought = Mapping[str, Callable[[], "Result"]]


@dataclass(frozen=True)
class Result:
    """What a query has returned.

    Attributes:
        columns: their names.
        rows: all, or of a table at most `MOST_ROWS`.
        total: how many rows there are.
        error: one sentence, where the query failed.
    """

    columns: tuple[str, ...] = ()
    rows: Sequence[tuple[Any, ...]] = ()
    total: int = 0
    error: str | None = None

    def records(self) -> list[dict[str, Any]]:
        """The rows by column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class Content:
    """A page as the warehouse fills it.

    Attributes:
        as_of: the moment of the last build (UTC); None where no source has landed.
        results: by name of the query.
    """

    page: Page
    options: Options
    filters: Filters
    as_of: datetime | None
    results: Mapping[str, Result] = field(default_factory=dict)


def read_page(
    connect: Connect, page: Page, given: Mapping[str, str], brought: Brought, *, every_level: bool
) -> Content:
    """Run the queries of a page.

    A query that fails leaves its place with a sentence; the others are shown.

    Args:
        connect: opens a connection as a role; it is closed here.
        page: what to read.
        given: filters by name, as the address has them.
        brought: gives the rows of queries that have no SQL, by name.
        every_level: whether to read what rows of tables unfold to; else a reader asks for it row by row.

    Raises:
        FilterError: a filter names what does not exist.
        psycopg.Error: the warehouse is not built, or cannot be read.
    """
    with connect(page.role) as connection:
        options, filters = _prepare(connection, page, given)
        as_of = connection.execute(
            "select max(last_changed_at + make_interval(secs => age_seconds)) from reports.data_freshness"
        ).fetchone()
        levels = page.levels()
        results = {
            # A chart or a figure without some of its rows would be wrong.
            name: _run(connection, query.sql, filters, MOST_ROWS if name in levels else None)
            if query.sql
            else brought[name]()
            for name, query in page.queries().items()
            if every_level or name not in levels or levels[name].parent is None
        }
    return Content(page, options, filters, as_of[0] if as_of else None, results)


def read_query(
    connect: Connect,
    page: Page,
    query: Query,
    given: Mapping[str, str],
    brought: Brought,
    *,
    most_rows: int | None = None,
) -> Result:
    """Run one query of a page; a failure is a result with a sentence.

    Args:
        connect: opens a connection as a role; it is closed here.
        page: whose query it is.
        query: what to run.
        given: filters by name, and `parent`: the key of the row whose rows below it are asked for.
        brought: gives the rows of queries that have no SQL, by name.
        most_rows: how many rows to return; None returns all.

    Raises:
        FilterError: a filter names what does not exist.
        psycopg.Error: the warehouse is not built, or cannot be read.
    """
    with connect(page.role) as connection:
        _, filters = _prepare(connection, page, given)
        if query.sql is None:
            return brought[query.name]()
        return _run(connection, query.sql, replace(filters, parent=given.get("parent")), most_rows)


def _prepare(connection: psycopg.Connection[Any], page: Page, given: Mapping[str, str]) -> tuple[Options, Filters]:
    connection.autocommit = False
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    options = read_options(connection)
    return options, read_filters(given, options, page.filters)


def _run(connection: psycopg.Connection[Any], sql: str, filters: Filters, most_rows: int | None) -> Result:
    try:
        # A savepoint: what fails leaves the transaction usable.
        with connection.transaction():
            cursor = connection.execute(sql.encode(), filters.parameters())
            columns = tuple(column.name for column in cursor.description or ())
            rows = cursor.fetchall() if most_rows is None else cursor.fetchmany(most_rows)
            return Result(columns, rows, cursor.rowcount)
    except psycopg.Error as error:
        return Result(error=_sentence(error))


def _sentence(error: psycopg.Error) -> str:
    if isinstance(error, psycopg.errors.QueryCanceled):
        return "The query took longer than the role may wait; choose a shorter range of dates or one client."
    if isinstance(error, psycopg.errors.UndefinedTable):
        return "A table of this query is not built yet; `workledger run` builds it."
    said = (error.diag.message_primary or " ".join(str(error).split())).rstrip(".")
    return f"The warehouse refuses the query: {said}."
