"""Turns of loads and builds: while a build reads the raw tables of a source, no load writes to them.

A build takes many transactions, each of which sees what has landed by then; rows that land in between would be in one
table and not in the next. So a build keeps the raw tables of every source as they were at its start, until nothing more
reads them. A load goes on reading its vendor meanwhile and waits with its last step alone. The locks are Postgres' own:
they hold between machines, and end with the session of a killed process.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Final

from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.roles import Role

_LOCK: Final = (
    "select pg_advisory_lock(hashtextextended('workledger.raw.' || name, 0))"
    " from (select name from unnest(%s::text[]) as names (name) order by name) as names"
)
_UNLOCK: Final = "select pg_advisory_unlock(hashtextextended('workledger.raw.' || %s, 0))"


@contextmanager
def turn_at_raw(warehouse: Warehouse, role: Role, schemas: Collection[str]) -> Iterator[Callable[[str], None]]:
    """Hold raw schemas against every other holder; give a function that lets go of one of them earlier.

    Waits for whoever has them now: a load for the rest of a build, a build for what a load is writing.

    Args:
        warehouse: where the schemas are.
        role: loader or transformer.
        schemas: their names.

    Raises:
        WarehouseError: the server cannot be reached.
    """
    with warehouse.connect(role) as connection:
        connection.execute(_LOCK, (sorted(schemas),))

        def let_go(schema: str) -> None:
            connection.execute(_UNLOCK, (schema,))

        yield let_go
