"""The whole dbt project: it builds on empty raw tables, its unit tests pass, its tables are described and indexed.

What is required of a table follows from its own description: keys and foreign keys from its data tests, dates and
statuses from names and types of its columns; what only the seeds list stands here.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlparse.engine.grouping
import yaml
from dbt.adapters.sql.impl import SQLAdapter
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import GenericTestNode, ModelNode
from psycopg import sql
from psycopg.errors import NotNullViolation, UniqueViolation

from assets.checks import SET_ASIDE_TABLES
from assets.keys import published_schema
from benchmarks.structure import ORDER
from orchestration.warehouse.connection import Warehouse
from sources.catalog import SOURCES
from tests.dbt_project.conftest import PROJECT_FOLDER, DbtProject

_SQL_TYPES = {
    "text": "text",
    "bigint": "bigint",
    "boolean": "boolean",
    "timestamp": "timestamp with time zone",
    "date": "date",
    "numeric": "numeric",
    "double": "double precision",
    "json": "jsonb",
}

# Compound indexes, flags and unique native ids that the seeds list, by their columns' names in the marts.
SEED_INDEXES = {
    "accounts": ["plaid_account_id"],
    "billing_rules": ["project_id", "project_id effective_from effective_to"],
    "client_contacts": ["client_id", "email", "is_primary", "client_id is_primary"],
    "clients": ["clockify_id", "account_number", "company_name", "status"],
    "commits": ["sha"],
    "contract_periods": [
        "contract_id",
        "client_id",
        "period_start",
        "period_end",
        "is_billed",
        "contract_id period_start",
        "contract_id period_end",
    ],
    "contracts": [
        "client_id",
        "contract_number",
        "service_category",
        "status",
        "start_date",
        "end_date",
        "client_id status",
        "client_id service_category status",
    ],
    "developers": ["clockify_id"],
    "jira_issues": ["key"],
    "plaid_items": ["item_id"],
    "projects": ["clockify_id"],
    "pull_requests": ["github_id"],
    "repo_mappings": ["repo"],
    "service_types": ["name", "is_active", "display_order"],
    # work_logs is a view of time_entries: its indexes are there.
    "time_entries": [
        "clockify_id",
        "project_id start_time",
        "developer_id start_time",
        "status",
        "client_id",
        "contract_id",
        "developer_id",
        "local_date",
        "contract_id local_date",
        "developer_id local_date",
        "client_id local_date",
        "service_type",
        "work_location",
        "billable",
    ],
}
# Two values of each type, for a row made up; those of numbers are 1 and 2.
_MADE_UP = {
    "text": ("x", "y"),
    "date": ("2026-01-01", "2026-02-01"),
    "timestamp with time zone": ("2026-01-01 00:00:00+00", "2026-02-01 00:00:00+00"),
    "boolean": ("t", "f"),
}
# Keys that other tests than unique_key hold, because nobody and no client are values of them.
KEYS = {
    "daily_overlay": "developer_id client_id local_date bucket_start",
    "productivity_triangle": "developer_id client_id local_date",
    "session_message_copies": "message_id session_id",
}
# Instants that nobody asks for by themselves: book-keeping of a row, and ends that follow from their starts.
_NO_DATES = {"created_at", "updated_at", "deleted_at", "bucket_end", "end_time"}
_STATUSES = {"status", "status_category"}

# A column of this name points at this table wherever it stands.
_REFERENCES = {
    # Business transactions of a personal account exist: a rule may say so.
    "account_id": "int_money__accounts",
    "application_id": "applications",
    "billing_rule_id": "billing_rules",
    "client_id": "clients",
    "contract_id": "contracts",
    "contract_period_id": "contract_periods",
    "developer_id": "developers",
    "project_id": "projects",
    "service_type_id": "service_types",
    "session_id": "claude_sessions",
    "time_entry_id": "time_entries",
}
_UNIT = re.compile(
    r"second|minute|hour|day|token|usd|dollar|amount|currency|rate|price|percent|share|fraction|cents|multiplier|number|"
    r"count|line|file|commit|pull request|session|answer|request|prompt|point|place|position|order|id|ticket|entries|"
    r"rows|contract|0 for",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def dbt_project(create_database: Callable[[], Warehouse], parsed_project: tuple[Manifest, Path]) -> DbtProject:
    """The project over a database without its views, which other modules find built."""
    manifest, target_folder = parsed_project
    return DbtProject(create_database(), manifest.deepcopy(), target_folder)


@pytest.fixture(scope="module")
def built(dbt_project: DbtProject) -> DbtProject:
    dbt_project.dbt("build", "--exclude-resource-type", "unit_test")
    return dbt_project


def _tables(manifest: Manifest, *schemas: str) -> dict[str, ModelNode]:
    return {name: node for name, node in _all_models(manifest).items() if published_schema(node.to_dict()) in schemas}


def _required(node: ModelNode) -> list[str]:
    """The columns of a table that may not be null, by its own constraints."""
    return [name for name, one in node.columns.items() if "not_null" in {each.type.value for each in one.constraints}]


def _held_keys(node: ModelNode) -> list[list[str]]:
    """The keys that a table holds itself, at every insert: the columns of unique indexes, none of which may be null."""
    unique = [index["columns"] for index in node.config.extra.get("indexes", []) if index.get("unique")]
    return [columns for columns in unique if {*columns} <= {*_required(node)}]


def _tests(manifest: Manifest) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """Names and arguments of the generic tests of each model."""
    found = defaultdict(list)
    for node in manifest.nodes.values():
        if isinstance(node, GenericTestNode) and node.attached_node:
            metadata = node.test_metadata
            found[node.attached_node.split(".")[-1]].append((metadata.name, metadata.kwargs))
    return found


def _checked(tests: list[tuple[str, dict[str, Any]]], kind: str) -> dict[str, Any]:
    """What a model's tests of one kind say of each column."""
    return {column: rule for name, kwargs in tests if name == kind for column, rule in kwargs["columns"].items()}


