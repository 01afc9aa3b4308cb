"""Compares the marts of two warehouses, and of one before and after everything in it is built again."""

from __future__ import annotations

from collections import Counter
from typing import Final

from psycopg import sql

from benchmarks.soak.agency import Machine
from orchestration.warehouse.opening import open_warehouse

Contents = dict[str, Counter[str]]
"""The rows of each mart as text, and how often each is there."""

# When and how far Workledger has read, of which a warehouse that is loaded anew knows only its own time (rule 12.2).
_SEEN: Final = ("loaded_at", "created_at", "updated_at", "cursor")
# What was there once: versions that reference files had.
_HISTORY: Final = ("audit_logs",)


def contents(machine: Machine) -> Contents:
    """Read all marts."""
    found: Contents = {}
    with open_warehouse(machine.settings).connect("owner") as connection:
        names = connection.execute("select tablename from pg_tables where schemaname = 'marts' order by 1").fetchall()
        for (name,) in names:
            query = sql.SQL("select to_jsonb(t)::text from {} as t").format(sql.Identifier("marts", name))
            found[str(name)] = Counter(row for (row,) in connection.execute(query).fetchall())
    return found


def forget_builds(machine: Machine) -> None:
    """Have the next run build everything."""
    with open_warehouse(machine.settings).connect("transformer") as connection:
        connection.execute("truncate registry.built_nodes")


def living(machine: Machine) -> Contents:
    """Read all marts as a warehouse that is loaded anew would have them: without what is gone, and when it was seen."""
    found: Contents = {}
    with open_warehouse(machine.settings).connect("owner") as connection:
        names = connection.execute(
            "select tablename from pg_tables where schemaname = 'marts' and tablename <> all(%s) order by 1",
            (list(_HISTORY),),
        ).fetchall()
        for (name,) in names:
            query = sql.SQL(
                "select (row - {}::text[])::text from (select to_jsonb(t) as row from {} as t) as rows"
                " where row ->> 'is_deleted' is distinct from 'true'"
                " and row ->> 'not_counted_reason' is distinct from 'deleted'"
            ).format(sql.Literal(list(_SEEN)), sql.Identifier("marts", name))
            found[str(name)] = Counter(row for (row,) in connection.execute(query).fetchall())
    return found


def differences(one: Contents, other: Contents) -> list[str]:
    """Return a line for each mart that differs, with a row of each side."""
    lines = []
    for name, rows in one.items():
        others = other.get(name, Counter())
        left, right = rows - others, others - rows
        if left or right:
            shown = " and ".join(f"{sum(side.values())} rows such as {min(side, default='')}" for side in (left, right))
            lines.append(f"{name}: {shown}")
    return lines
