"""Compares the marts of two warehouses, and of one before and after everything in it is built again."""

from __future__ import annotations

from typing import Final

from psycopg import sql

from benchmarks.soak.agency import Machine
from orchestration.warehouse.opening import open_warehouse

# When Workledger saw a row first or last, which a warehouse that is loaded anew sees later (rule 12.2).
_SEEN: Final = ["loaded_at", "created_at", "updated_at"]


def rebuilt(machine: Machine) -> list[str]:
    """Build everything again; return the marts that differ from before."""
    before = _contents(machine, [])
    with open_warehouse(machine.settings).connect("transformer") as connection:
        connection.execute("truncate registry.built_nodes")
    machine.run()
    after = _contents(machine, [])
    return [name for name in before if before[name] != after[name]]


def differing(one: Machine, other: Machine) -> list[str]:
    """Return the marts whose rows differ between two warehouses, but for when a row was seen."""
    left, right = (_contents(machine, _SEEN) for machine in (one, other))
    return [f"{name} ({left.get(name)} and {right.get(name)})" for name in left if left[name] != right.get(name)]


def _contents(machine: Machine, without: list[str]) -> dict[str, tuple[int, str]]:
    contents = {}
    with open_warehouse(machine.settings).connect("owner") as connection:
        names = connection.execute("select tablename from pg_tables where schemaname = 'marts' order by 1").fetchall()
        for (name,) in names:
            query = sql.SQL(
                "select count(*), coalesce(md5(string_agg(r, '|' order by r)), '')"
                " from (select (to_jsonb(t) - {}::text[])::text as r from {} as t) as mart"
            ).format(sql.Literal(without), sql.Identifier("marts", name))
            row = connection.execute(query).fetchone()
            assert row is not None
            contents[str(name)] = (int(row[0]), str(row[1]))
    return contents