def test_builds_on_empty_raw_tables(built: DbtProject) -> None:
    assert built.value("select count(*) from marts.time_entries") == 0


def test_every_key_foreign_key_date_and_status_has_an_index(
    built: DbtProject, parsed_project: tuple[Manifest, object]
) -> None:
    manifest, _ = parsed_project
    existing = defaultdict(list)
    for row in built.rows(
        "select relname, array_agg(attname::text order by place) as columns from pg_index "
        "inner join pg_class on pg_class.oid = indrelid "
        "cross join unnest(indkey::int[]) with ordinality as keys (attribute, place) "
        "inner join pg_attribute on attrelid = indrelid and attnum = attribute "
        "where relnamespace in ('marts'::regnamespace, 'private'::regnamespace) group by relname, indexrelid"
    ):
        existing[row["relname"]].append(row["columns"])
    tests = _tests(manifest)
    required = {}
    for table, node in _tables(manifest, "marts", "private").items():
        if node.config.materialized == "view":
            continue
        keys = [
            key
            for name, kwargs in tests[table]
            if name == "unique_key"
            for key in [kwargs["columns"], *kwargs.get("other_keys", [])]
        ]
        keys += [KEYS[table].split()] if table in KEYS else []
        keys += _held_keys(node)
        assert keys, f"nothing holds a key of {table}"
        singles = set(_checked(tests[table], "foreign_keys"))
        singles |= {"state"} & set(_checked(tests[table], "allowed_values"))
        for name, column in node.columns.items():
            is_date = column.data_type in ("date", "timestamp with time zone") and name not in _NO_DATES
            if is_date or name in _STATUSES:
                singles.add(name)
        lists = [wanted.split() for wanted in SEED_INDEXES.get(table, [])]
        # The columns of a key may be in any order, those of a list may not; an index serves all that it begins with.
        required[table] = (keys[:1], [*([column] for column in sorted(singles)), *lists])
    missing = [
        f"{table}: {', '.join(wanted)}"
        for table, (keys, lists) in required.items()
        for wanted, is_key in [*((key, True) for key in keys), *((columns, False) for columns in lists)]
        if not any(
            set(columns[: len(wanted)]) == set(wanted) if is_key else columns[: len(wanted)] == wanted
            for columns in existing[table]
        )
    ]

    assert missing == [], missing
    assert set(SEED_INDEXES) <= set(required)


