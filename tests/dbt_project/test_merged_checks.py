"""A test of a whole model checks each of its columns: a row that breaks one of them is found, with column and value.

The rows are made up from what the test declares, in temporary tables that take the place of the models. Types do not
matter here: that every test runs on its model is seen where the whole project is built (`test_project`).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg
import pytest
from dbt.contracts.graph.nodes import GenericTestNode
from psycopg import sql
from psycopg.rows import dict_row

from tests.dbt_project.conftest import DbtProject

Rows = Sequence[Mapping[str, str | None]]
KNOWN, UNKNOWN = "known", "unknown"
MERGED = ("foreign_keys", "allowed_values", "unique_key", "required_columns")


class Checks:
    """The project's compiled tests, and a connection in which tables can be made up."""

    def __init__(self, dbt_project: DbtProject, connection: psycopg.Connection[Any]) -> None:
        dbt_project.dbt("compile", "--select", *(f"test_name:{name}" for name in MERGED))
        self._manifest = dbt_project._manifest
        self._connection = connection

    def declared(self, kind: str) -> Iterator[tuple[GenericTestNode, dict[str, Any]]]:
        """Each test of a kind, and its arguments."""
        found = [node for node in self._manifest.nodes.values() if isinstance(node, GenericTestNode)]
        tests = [node for node in found if node.test_metadata.name == kind]
        assert tests, f"no model has a test {kind}"
        for node in tests:
            yield node, node.test_metadata.kwargs

    def found(
        self, test: GenericTestNode, rows: Rows, parents: Mapping[str, Rows] | None = None
    ) -> list[dict[str, Any]]:
        """What a test finds in rows of its model.

        Args:
            test: one of those that `declared` gives.
            rows: what the model holds.
            parents: what other models hold, by their names; the others are not there at all.
        """
        query = test.compiled_code
        assert query is not None
        assert test.attached_node is not None
        tables = {self._relation(test.attached_node): rows}
        for name, of_parent in (parents or {}).items():
            relation = self._relation(f"model.workledger.{name}")
            tables[relation] = [*tables.get(relation, []), *of_parent]
        with self._connection.transaction(force_rollback=True):
            for number, (relation, contents) in enumerate(tables.items()):
                assert relation in query
                query = query.replace(relation, f"pg_temp.table_{number}")
                self._create(f"table_{number}", contents)
            with self._connection.cursor(row_factory=dict_row) as cursor:
                return cursor.execute(query).fetchall()

    def _relation(self, unique_id: str) -> str:
        node = self._manifest.nodes[unique_id]
        return f'"{node.database}"."{node.schema}"."{node.alias}"'

    def _create(self, name: str, rows: Rows) -> None:
        table = sql.Identifier(name)
        columns = list(dict.fromkeys(column for row in rows for column in row))
        definitions = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(column)) for column in columns)
        self._connection.execute(sql.SQL("create temporary table {} ({})").format(table, definitions))
        for row in rows:
            values = sql.SQL(", ").join(sql.Literal(row.get(column)) for column in columns)
            self._connection.execute(sql.SQL("insert into {} values ({})").format(table, values))


@pytest.fixture(scope="module")
def checks(dbt_project: DbtProject) -> Iterator[Checks]:
    with dbt_project.warehouse.connect("owner") as connection:
        yield Checks(dbt_project, connection)


def test_a_value_that_the_other_model_lacks_breaks_its_foreign_key(checks: Checks) -> None:
    for test, arguments in checks.declared("foreign_keys"):
        targets = {column: (*target.split("."), "id")[:2] for column, target in arguments["columns"].items()}
        parents: dict[str, list[dict[str, str | None]]] = {}
        for parent, key in targets.values():
            parents.setdefault(parent, []).append({key: KNOWN})
        for column, (parent, key) in targets.items():
            sound = dict.fromkeys(targets, KNOWN)
            empty: dict[str, str | None] = dict.fromkeys(targets)
            found = checks.found(test, [sound, empty, {**sound, column: UNKNOWN}], parents)
            wanted = {
                "column_name": column,
                "value": UNKNOWN,
                "missing_in": f"{parent}.{key}",
                "rows_found": 1,
                "severity": "warn" if column in arguments.get("warn", []) else "error",
            }
            assert found == [wanted], test.name


def test_a_value_outside_its_list_is_not_allowed(checks: Checks) -> None:
    for test, arguments in checks.declared("allowed_values"):
        lists = arguments["columns"]
        longest = max(map(len, lists.values()))
        sound = [
            {column: allowed[number % len(allowed)] for column, allowed in lists.items()} for number in range(longest)
        ]
        empty: dict[str, str | None] = dict.fromkeys(lists)
        for column in lists:
            found = checks.found(test, [*sound, empty, {**empty, column: UNKNOWN}])
            assert found == [{"column_name": column, "value": UNKNOWN, "rows_found": 1}], test.name


def test_two_rows_of_one_key_and_a_null_in_it_break_the_key(checks: Checks) -> None:
    for test, arguments in checks.declared("unique_key"):
        keys = [arguments["columns"], *arguments.get("other_keys", [])]
        columns = list(dict.fromkeys([*(name for key in keys for name in key), *arguments.get("required", [])]))
        one, two = ({name: f"{name} {number}" for name in columns} for number in (1, 2))
        assert checks.found(test, [one, two]) == [], test.name
        for key in keys:
            shared = {name: one[name] for name in key}
            # A column that another key shares must not hide which key is broken.
            wanted = {
                "key_columns": ", ".join(key),
                "value": ", ".join(shared.values()),
                "rows_found": 2,
                "null_columns": "",
            }
            assert wanted in checks.found(test, [one, {**two, **shared}]), test.name
        for column in columns:
            found = checks.found(test, [one, {**two, column: None}])
            assert found, test.name
            for row in found:
                of_key = row["key_columns"].split(", ")
                assert row["null_columns"] == column, test.name
                assert row["value"] == ", ".join(two[name] for name in of_key if name != column), test.name


def test_a_null_breaks_a_required_column(checks: Checks) -> None:
    for test, arguments in checks.declared("required_columns"):
        sound = dict.fromkeys(arguments["columns"], KNOWN)
        assert checks.found(test, [sound]) == [], test.name
        for column in arguments["columns"]:
            found = checks.found(test, [sound, {**sound, column: None}])
            assert found == [{"column_name": column, "null_rows": 1}], test.name
