"""A fast harness for dbt: raw tables filled from Python dicts, dbt run in this process, one parse for all.

A module's database is a copy of one with the empty raw tables and the views over them. These views never change, so a
build without data tests leaves them as they are; `test_project` builds them all in a database that has none.

`dbt_project` (one per test module, on a database of its own) has `load`, `build`, `rows` and `value`:

    dbt_project.load({"clockify.users": [{"id": "u1", "email": "ada@example.com"}]})
    dbt_project.build("+developers", as_of="2026-04-30")
    dbt_project.rows("select id from marts.developers")
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import ModelNode
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.dbt import prepare_manifest
from orchestration.warehouse.opening import DATABASE
from tests.quick_dbt import keep_sessions

PROJECT_FOLDER = Path(__file__).resolve().parents[2] / "dbt_project"
Row = Mapping[str, Any]

# What makes a row of a reference file the same row after an edit, for tests that do not say `row_key` themselves.
_KEY_COLUMNS = ("id", "email", "client", "project", "contract", "name", "repo", "path", "system", "native_id", "label")
# A tag given to the views that are built from raw tables alone; it is in no file.
_VIEWS_OF_RAW = "view_of_raw"
_DATED_KEY_COLUMNS = ("valid_from", "effective_from", "start_date", "date", "rate_tier", "weekday", "opens", "value")


class DbtProject:
    """The project's models over one database."""

    def __init__(self, warehouse: Warehouse, manifest: Manifest, target_folder: Path) -> None:
        """Create the raw tables that the models' sources declare, unless the database is a copy of one with them."""
        self.warehouse = warehouse
        self._manifest = manifest
        self._target_folder = target_folder
        self._loaded_at = datetime(2026, 1, 1, tzinfo=UTC)
        self._columns = {
            f"{source.source_name}.{source.name}": {
                name: column.data_type or "text" for name, column in source.columns.items()
            }
            for source in manifest.sources.values()
        }
        self._has_views = bool(self.value("select count(*) from pg_views where schemaname = 'staging'"))
        if not self._has_views:
            self._create_raw_tables()
        self._point_manifest_at_database()
        self._tag_views_of_raw_tables()

    def _create_raw_tables(self) -> None:
        with self.warehouse.connect("loader") as connection:
            for source in self._manifest.sources.values():
                if source.source_name == "invoicing":
                    continue  # made by migrations
                columns = self._columns[f"{source.source_name}.{source.name}"]
                definitions = ", ".join(f'"{name}" {data_type}' for name, data_type in columns.items())
                connection.execute(f'create table "{source.schema}"."{source.identifier}" ({definitions})')

    def _point_manifest_at_database(self) -> None:
        """Spare a second parse: a database's name is all that differs between two modules."""
        for nodes in (self._manifest.nodes, self._manifest.sources, self._manifest.unit_tests):
            for node in nodes.values():
                if hasattr(node, "database"):
                    node.database = self.warehouse.database

    def _tag_views_of_raw_tables(self) -> None:
        found = set(self._manifest.sources)
        views = {
            name: node
            for name, node in self._manifest.nodes.items()
            if isinstance(node, ModelNode) and node.config.materialized == "view"
        }
        while more := {name for name, node in views.items() if {*node.depends_on.nodes} <= found} - found:
            found |= more
            for name in more:
                views[name].tags.append(_VIEWS_OF_RAW)

    def load(self, tables: Mapping[str, Sequence[Row]]) -> None:
        """Replace the rows of raw tables, named `source.table`; columns that a row leaves out are null."""
        with self.warehouse.connect("loader") as connection:
            for name in tables:
                connection.execute(sql.SQL("delete from {}").format(sql.Identifier(*f"raw_{name}".split("."))))
        self.add(tables)

    def add(self, tables: Mapping[str, Sequence[Row]]) -> None:
        """Add rows to raw tables."""
        with self.warehouse.connect("loader", autocommit=False) as connection:
            for name, rows in tables.items():
                source, table = name.split(".")
                relation = sql.Identifier(f"raw_{source}", table)
                complete = [self._with_technical_columns(name, row, number) for number, row in enumerate(rows)]
                self._copy(connection, relation, name, complete)

    def _with_technical_columns(self, name: str, row: Row, number: int) -> Row:
        columns = self._columns[name]
        complete = dict(row)
        if "row_key" in columns:
            keys = [name for name in (*_KEY_COLUMNS, *_DATED_KEY_COLUMNS) if name in columns]
            complete.setdefault("row_key", "|".join(str(row.get(key) or "") for key in keys).lower())
            complete.setdefault("row_number", number + 2)
        if "row_hash" in columns:
            complete.setdefault("row_hash", str(sorted(row.items(), key=str)))
        if "loaded_at" in columns:
            complete.setdefault("loaded_at", self._loaded_at)
        return complete

    def _copy(self, connection: psycopg.Connection, relation: sql.Identifier, name: str, rows: Sequence[Row]) -> None:
        columns = self._columns[name]
        if unknown := {column for row in rows for column in row} - set(columns):
            raise AssertionError(f"{name} has no column {', '.join(sorted(unknown))}")
        statement = sql.SQL("copy {} ({}) from stdin").format(
            relation, sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        is_json = [data_type == "jsonb" for data_type in columns.values()]
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                values = map(row.get, columns)
                copy.write_row(
                    [
                        Jsonb(value) if json and value is not None else value
                        for json, value in zip(is_json, values, strict=True)
                    ]
                )

    def dbt(self, command: str, *arguments: str, **variables: Any) -> dict[str, str]:
        """Run a dbt command; return the status of every node by its name.

        Raises:
            AssertionError: the command failed; the message holds every failed node's own.
        """
        results = self.dbt_results(command, *arguments, **variables)
        failures = [f"{node}: {message}" for node, (status, message) in results.items() if status in ("error", "fail")]
        assert not failures, "\n".join(failures)
        return {node: status for node, (status, _) in results.items()}

    def dbt_results(self, command: str, *arguments: str, **variables: Any) -> dict[str, tuple[str, str]]:
        """Run a dbt command; return status and message of every node by its name, failed ones included."""
        parameters = self.warehouse.parameters("transformer")
        environment = {
            "DBT_HOST": parameters["host"],
            "DBT_PORT": parameters["port"],
            "DBT_USER": parameters["user"],
            "DBT_PASSWORD": parameters["password"],
            "DBT_DBNAME": parameters["dbname"],
        }
        assignments = ", ".join(f"{name}: {value!r}" for name, value in variables.items())
        with pytest.MonkeyPatch.context() as patch:
            keep_sessions(patch)
            for name, value in environment.items():
                patch.setenv(name, str(value))
            outcome = dbtRunner(manifest=self._manifest).invoke(
                [
                    command,
                    *_common_arguments(self._target_folder),
                    # Results come back as objects; nobody reads the artifacts, and writing them takes a second.
                    "--no-write-json",
                    "--threads",
                    "2",
                    "--vars",
                    f"{{{assignments}}}",
                    *self._without_views(command, arguments),
                    *arguments,
                ]
            )
        if outcome.exception is not None:
            raise outcome.exception
        return {
            result.node.name: (str(result.status), result.message or "")
            for result in outcome.result.results  # type: ignore[union-attr]
            # Not the hooks, unless one fails.
            if str(result.node.resource_type) != "operation" or result.status != "success"
        }

    def _without_views(self, command: str, arguments: Sequence[str]) -> Sequence[str]:
        """Leave the views of raw tables as they are, unless data tests, which excluding a model excludes too, run."""
        if command == "build" and not {"unit_test", "test"} <= {*arguments}:
            # A view that is built again takes those over it along, which the next build must make.
            self._has_views = False
        return ("--exclude", f"tag:{_VIEWS_OF_RAW}") if self._has_views and command in ("build", "run") else ()

    def build(self, *selection: str, **variables: Any) -> dict[str, str]:
        """Build models and test their data as far as no other model is needed; keywords are dbt variables."""
        arguments = [
            "--exclude-resource-type",
            "unit_test",
            "--indirect-selection",
            "buildable",
            "--select",
            *selection,
        ]
        return self.dbt("build", *arguments, **variables)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Run a query as the owner."""
        with self.warehouse.connect("owner") as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query).fetchall()

    def value(self, query: str) -> Any:
        """Return the only value of a query's only row."""
        [row] = self.rows(query)
        [value] = row.values()
        return value


def _common_arguments(target_folder: Path) -> list[str]:
    return [
        "--project-dir",
        str(PROJECT_FOLDER),
        "--profiles-dir",
        str(PROJECT_FOLDER),
        "--target-path",
        str(target_folder),
        "--log-path",
        str(target_folder),
        "--log-level",
        "none",
        "--log-level-file",
        "none",
    ]


@pytest.fixture(scope="session")
def parsed_project(parsed_home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, Path]:
    """The project's manifest, and the folder of its artifacts."""
    return prepare_manifest(parsed_home, DATABASE).load(), tmp_path_factory.mktemp("dbt")


@pytest.fixture(scope="session")
def open_dbt_project(
    create_database: Callable[[], Warehouse],
    copy_database: Callable[[Warehouse], Warehouse],
    parsed_project: tuple[Manifest, Path],
) -> Callable[[], DbtProject]:
    """A function that lays the project over a new database with empty raw tables and the views over them."""
    manifest, target_folder = parsed_project
    template = DbtProject(create_database(), manifest.deepcopy(), target_folder)
    template.dbt("run", "--select", f"tag:{_VIEWS_OF_RAW}")
    return lambda: DbtProject(copy_database(template.warehouse), manifest.deepcopy(), target_folder)


@pytest.fixture(scope="module")
def dbt_project(open_dbt_project: Callable[[], DbtProject]) -> DbtProject:
    """The project over a database of this test module's own."""
    return open_dbt_project()