def test_a_key_that_no_test_holds_is_held_by_its_table(
    built: DbtProject, parsed_project: tuple[Manifest, object]
) -> None:
    """A second row of a key, and a null in a required column, are refused with table, column and value."""
    tests = _tests(parsed_project[0])
    held = {
        table: node
        for table, node in _tables(parsed_project[0], "marts", "private").items()
        if _held_keys(node) and "unique_key" not in {name for name, _ in tests[table]}
    }
    assert len(held) > 30
    wrong = []
    with built.warehouse.connect("transformer") as connection:
        for table, node in held.items():
            required = _required(node)
            one, other = (
                {name: _MADE_UP.get(node.columns[name].data_type or "", ("1", "2"))[number] for name in required}
                for number in range(2)
            )
            relation = sql.Identifier(published_schema(node.to_dict()), table)
            attempts: list[tuple[dict[str, str | None], tuple[str, str]]] = [
                ({**other, name: None}, ("", name)) for name in required
            ]
            for key in _held_keys(node):
                attempts.append(
                    (
                        {**other, **{name: one[name] for name in key}},
                        (f"({', '.join(key)})=({', '.join(one[name] for name in key)})", ""),
                    )
                )
            for row, expected in attempts:
                refused = _refusal(connection, relation, [one, row])
                if refused != (table, *expected):
                    wrong.append(f"{table}: {row}: {refused}")

    assert wrong == []


def _refusal(
    connection: psycopg.Connection[Any], relation: sql.Identifier, rows: Sequence[Mapping[str, str | None]]
) -> tuple[str, str, str] | None:
    """What Postgres says on inserting rows: the table, the value of the key, the column; None if it takes them."""
    statement = sql.SQL("insert into {} ({}) values ({})").format(
        relation, sql.SQL(", ").join(map(sql.Identifier, rows[0])), sql.SQL(", ").join(sql.Placeholder() * len(rows[0]))
    )
    try:
        with connection.transaction(force_rollback=True):
            for row in rows:
                connection.execute(statement, list(row.values()))
    except (UniqueViolation, NotNullViolation) as error:
        value = re.search(r"Key (.*) already exists", error.diag.message_detail or "")
        # Postgres quotes names that are words of its own, such as position.
        return error.diag.table_name or "", value[1].replace('"', "") if value else "", error.diag.column_name or ""
    return None


def test_every_foreign_key_is_a_test(parsed_project: tuple[Manifest, object]) -> None:
    manifest, _ = parsed_project
    tests = _tests(manifest)
    tables = _tables(manifest, "marts", "private")
    untested = [
        f"{table}.{column}"
        for table, node in tables.items()
        if node.config.materialized != "view"
        for column, target in _REFERENCES.items()
        if column in node.columns
        and target in _all_models(manifest)
        and target != table
        and _checked(tests[table], "foreign_keys").get(column, "").split(".")[0] != target
    ]

    assert untested == [], "\n".join(untested)


def test_tests_of_columns_are_those_of_the_whole_model(parsed_project: tuple[Manifest, object]) -> None:
    manifest, _ = parsed_project
    single = [
        node.name
        for node in manifest.nodes.values()
        if isinstance(node, GenericTestNode)
        and node.test_metadata.name in ("relationships", "accepted_values", "not_null", "unique")
    ]
    unknown = [
        f"{table}.{column}"
        for table, tests in _tests(manifest).items()
        for kind in ("foreign_keys", "allowed_values")
        for column in _checked(tests, kind)
        if column not in _all_models(manifest)[table].columns
    ]

    assert single == [], "use foreign_keys, allowed_values, unique_key or required_columns"
    assert unknown == []


