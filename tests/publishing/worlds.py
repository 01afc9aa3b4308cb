"""Two engines for the tests of publishing: tables by hand in Postgres, and an embedded ClickHouse."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from clickhouse_connect.driver.client import Client

from orchestration.settings import Settings
from orchestration.warehouse.clickhouse import open_published, postgres_of
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.state import BuildState
from publishing.catalogue import Catalogue, Description
from publishing.layout import LARGE_ROWS
from publishing.publisher import Publisher, Result
from publishing.statements import Statements

Descriptions = Mapping[tuple[str, str], Description]


@dataclass(frozen=True)
class World:
    """A warehouse whose marts a test fills by hand, and the ClickHouse that they are published to."""

    warehouse: Warehouse
    client: Client
    home: Path

    def told(self, statement: str) -> None:
        """Write to the warehouse as the role that owns its marts."""
        with self.warehouse.connect("transformer") as connection:
            connection.execute(statement.encode())

    def asked(self, query: str) -> list[tuple[Any, ...]]:
        """Ask ClickHouse."""
        return [tuple(row) for row in self.client.query(query, tz_mode="aware").result_rows]

    def publish(
        self,
        descriptions: Descriptions,
        *,
        large_rows: int = LARGE_ROWS,
        compare_all: bool = False,
        chosen: set[tuple[str, str]] | None = None,
    ) -> Result:
        """Publish, as the assets do."""
        with self.warehouse.connect("owner") as connection:
            publisher = self.publisher(connection, descriptions, large_rows)
            return publisher.publish(chosen, compare_all=compare_all)

    def publisher(
        self, connection: psycopg.Connection[Any], descriptions: Descriptions, large_rows: int = LARGE_ROWS
    ) -> Publisher:
        """What publishes."""
        catalog = BuildState(self.warehouse).catalog()
        return Publisher(
            Catalogue(connection, catalog.relations, descriptions),
            self.client,
            postgres_of(Settings(profile="sandbox", home=self.home), self.warehouse),
            Statements(),
            large_rows=large_rows,
        )


@contextmanager
def opened(warehouse: Warehouse, home: Path) -> Iterator[World]:
    """Open the embedded ClickHouse of a home beside a warehouse."""
    with open_published(f"chdb://{home / 'published'}") as client:
        yield World(warehouse, client, home)


def outcomes(result: Result) -> dict[str, str]:
    """What has become of each relation, by its name."""
    assert result.differences == []
    return {one.relation.name: one.outcome for one in result.published}


def rows(world: World, name: str = "marts.entries") -> list[tuple[object, ...]]:
    """The rows of a table in ClickHouse."""
    return sorted(world.asked(f"select * from {name}"), key=str)


def expected(world: World, name: str = "marts.entries") -> list[tuple[object, ...]]:
    """The rows of a table in Postgres."""
    with world.warehouse.connect("owner") as connection:
        return sorted(connection.execute(f"select * from {name}".encode()).fetchall(), key=str)
