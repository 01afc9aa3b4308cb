"""`workledger sql`: runs a query as a role and prints its rows as a table, CSV or JSON."""

import io
import json
import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, LiteralString

import psycopg
from psycopg.types.json import set_json_loads

from orchestration.errors import WarehouseError
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.readers import query_seconds
from orchestration.warehouse.roles import Role
from sources.kit.spreadsheets import harmless, harmless_row
from sources.kit.visible import visible

MOST_TABLE_ROWS: Final = 1000


class _Json(str):
    """JSON text as the server wrote it, so that no number loses digits."""

    __slots__ = ()


def print_query(warehouse: Warehouse, role: Role, query: LiteralString, form: str, *, raw: bool = False) -> None:
    """Run a query and print its rows on standard output.

    Args:
        warehouse: where it runs.
        role: who runs it; its rights and its time-out apply.
        query: one SQL statement.
        form: `table` (at most 1,000 rows), `csv` or `json`.
        raw: print the cells of CSV as they are, formulas and control characters included.

    Raises:
        WarehouseError: the query is refused, wrong or too slow; says what to do.
    """
    with warehouse.connect(role) as connection:
        try:
            if form == "csv" and re.match(r"\s*(select|with|values|table)\b", query, re.IGNORECASE):
                _copy_csv(connection, query, raw=raw)
                return
            set_json_loads(lambda text: _Json(text if isinstance(text, str) else bytes(text).decode()), connection)
            cursor = connection.execute(query)
            if cursor.description is None:
                print(cursor.statusmessage)
                return
            names = [column.name for column in cursor.description]
            if form == "csv":
                _print_csv(names, cursor, raw=raw)
            else:
                {"table": _print_table, "json": _print_json}[form](names, cursor)
        except psycopg.Error as error:
            raise WarehouseError(_sentence(error, role, warehouse)) from error


def _copy_csv(connection: psycopg.Connection, query: LiteralString, *, raw: bool) -> None:
    statement = f"copy ({query.rstrip().rstrip(';')}\n) to stdout with (format csv, header)"
    with connection.cursor() as cursor, cursor.copy(statement) as rows:
        is_terminal = sys.stdout.isatty()
        for row in rows:  # the server sends row by row
            line = bytes(row)
            if not raw:
                line = harmless_row(line)
                if is_terminal:
                    line = visible(line.decode()).encode()
            sys.stdout.buffer.write(line)
    sys.stdout.flush()


def _print_csv(names: list[str], cursor: psycopg.Cursor, *, raw: bool) -> None:
    import csv

    def cell(value: Any) -> Any:
        if value is None:
            return None
        text = harmless(str(value))
        return visible(text) if is_terminal else text

    is_terminal = sys.stdout.isatty()
    line = io.StringIO()
    # Its own end of line, so that a carriage return within a cell is quoted too.
    writer = csv.writer(line, lineterminator="\r\n")
    for row in (names, *cursor):
        writer.writerow(row if raw else map(cell, row))
        sys.stdout.write(line.getvalue().removesuffix("\r\n") + "\n")
        line.seek(0)
        line.truncate()


def _print_json(names: list[str], cursor: psycopg.Cursor) -> None:
    keys = [_for_terminals(json.dumps(name, ensure_ascii=False)) for name in names]
    print("[", end="")
    separator = "\n"
    for row in cursor:
        print(
            separator + "{" + ", ".join(f"{key}: {_as_json(value)}" for key, value in zip(keys, row, strict=True)),
            end="}",
        )
        separator = ",\n"
    print("\n]")


def _as_json(value: Any) -> str:
    if isinstance(value, _Json):
        return _for_terminals(str(value))
    if isinstance(value, Decimal):
        return f"{value:f}" if value.is_finite() else "null"
    if isinstance(value, list):
        return f"[{', '.join(_as_json(one) for one in value)}]"
    if hasattr(value, "isoformat"):
        return json.dumps(value.isoformat())
    return _for_terminals(json.dumps(value, ensure_ascii=False, default=str))


def _for_terminals(text: str) -> str:
    """JSON text that means the same, with the control characters escaped that JSON allows."""
    return re.sub("[\x7f-\x9f]", lambda match: f"\\u{ord(match[0]):04x}", text)


def _print_table(names: list[str], cursor: psycopg.Cursor) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    numeric = [one.type_display in ("int2", "int4", "int8", "numeric", "float4", "float8") for one in _columns(cursor)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, right in zip(names, numeric, strict=True):
        table.add_column(Text(visible(name)), justify="right" if right else "left", overflow="fold")
    for row in cursor.fetchmany(MOST_TABLE_ROWS):
        table.add_row(*(Text(visible(_as_text(value))) for value in row))
    terminal = sys.stdout.isatty()
    console = Console() if terminal else Console(width=100_000)
    console.print(table)
    shown, total = table.row_count, cursor.rowcount
    more = f"; the first {shown:,} are shown, --csv gives all" if total > shown else ""
    Console(stderr=True).print(f"{total:,} row{'' if total == 1 else 's'}{more}", style="dim", highlight=False)


def _columns(cursor: psycopg.Cursor) -> Iterator[Any]:
    yield from cursor.description or []


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)


def _sentence(error: psycopg.Error, role: Role, warehouse: Warehouse) -> str:
    limit = query_seconds(role, warehouse.query_timeout_seconds)
    said = (error.diag.message_primary or " ".join(str(error).split())).rstrip(".")
    if isinstance(error, psycopg.errors.QueryCanceled):
        return (
            f"The query took longer than {limit:g} s, the limit of role {role}; narrow it, "
            "raise WAREHOUSE_QUERY_TIMEOUT_SECONDS, or run it with --role owner, which has no limit."
        )
    if isinstance(error, psycopg.errors.AdminShutdown):
        return (
            f"The query was ended from outside ({said}), as Workledger ends what outlasts the "
            f"{limit:g} s of role {role}; narrow it, or run it with --role owner."
        )
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return f"Role {role} may not do that ({said}); --role names another, such as finance, owner or transformer."
    if isinstance(error, psycopg.errors.UndefinedTable):
        return (
            f"The query is refused: {said}; `workledger run` builds the tables, and their schema is part of the name."
        )
    hint = f" ({error.diag.message_hint.rstrip('.')})" if error.diag.message_hint else ""
    place = f" at character {error.diag.statement_position}" if error.diag.statement_position else ""
    return f"The query is refused{place}: {said}{hint}."
