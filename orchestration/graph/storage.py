"""Dagster's storage of runs and events in SQLite, with databases that stay open between events.

A build reports about three events for every model and test. Dagster's own storage opens, synchronizes and closes a
database for each of them, which took longer than dbt itself (4,600 openings, 55 of 149 s, in a build of 361 nodes on a
busy disk). This storage keeps the databases open and lets the operating system decide when to write: a power cut can
lose the last events of a run, never data, which is in the warehouse.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import StaticPool

# Every run has a database of its own; a server that shows many need not keep all of them open.
_KEPT_OPEN: Final = 8


class QuickEventLogStorage(SqliteEventLogStorage):
    """Dagster's event log with databases that stay open between events."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Open nothing yet but the index."""
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    def dispose(self) -> None:
        """Close the databases."""
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()
        super().dispose()

    def has_table(self, table_name: str) -> bool:
        """Tell whether the index has a table; one that it has stays."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).begin() as connection:
            yield connection

    def _engine(self, shard: str) -> Engine:
        if shard in self._engines:
            self._engines.move_to_end(shard)
            return self._engines[shard]
        engine = create_engine(
            self.conn_string_for_shard(shard),
            poolclass=StaticPool,
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
        )
        event.listen(engine, "connect", _leave_writing_to_the_system)
        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        self._engines[shard] = engine
        if len(self._engines) > _KEPT_OPEN:
            self._engines.popitem(last=False)[1].dispose()
        return engine


class QuickSqliteStorage(DagsterSqliteStorage):
    """Dagster's storage with the quick event log; dagster.yaml names it, so every process of Dagster uses it."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Take the folder that holds runs, events and schedules."""
        super().__init__(base_dir, inst_data)
        former = self._event_log_storage
        self._event_log_storage = QuickEventLogStorage(former._base_dir)  # noqa: SLF001 - the same folder, no other way
        former.dispose()

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "QuickSqliteStorage":
        """Build it from dagster.yaml's values."""
        return cls.from_local(inst_data=inst_data, **config_value)


def _leave_writing_to_the_system(connection: Any, _: Any) -> None:
    connection.execute("pragma synchronous = off")
