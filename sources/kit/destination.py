"""dlt's Postgres destination and pipeline, with configuration, capabilities and connections reused within a load."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import dlt
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.normalizers.naming import NamingConvention
from dlt.common.pipeline import LoadInfo, get_dlt_pipelines_dir
from dlt.common.schema import Schema
from dlt.destinations import postgres
from dlt.destinations.impl.postgres.configuration import PostgresClientConfiguration
from dlt.destinations.impl.postgres.postgres import PostgresClient
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient
from dlt.pipeline.pipeline import Pipeline

_MAXIMUM_IDLE_SECONDS = 60


class Warehouse(postgres):
    """Postgres whose configuration and capabilities are resolved once, and whose connections are reused.

    dlt resolves both dozens of times in a load, and looks every field up in the environment and in files each time; it
    opens and authenticates a connection for every job and every query. Each costs more than a load of a few rows.
    """

    def __init__(self, credentials: Any) -> None:
        """Take a DSN, or dlt's Postgres credentials."""
        super().__init__(credentials=credentials)
        self._configuration: PostgresClientConfiguration | None = None
        self._capabilities: dict[str | None, DestinationCapabilitiesContext] = {}
        self._connections = _Connections()

    @property
    def destination_type(self) -> str:
        """Return dlt's own name, so that the pipeline's state is that of an ordinary Postgres."""
        return "dlt.destinations.postgres"

    def configuration(
        self, initial_config: PostgresClientConfiguration, accept_partial: bool = False
    ) -> PostgresClientConfiguration:
        """As dlt's, cached; of an initial configuration only the names of dataset and schema differ."""
        if accept_partial:
            return super().configuration(initial_config, accept_partial)
        if self._configuration is None:
            self._configuration = super().configuration(initial_config)
        # The names are bound to a configuration, not resolved with it.
        bound: PostgresClientConfiguration = self._configuration.copy()
        bound.dataset_name = initial_config.dataset_name
        bound.default_schema_name = initial_config.default_schema_name
        return bound

    def capabilities(
        self, config: PostgresClientConfiguration | None = None, naming: NamingConvention | None = None
    ) -> DestinationCapabilitiesContext:
        """As dlt's, cached by naming convention; no configuration changes what Postgres can do."""
        convention = naming.name() if naming else None
        if convention not in self._capabilities:
            self._capabilities[convention] = super().capabilities(config or self.spec(), naming)
        return self._capabilities[convention].copy()

    def client(self, schema: Schema, initial_config: Any = None) -> PostgresClient:
        """As dlt's, on connections that are kept while `kept_connections` lasts."""
        client = super().client(schema, initial_config)
        client.sql_client = _SqlClient(client.sql_client, self._connections)
        return client

    @contextmanager
    def kept_connections(self) -> Iterator[None]:
        """Keep closed connections open for reuse until the block ends, or that around it."""
        if self._connections.are_kept:
            yield
            return
        self._connections.are_kept = True
        try:
            yield
        finally:
            self._connections.are_kept = False
            self._connections.close()


class _Connections:
    """Open connections that are idle, by the dataset that is their search path."""

    def __init__(self) -> None:
        self.are_kept = False
        self._idle: dict[str, list[tuple[float, Any]]] = {}
        self._lock = threading.Lock()

    def take(self, dataset: str) -> Any:
        """Return an idle connection of a dataset, None where there is none.

        One that was idle for long may have been cut off by a firewall or proxy without notice, so it is closed.
        """
        while True:
            with self._lock:
                idle = self._idle.get(dataset)
                if not idle:
                    return None
                since, connection = idle.pop()
            if time.monotonic() - since <= _MAXIMUM_IDLE_SECONDS:
                return connection
            connection.close()

    def give(self, dataset: str, connection: Any) -> None:
        """Keep a connection for reuse, or close it."""
        if not self.are_kept or connection.closed:
            connection.close()
            return
        with self._lock:
            self._idle.setdefault(dataset, []).append((time.monotonic(), connection))

    def close(self) -> None:
        """Close them all."""
        with self._lock:
            for _, connection in (row for rows in self._idle.values() for row in rows):
                connection.close()
            self._idle.clear()


class _SqlClient(Psycopg2SqlClient):
    """dlt's client, which takes a kept connection before it opens one and gives it back instead of closing it."""

    def __init__(self, client: Psycopg2SqlClient, connections: _Connections) -> None:
        super().__init__(client.dataset_name, client.staging_dataset_name, client.credentials, client.capabilities)
        self._connections = connections
        self._search_path = ""

    def open_connection(self) -> Any:
        self._search_path = self.fully_qualified_dataset_name()
        kept = self._connections.take(self._search_path)
        if kept is None:
            return super().open_connection()
        self._conn = kept
        # Rolls back, and forgets whatever the last user had set or prepared.
        self._reset_connection()
        return kept

    def close_connection(self) -> None:
        if self._conn:
            self._connections.give(self._search_path, self._conn)
            self._conn = None


class _Pipeline(Pipeline):
    """A pipeline whose working folder has no other writer, so that its schema need not be read again."""

    turn: Callable[[], AbstractContextManager[Any]] = nullcontext
    """Held while rows are written, which is the last and short part of a run."""

    @property
    def default_schema(self) -> Schema:
        """As dlt's, read from the file only once."""
        live: Schema | None = self._schema_storage.live_schemas.get(str(self.default_schema_name))
        return live or super().default_schema

    def run(self, *arguments: Any, **options: Any) -> LoadInfo:
        """As dlt's, with reused connections."""
        destination: Any = self.destination
        with destination.kept_connections():
            return super().run(*arguments, **options)

    def load(self, *arguments: Any, **options: Any) -> LoadInfo:
        """As dlt's, within the pipeline's turn."""
        with self.turn() if self.has_pending_data else nullcontext():
            return super().load(*arguments, **options)


def pipeline(
    name: str,
    credentials: Any,
    dataset_name: str,
    folder: Path | None = None,
    turn: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Pipeline:
    """Return the pipeline of a source into a dataset of the warehouse that a DSN, or dlt's credentials, lead to.

    `folder` is where dlt keeps its working files; `turn` is held while rows are written.
    """
    made = dlt.pipeline(
        name,
        destination=Warehouse(credentials),
        dataset_name=dataset_name,
        pipelines_dir=str(folder or get_dlt_pipelines_dir()),
        _impl_cls=_Pipeline,
    )
    made.turn = turn
    return made
