"""dbt without what it works out anew for every node, or writes where nobody reads, so that builds in tests cost less.

What dbt runs against the warehouse, and the results that it returns, are the same.
"""

import functools
import gc
from collections.abc import Callable
from typing import Any

import jinja2
import parsedatetime
import psycopg2
import pytest
from dbt.adapters.postgres.connections import PostgresConnectionManager
from dbt.compilation import Linker
from dbt.context.macros import MacroNamespace
from dbt_common.behavior_flags import BehaviorFlagRendered
from dbt_common.clients.jinja import MacroFuzzEnvironment
from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager

_UNREAD = (EventLevel.DEBUG, EventLevel.TEST)


def make_quick(patch: pytest.MonkeyPatch) -> None:
    """Patch dbt and the libraries below it."""
    _leave_out_events(patch)
    _search_macros_once(patch)
    # The contexts of a node are thousands of objects in circles, for which Python looks after every 700 by default.
    gc.set_threshold(20_000, 20, 20)
    # For every flag of every invocation dbt reads the source of each frame of the stack, which below pytest, with some
    # 5,000 modules loaded, takes more than half of a small invocation. Only a warning would name the module.
    patch.setattr(BehaviorFlagRendered, "_default_source", lambda _: "dbt")
    patch.setattr(Linker, "find_cycles", _once_for_each_graph(Linker.find_cycles))
    patch.setattr(MacroFuzzEnvironment, "compile", _once_for_each_text(MacroFuzzEnvironment.compile))
    # Names of months and the like, for columns of dates in the result of every query, whatever its columns are.
    patch.setattr(parsedatetime, "Constants", functools.cache(parsedatetime.Constants))


def _leave_out_events(patch: pytest.MonkeyPatch) -> None:
    """Make no message of an event that no logger writes: some forty for each node.

    The listeners of the orchestration drop those of level debug, too.
    """
    make, fire = BaseEvent.__init__, EventManager.fire_event

    def remember(event: BaseEvent, *args: Any, **kwargs: Any) -> None:
        object.__setattr__(event, "given", (args, kwargs))

    def make_when_read(event: BaseEvent, name: str) -> Any:
        if name == "pb_msg":
            args, kwargs = object.__getattribute__(event, "given")
            make(event, *args, **kwargs)
            return object.__getattribute__(event, name)
        return getattr(event.pb_msg, name)

    def fire_if_read(
        manager: EventManager, e: BaseEvent, level: EventLevel | None = None, *args: Any, **kwargs: Any
    ) -> None:
        if (level or e.level_tag()) not in _UNREAD or any(one.level in _UNREAD for one in manager.loggers):
            fire(manager, e, level, *args, **kwargs)

    patch.setattr(BaseEvent, "__init__", remember)
    patch.setattr(BaseEvent, "__getattr__", make_when_read)
    patch.setattr(EventManager, "fire_event", fire_if_read)


def keep_sessions(patch: pytest.MonkeyPatch) -> None:
    """Leave a thread's session to its next node, as good as new, where dbt starts one for each.

    A session costs Postgres a process, and its queries the filling of its caches. Not for tests that end sessions.
    """
    release = PostgresConnectionManager.release

    def keep(manager: PostgresConnectionManager) -> None:
        connection = manager.get_if_exists()
        if connection is None or connection.state != "open" or connection.handle.closed:
            release(manager)
            return
        try:
            connection.handle.rollback()
            connection.transaction_open = False
            with connection.handle.cursor() as cursor:
                cursor.execute("reset all; discard temp")
            connection.handle.commit()
        except psycopg2.Error:
            release(manager)

    patch.setattr(PostgresConnectionManager, "release", keep)


def _search_macros_once(patch: pytest.MonkeyPatch) -> None:
    """Find each of 600 macros for the two contexts of a node without looking in five places each time."""

    def found(namespace: MacroNamespace) -> dict[str, Any]:
        known: dict[str, Any] | None = namespace.__dict__.get("found")
        if known is None:
            known = namespace.__dict__["found"] = {}
            for place in reversed(list(namespace._search_order())):
                known.update(place)
        return known

    patch.setattr(MacroNamespace, "_keys", lambda namespace: found(namespace).keys())
    patch.setattr(MacroNamespace, "__getitem__", lambda namespace, key: found(namespace)[key])


def _once_for_each_graph(search: Callable[[Linker], str | None]) -> Callable[[Linker], str | None]:
    searched = set()

    def search_once(linker: Linker) -> str | None:
        edges = frozenset(linker.edges())
        cycle = None if edges in searched else search(linker)
        if cycle is None:
            searched.add(edges)
        return cycle

    return search_once


def _once_for_each_text(compile_template: Callable[..., Any]) -> Callable[..., Any]:
    compiled: dict[tuple[type, str], Any] = {}

    def compile_once(environment: jinja2.Environment, source: Any, *args: Any, **kwargs: Any) -> Any:
        if args or kwargs or not isinstance(source, str):
            return compile_template(environment, source, *args, **kwargs)
        key = type(environment), source
        if key not in compiled:
            compiled[key] = compile_template(environment, source)
        return compiled[key]

    return compile_once