def test_every_reference_file_has_a_key(parsed_project: tuple[Manifest, object]) -> None:
    """A model that selects a file as it is has the key of stg_reference__rows, which holds the rows of all files."""
    manifest, _ = parsed_project
    tests, models = _tests(manifest), _all_models(manifest)
    files = set(models["stg_reference__rows"].depends_on.nodes)
    without = [
        name
        for name, node in models.items()
        if name.startswith("stg_reference__")
        and "unique_key" not in {kind for kind, _ in tests[name]}
        and (len(node.depends_on.nodes) != 1 or not set(node.depends_on.nodes) <= files)
    ]

    assert without == []
    assert ("unique_key", ["file", "row_key"]) in [
        (kind, kwargs["columns"]) for kind, kwargs in tests["stg_reference__rows"]
    ]


def test_every_source_shows_what_it_set_aside(parsed_project: tuple[Manifest, object]) -> None:
    manifest, _ = parsed_project
    shown = _all_models(manifest)["set_aside"].depends_on.nodes
    missing = [
        f"{name}.{table.name}"
        for name, spec in SOURCES.items()
        for table in spec.tables
        if table.name in SET_ASIDE_TABLES
        and f"source.workledger.{name}.{table.name}" not in shown
        and f"model.workledger.stg_{name}__{table.name}" not in shown
    ]

    assert missing == []


def test_every_column_is_described_typed_and_has_its_unit(parsed_project: tuple[Manifest, object]) -> None:
    manifest, _ = parsed_project
    wrong = [f"{name} has no description" for name, node in _all_models(manifest).items() if not node.description]
    for table, node in _tables(manifest, "marts", "private", "reports").items():
        if not node.config.contract.enforced:
            wrong.append(f"{table} is under no contract")
        for name, column in node.columns.items():
            kind, text = column.data_type or "", f"{name} {column.description}"
            if not kind or not column.description:
                wrong.append(f"{table}.{name} has no type or no description")
            elif kind.startswith("timestamp") and (kind != "timestamp with time zone" or "UTC" not in text):
                wrong.append(f"{table}.{name} does not say that it is UTC")
            elif kind == "numeric(14,2)" and "currency" in node.columns:
                # Money, whose unit is beside it.
                continue
            elif kind.startswith(("bigint", "integer", "numeric")) and not _UNIT.search(text.replace("_", " ")):
                wrong.append(f"{table}.{name} says no unit")
            elif kind.startswith(("double", "real")):
                wrong.append(f"{table}.{name} is floating")

    assert wrong == [], wrong


def _all_models(manifest: Manifest) -> dict[str, ModelNode]:
    return {node.name: node for node in manifest.nodes.values() if isinstance(node, ModelNode)}


def test_every_rule_passes_its_unit_test(dbt_project: DbtProject, monkeypatch: pytest.MonkeyPatch) -> None:
    # Of each of 300 tests, dbt asks the columns of every input's table, of which there are fewer and none changes, and
    # groups all tokens of the model, where it looks for its first `with` alone.
    ask = SQLAdapter.get_columns_in_relation
    remember = cache(ask)
    monkeypatch.setattr(
        SQLAdapter,
        "get_columns_in_relation",
        # A relation without a schema is a temporary table, of one test alone.
        lambda adapter, relation: (remember if relation.schema else ask)(adapter, relation),
    )
    monkeypatch.setattr(sqlparse.engine.grouping, "group", lambda statement: statement)
    statuses = dbt_project.dbt("test", "--select", "test_type:unit")

    assert set(statuses.values()) == {"pass"}


@pytest.mark.parametrize("source_name", SOURCES)
def test_sources_are_declared_as_they_land(source_name: str) -> None:
    declared_file = PROJECT_FOLDER / "models" / "staging" / source_name / "_sources.yml"
    [declared] = yaml.safe_load(declared_file.read_text())["sources"]
    declared_tables = {
        table["name"]: {column["name"]: column["data_type"] for column in table["columns"]}
        for table in declared["tables"]
    }
    landed_tables = {
        table.name: {column.name: _SQL_TYPES[column.kind] for column in table.all_columns}
        for table in SOURCES[source_name].tables
    }

    assert declared_tables == landed_tables


