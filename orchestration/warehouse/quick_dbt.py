"""While a build runs, dbt leaves out what it does for each node and nobody here reads or needs.

dbt makes an event for the debug log, which is not written, of every step and statement, and writes the SQL of every
node to a file.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


@contextmanager
def quick_nodes() -> Iterator[None]:
    """Within the block, dbt makes no events for a debug log and writes no compiled files."""
    from dbt.contracts.graph.nodes import ParsedNode
    from dbt_common.events.base_types import EventLevel
    from dbt_common.events.event_manager import EventManager
    from dbt_common.events.event_manager_client import ctx_set_event_manager, get_event_manager

    class NoDebugEvents(EventManager):
        def fire_event(self, e: Any, level: Any = None, *arguments: Any, **named: Any) -> None:
            if (level or e.level_tag()) != EventLevel.DEBUG:
                super().fire_event(e, level, *arguments, **named)

    with ExitStack() as ends:
        ends.callback(ctx_set_event_manager, get_event_manager())
        ctx_set_event_manager(NoDebugEvents())
        ends.callback(setattr, ParsedNode, "write_node", ParsedNode.write_node)
        ParsedNode.write_node = lambda *_: None  # type: ignore[method-assign]
        yield
