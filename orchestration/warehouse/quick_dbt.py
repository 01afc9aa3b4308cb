"""While a build runs, dbt leaves out what it does for each node and nobody here reads or needs.

dbt opens a connection for each node, although each of its threads goes on to the next at once; makes an event for the
debug log, which is not written, of every step and statement; and writes the SQL of every node to a file.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

_OF_NODES: Final = ("model.", "snapshot.", "test.")


@contextmanager
def quick_nodes() -> Iterator[None]:
    """Within the block, dbt keeps connections open, makes no events for a debug log and writes no compiled files."""
    from dbt.adapters.postgres.connections import PostgresConnectionManager
    from dbt.adapters.postgres.impl import PostgresAdapter
    from dbt.contracts.graph.nodes import ParsedNode
    from dbt_common.events.base_types import EventLevel
    from dbt_common.events.event_manager import EventManager
    from dbt_common.events.event_manager_client import ctx_set_event_manager, get_event_manager

    class KeptConnections(PostgresConnectionManager):
        def release(self) -> None:
            connection = self.get_if_exists()
            # Threads that list relations and create schemas end with that.
            if connection is not None and connection.state == "open" and str(connection.name).startswith(_OF_NODES):
                self.rollback_if_open()
                if not connection.handle.closed:
                    return
            super().release()

    class NoDebugEvents(EventManager):
        def fire_event(self, e: Any, level: Any = None, *arguments: Any, **named: Any) -> None:
            if (level or e.level_tag()) != EventLevel.DEBUG:
                super().fire_event(e, level, *arguments, **named)

    with ExitStack() as ends:
        ends.callback(ctx_set_event_manager, get_event_manager())
        ctx_set_event_manager(NoDebugEvents())
        _replace(ends, PostgresAdapter, "ConnectionManager", KeptConnections)
        _replace(ends, ParsedNode, "write_node", lambda *_: None)
        yield


def _replace(ends: ExitStack, owner: type, name: str, replacement: object) -> None:
    ends.callback(setattr, owner, name, getattr(owner, name))
    setattr(owner, name, replacement)