def test_the_age_of_a_source_is_recognized_by_the_tables_that_its_spec_names(
    parsed_project: tuple[Manifest, Path],
) -> None:
    manifest, _ = parsed_project
    loads = _all_models(manifest)["int_staging__loads"]
    read = {tuple(node.split(".")[-2:]) for node in loads.depends_on.nodes if node.startswith("source.")}

    assert read == {(spec.name, table) for spec in SOURCES.values() for table in spec.age_tables}


def test_the_records_set_aside_by_every_source_are_reported(parsed_project: tuple[Manifest, Path]) -> None:
    manifest, _ = parsed_project
    read = {
        node.split(".")[-2] for node in _all_models(manifest)["set_aside"].depends_on.nodes if "quarantined" in node
    }

    assert read == {
        name for name, spec in SOURCES.items() if any(table.name == "quarantined_records" for table in spec.tables)
    }


def test_models_and_descriptions_are_side_by_side() -> None:
    for model in (PROJECT_FOLDER / "models").rglob("*.sql"):
        description = model.with_suffix(".yml")
        assert description.is_file(), f"{model} has no description beside it"
        assert re.search(rf"- name: {model.stem}\n", description.read_text()), (
            f"{description} does not describe {model.stem}"
        )


# The order of the data flow: a model may be built from models of its own folder and of folders before it.
FOLDERS = tuple(ORDER.split(","))


def test_the_graph_of_folders_is_a_line(parsed_project: tuple[Manifest, object]) -> None:
    manifest, _ = parsed_project
    models = {key: node for key, node in manifest.nodes.items() if isinstance(node, ModelNode)}
    folder = {key: node.fqn[1] for key, node in models.items()}
    backwards = [
        f"{models[parent].name} ({folder[parent]}) → {node.name} ({folder[key]})"
        for key, node in models.items()
        for parent in node.depends_on.nodes
        if parent in models and FOLDERS.index(folder[parent]) > FOLDERS.index(folder[key])
    ]

    assert backwards == [], backwards
    assert set(folder.values()) == set(FOLDERS)


def test_an_intermediate_model_is_named_after_its_folder(parsed_project: tuple[Manifest, object]) -> None:
    manifest, _ = parsed_project
    misplaced = [
        node.name
        for node in manifest.nodes.values()
        if str(node.resource_type) == "model"
        and node.name.startswith("int_")
        and (node.name.split("__")[0] != f"int_{node.fqn[1]}" or published_schema(node.to_dict()) != "intermediate")
    ]

    assert misplaced == [], misplaced


# Tables that reports read without their being published: they are not summed up with anything.
_NOT_SUMMED = {
    "int_agreements__client_terms_by_day",
    "int_identity__agency",
    "int_identity__row_history",
    "int_staging__loads",
}


def test_what_a_report_reads_is_published_with_it(parsed_project: tuple[Manifest, object]) -> None:
    manifest, _ = parsed_project
    models = _all_models(manifest)
    apart = {
        parent
        for node in models.values()
        if node.schema == "building" and node.config.materialized == "view"
        for parent in (one.split(".")[-1] for one in node.depends_on.nodes)
        if parent in models and models[parent].schema != "building" and models[parent].config.materialized != "view"
    }

    assert apart == _NOT_SUMMED


def test_every_strategy_of_a_published_table_notes_what_it_writes(parsed_project: tuple[Manifest, object]) -> None:
    manifest, _ = parsed_project
    strategies = {
        node.config.incremental_strategy
        for node in _all_models(manifest).values()
        if node.schema == "building" and node.config.materialized == "incremental"
    }
    macros = {node.name: node.macro_sql for node in manifest.macros.values()}
    writers = [name for name, text in macros.items() if "write_differences_within" in text]

    assert {
        one for one in strategies if not any(name in macros[f"get_incremental_{one}_sql"] for name in writers)
    } == set()


def test_what_analysts_read_is_under_contract(parsed_project: tuple[Manifest, object]) -> None:
    manifest, _ = parsed_project
    loose = [
        name
        for name, node in _tables(manifest, "marts", "private", "reports").items()
        if not node.config.contract.enforced
    ]

    assert loose == [], loose
