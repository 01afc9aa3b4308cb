"""Reads mirror tables through clickhouse-connect: what a window holds, and its rows as records.

ClickHouse itself hashes every window (a day of worklogs, a share of issues), so that unchanged windows are not sent.
Rows come as Native blocks: of the formats that stream, the one that reports a failure after the first rows (vendors
7.2). Values are always bound, never written into the query.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from sources.clickhouse.schema import WORKLOGS, Mirror
from sources.kit.addresses import has_one_reading
from sources.kit.errors import CredentialError, SourceError
from sources.kit.http import pause

Windows = dict[str, tuple[int, str]]
"""By window: its number of rows and their hash, as text."""

_VERSION_COLUMNS = ("_version", "version", "_synced_at", "synced_at", "_loaded_at", "loaded_at", "updated_at")
_DELETED_COLUMNS = ("is_deleted", "_is_deleted")
_WORKLOG_ID_COLUMNS = ("worklog_id", "tempo_worklog_id", "tempoWorklogId", "id")
_ROWS_PER_BLOCK = 20_000
_MOST_ATTEMPTS = 3
_AUTHENTICATION_CODES = ("516", "192", "193", "194", "497")
_TIMEOUT_CODE = "159"


class QueryTooLongError(SourceError):
    """A query ran into its time limit; asking again at once would do so too."""


@dataclass(frozen=True)
class Shape:
    """What ClickHouse says of a mirror table: its columns, and whether its engine keeps old versions for a while."""

    columns: tuple[str, ...]
    keeps_versions: bool

    def first(self, candidates: Sequence[str]) -> str | None:
        """The first of several possible columns that the table has."""
        return next((name for name in candidates if name in self.columns), None)

    @property
    def version(self) -> str | None:
        """The column that tells a row's newer version, or when it was synced; no part of the row itself."""
        return self.first(_VERSION_COLUMNS)

    @property
    def deleted(self) -> str | None:
        """The column in which the mirror marks deleted rows."""
        return self.first(_DELETED_COLUMNS)

    @property
    def worklog_id(self) -> str | None:
        """The column with Tempo's worklog id."""
        return self.first(_WORKLOG_ID_COLUMNS)

    @property
    def content(self) -> tuple[str, ...]:
        """The columns that make up a row: all but the version, which may change with every sync."""
        return tuple(name for name in self.columns if name != self.version)


class MirrorReader:
    """A connection to the mirror. Methods raise `SourceError` in one sentence without the DSN's password."""

    def __init__(self, dsn: str, *, timeout_seconds: float) -> None:
        """Connect; a query may take `timeout_seconds`."""
        import clickhouse_connect

        if not dsn.startswith("chdb:") and not has_one_reading(dsn):
            raise CredentialError(
                "clickhouse: CLICKHOUSE_DSN cannot be read; it must look like clickhouse://user:password@host:8123/, "
                "with special characters in user and password written as %40 and the like"
            )
        self._address = _address(dsn)
        self._timeout_seconds = timeout_seconds
        options: dict[str, Any] = {"settings": {"max_execution_time": timeout_seconds}, "tz_mode": "aware"}
        if not dsn.startswith("chdb:"):
            # One query at a time and no session, so that a cut connection leaves nothing behind on the server.
            options |= {
                "connect_timeout": timeout_seconds,
                "send_receive_timeout": timeout_seconds + 5,
                "autogenerate_session_id": False,
            }
        try:
            self._client = clickhouse_connect.get_client(dsn=dsn, **options)
        except Exception as failure:
            raise self._failure("connecting", failure) from failure

    def close(self) -> None:
        """Close the connection; an embedded engine lets go of its folder."""
        self._client.close()

    def shape(self, mirror: Mirror) -> Shape | None:
        """What the table looks like, None where there is no such table."""
        where = {"database": mirror.database, "table": mirror.name}
        engines = self._query(
            "select engine from system.tables where database = {database:String} and name = {table:String}",
            where,
            f"looking for {mirror.place}",
        )
        if not engines:
            return None
        columns = self._query(
            "select name from system.columns where database = {database:String} and table = {table:String} "
            "order by position",
            where,
            f"reading the columns of {mirror.place}",
        )
        missing = [
            column.name
            for column in mirror.table.columns
            if column.required and column.name not in ("row_id", "is_deleted") and (column.name,) not in columns
        ]
        if missing:
            raise SourceError(
                f"clickhouse: {mirror.place} has no column {missing[0]}, without which its rows mean nothing; "
                "check the pipeline that fills the mirror"
            )
        return Shape(tuple(name for (name,) in columns), "Replacing" in engines[0][0])

    def windows(self, mirror: Mirror, shape: Shape) -> Windows:
        """Every window of the table with its number of rows and the hash of their content."""
        # A null within cityHash64 makes all of it null, and null would sum up as nothing: hence the text.
        content = ", ".join(_quoted(name) for name in shape.content)
        found = self._query(
            f"select {mirror.window} as window_name, count(), toString(sum(cityHash64(toString(tuple({content}))))) "
            f"from {_current(mirror, shape)} group by window_name",
            {},
            f"hashing {mirror.place}",
        )
        return {str(window): (int(count), str(digest)) for window, count, digest in found}

    def rows(self, mirror: Mirror, shape: Shape, windows: Sequence[str]) -> list[dict[str, Any]]:
        """The rows of some windows as JSON-like records; a stream that breaks off is begun again."""
        doing = f"reading {mirror.place}"
        for attempt in range(1, _MOST_ATTEMPTS + 1):
            try:
                return self._stream(mirror, shape, windows)
            except Exception as failure:
                refusal = self._failure(doing, failure)
                if attempt == _MOST_ATTEMPTS or isinstance(refusal, CredentialError | QueryTooLongError):
                    raise refusal from failure
                pause(float(attempt))
        raise AssertionError("the last attempt returns or raises")

    def _stream(self, mirror: Mirror, shape: Shape, windows: Sequence[str]) -> list[dict[str, Any]]:
        columns = ", ".join(_quoted(name) for name in shape.content)
        stream = self._client.query_row_block_stream(
            f"select {columns} from {_current(mirror, shape)} where {mirror.window} in {{windows:Array(String)}}",
            parameters={"windows": list(windows)},
            settings={"max_block_size": _ROWS_PER_BLOCK},
        )
        records: list[dict[str, Any]] = []
        with stream:
            for block in stream:
                for row in block:
                    records.append({name: _plain(value) for name, value in zip(shape.content, row, strict=True)})
        return records

    def _query(self, sql: str, parameters: dict[str, Any], doing: str) -> list[tuple[Any, ...]]:
        try:
            return [tuple(row) for row in self._client.query(sql, parameters=parameters).result_rows]
        except Exception as failure:
            raise self._failure(doing, failure) from failure

    def _failure(self, doing: str, failure: Exception) -> SourceError:
        text = re.sub(r"://[^@/\s]*@", "://", str(failure))
        line = next((line.strip() for line in text.splitlines() if line.strip()), type(failure).__name__)[:200]
        code = (re.search(r"[Cc]ode:? (\d+)", text) or ["", ""])[1]
        place = f"clickhouse: {doing} at {self._address}"
        if code in _AUTHENTICATION_CODES:
            return CredentialError(f"{place} was refused ({line}); check CLICKHOUSE_DSN")
        if code == _TIMEOUT_CODE:
            return QueryTooLongError(
                f"{place} took longer than {self._timeout_seconds:g} s; run again later, or raise "
                "CLICKHOUSE_QUERY_TIMEOUT_SECONDS"
            )
        return SourceError(f"{place} failed ({line}); nothing of this table was kept, check that the server runs")


def _current(mirror: Mirror, shape: Shape) -> str:
    """The table's rows as they are now.

    FINAL leaves out older versions as far as the sorting key goes; where that key holds more than the id (the day, for
    instance), a row that moved is there twice, so the newest version of each id is taken besides.
    """
    table = f"{_quoted(mirror.database)}.{_quoted(mirror.name)}{' final' if shape.keeps_versions else ''}"
    key = shape.worklog_id if mirror.table is WORKLOGS else mirror.table.key[0]
    if shape.version is None or key is None:
        return table
    return f"(select * from {table} order by {_quoted(shape.version)} desc limit 1 by {_quoted(key)})"


def _quoted(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _plain(value: Any) -> Any:
    """A ClickHouse value as JSON knows it; days, moments and decimals stay what they are."""
    if value is None or isinstance(value, str | int | float | bool | Decimal | date | datetime):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def _address(dsn: str) -> str:
    parts = urlsplit(dsn)
    return parts.netloc.rpartition("@")[2] or parts.path
