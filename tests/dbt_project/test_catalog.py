"""What BI tools and notebooks find: descriptions, keys, names of indexes, a calendar, metrics; as they ask for them."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pytest
import sqlalchemy as sa
from dbt.contracts.graph.manifest import Manifest

from assets.keys import published_schema
from dashboards.definitions import pages
from orchestration.graph.policies import GROUP_OWNERS
from orchestration.warehouse.descriptions import describe, read_descriptions
from tests.dbt_project.conftest import PROJECT_FOLDER, DbtProject
from tests.dbt_project.small_agency import raw_tables

SCHEMAS = ("marts", "reports", "private")


@pytest.fixture(scope="module")
def written(parsed_project: tuple[Manifest, Path]) -> dict[str, Any]:
    """The manifest as dbt writes it."""
    manifest, _ = parsed_project
    return manifest.writable_manifest().to_dict(omit_none=False)


@pytest.fixture(scope="module")
def described(dbt_project: DbtProject, written: dict[str, Any]) -> DbtProject:
    dbt_project.load(raw_tables(datetime.now(UTC).date()))
    dbt_project.dbt("build", "--exclude-resource-type", "unit_test", "--exclude-resource-type", "test")
    describe(dbt_project.warehouse, read_descriptions(written))
    return dbt_project


@pytest.fixture(scope="module")
def bi(described: DbtProject) -> Iterator[sa.Engine]:
    engine = sa.create_engine(described.warehouse.dsn("bi").replace("postgresql://", "postgresql+psycopg2://"))
    yield engine
    engine.dispose()


def _models(written: dict[str, Any], *schemas: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (schema, node["name"]): node
        for node in written["nodes"].values()
        if node["resource_type"] == "model" and (schema := published_schema(node)) in schemas
    }


def test_a_bi_tool_finds_every_table_and_view_with_descriptions(bi: sa.Engine, written: dict[str, Any]) -> None:
    """The calls of Superset's Postgres engine: schemas, tables, views, columns, comments, keys, indexes."""
    inspector = sa.inspect(bi)
    expected = _models(written, "marts", "reports")
    found, silent = set(), []
    for schema in inspector.get_schema_names():
        if schema in ("marts", "reports"):
            for name in (*inspector.get_table_names(schema), *inspector.get_view_names(schema)):
                found.add((schema, name))
                node = expected[schema, name]
                comment = inspector.get_table_comment(name, schema)["text"] or ""
                assert comment.split() == node["description"].split(), name
                columns = inspector.get_columns(name, schema)
                assert {column["name"] for column in columns} == set(node["columns"])
                for column in columns:
                    text = " ".join(node["columns"][column["name"]]["description"].split())
                    if not (text and (column["comment"] or "").startswith(text)):
                        silent.append(f"{schema}.{name}.{column['name']}")
                    # What the dialect does not know, a tool shows as nothing.
                    assert not isinstance(column["type"], sa.types.NullType), column

    assert found == set(expected)
    assert silent == []
    assert inspector.default_schema_name == "marts"


# Nobody and no client are values of their keys.
WITHOUT_PRIMARY_KEY = {"daily_overlay", "productivity_triangle"}


def test_every_table_has_a_primary_key_and_indexes_say_their_columns(described: DbtProject) -> None:
    without, unsaid = set(), []
    engine = sa.create_engine(described.warehouse.dsn("finance").replace("postgresql://", "postgresql+psycopg2://"))
    inspector = sa.inspect(engine)
    for schema in ("marts", "private"):
        for name in inspector.get_table_names(schema):
            key = inspector.get_pk_constraint(name, schema)
            if not key["constrained_columns"]:
                without.add(name)
            elif key["name"] != f"{name}__{'__'.join(key['constrained_columns'])}":
                unsaid.append(str(key["name"]))
            unsaid += [
                str(index["name"])
                for index in inspector.get_indexes(name, schema)
                if index["name"] != f"{name}__{'__'.join(str(column) for column in index['column_names'])}"
                and len(str(index["name"])) < 63
            ]
    engine.dispose()

    assert without == WITHOUT_PRIMARY_KEY
    assert unsaid == []


def test_a_column_says_what_it_refers_to(described: DbtProject) -> None:
    comment = described.value(
        "select col_description('marts.time_entries'::regclass, attnum) from pg_attribute "
        "where attrelid = 'marts.time_entries'::regclass and attname = 'client_id'"
    )

    assert comment.endswith("References marts.clients.id.")


def test_keys_and_descriptions_outlast_a_build(described: DbtProject, written: dict[str, Any]) -> None:
    """Rows change, the table stays; what somebody took away comes back; nothing is written where nothing differs."""
    state = (
        "select 'marts.service_types'::regclass::oid as oid,"
        " (select count(*) from marts.service_types where not is_deleted) as kinds,"
        " (select string_agg(conname, ' ') from pg_constraint"
        "  where conrelid = 'marts.service_types'::regclass and contype = 'p') as key,"
        " obj_description('marts.service_types'::regclass) as comment,"
        " (select max(xmin::text::bigint) from pg_description where classoid = 'pg_class'::regclass) as last_comment,"
        " (select max(xmin::text::bigint) from pg_constraint"
        "  where connamespace in ('marts'::regnamespace, 'private'::regnamespace)) as last_constraint"
    )
    [before] = described.rows(state)
    described.load({"reference.service_types": [{"name": "Consultation"}, {"name": "Review"}]})
    described.build("+service_types")
    describe(described.warehouse, read_descriptions(written))
    [after] = described.rows(state)
    assert {name for name in before if before[name] != after[name]} == {"kinds"}

    with described.warehouse.connect("transformer") as connection:
        connection.execute("alter table marts.service_types drop constraint service_types__id cascade")
        connection.execute('create unique index "0123456789abcdef0123456789abcdef" on marts.service_types (id)')
        connection.execute("comment on table marts.service_types is 'mine'")
        connection.execute("create table marts.mine as select 1 as id")
        connection.execute("comment on table marts.mine is 'mine'")
    describe(described.warehouse, read_descriptions(written))
    [mended] = described.rows(state)
    assert mended["key"] == before["key"] == "service_types__id"
    assert mended["comment"] == before["comment"]
    assert described.value("select obj_description('marts.mine'::regclass)") == "mine"
    with described.warehouse.connect("transformer") as connection:
        connection.execute("drop table marts.mine")


def test_a_key_that_a_reader_is_in_the_way_of_comes_with_the_next_build(
    described: DbtProject, written: dict[str, Any]
) -> None:
    key = "select count(*) from pg_constraint where conname = 'projects__id'"
    with described.warehouse.connect("transformer") as connection:
        connection.execute("alter table marts.projects drop constraint projects__id cascade")
        connection.execute('create unique index "00000000000000000000000000000000" on marts.projects (id)')
    with described.warehouse.connect("analyst", autocommit=False) as reader:
        reader.execute("select 1 from marts.projects limit 1")
        describe(described.warehouse, read_descriptions(written))
        assert described.value(key) == 0
    describe(described.warehouse, read_descriptions(written))
    assert described.value(key) == 1


def test_the_first_rows_of_everything_come_in_time(described: DbtProject) -> None:
    """As an analyst, whose queries end after five seconds; nothing but the buckets of all widths is long."""
    with described.warehouse.connect("finance") as connection:
        relations = connection.execute(
            "select format('%%I.%%I', nspname, relname) from pg_class"
            " inner join pg_namespace on pg_namespace.oid = relnamespace"
            " where nspname = any(%s) and relkind in ('r', 'v')",
            [list(SCHEMAS)],
        ).fetchall()
        for (relation,) in relations:
            connection.execute(f"select * from {relation} limit 100")
        # Ten rows need no more than the first sessions: the plan reads no table of answers from end to end.
        [[plan]] = connection.execute(
            "explain (analyze, format json) select * from reports.session_activity_buckets limit 10"
        ).fetchall()

    assert len(relations) > 70
    read = sum(_rows_read(plan[0]["Plan"], "int_sessions__segments"))
    assert 0 < read < described.value("select count(*) from intermediate.int_sessions__segments") / 4


def _rows_read(plan: dict[str, Any], table: str) -> Iterator[float]:
    if plan.get("Relation Name") == table:
        yield plan["Actual Rows"] * plan["Actual Loops"]
    for child in plan.get("Plans", ()):
        yield from _rows_read(child, table)


def test_pandas_and_psycopg_read_without_a_schema(described: DbtProject, bi: sa.Engine) -> None:
    frame = pd.read_sql_table("clients", bi)
    with psycopg.connect(described.warehouse.dsn("bi")) as connection:
        rows = connection.execute("select id, name from clients").fetchall()
        codes = connection.execute("select warning_codes from invoice_prefills").fetchall()

    assert sorted(zip(frame["id"], frame["name"], strict=True)) == sorted(rows)
    assert {type(one) for (one,) in codes} == {list}


def test_a_warning_is_found_by_its_code(described: DbtProject) -> None:
    """Against the list itself, read another way."""
    for table in ("invoice_prefills", "client_margin", "client_margin_rollup", "agency_kpis"):
        wrong = described.value(
            f"select count(*) from marts.{table} where to_jsonb(warning_codes) is distinct from"
            " (select coalesce(jsonb_agg(distinct one -> 'code'), '[]') from jsonb_array_elements(warnings) as l (one))"
        )
        assert wrong == 0, table
    assert (
        described.value("select count(*) from marts.invoice_prefills where 'month_not_over' = any(warning_codes)") > 0
    )


def test_hours_stand_beside_seconds(described: DbtProject, written: dict[str, Any]) -> None:
    for (schema, name), node in _models(written, "reports").items():
        for column in node["columns"]:
            if column.endswith("seconds"):
                hours = column.replace("seconds", "hours").replace("counted_hours", "hours")
                if hours not in node["columns"]:
                    hours = column.replace("seconds", "hours")
                assert hours in node["columns"], f"{schema}.{name}.{column}"
                assert (
                    described.value(
                        f"select count(*) from (select * from reports.{name} limit 500) as rows"
                        f" where {hours} is distinct from round({column} / 3600.0, 6)"
                    )
                    == 0
                )


@pytest.mark.skipif(
    not (shutil.which("isql") and shutil.which("odbcinst")), reason="unixODBC's isql and odbcinst are not installed"
)
def test_odbc_reads_tables_and_views(described: DbtProject) -> None:
    drivers = subprocess.run(["odbcinst", "-q", "-d"], capture_output=True, text=True, check=False).stdout
    if "[PostgreSQL Unicode]" not in drivers:
        pytest.skip("the ODBC driver PostgreSQL Unicode is not installed")
    one = described.warehouse.parameters("bi")
    address = (
        f"DRIVER={{PostgreSQL Unicode}};Server={one['host']};Port={one['port']};Database={one['dbname']};"
        f"Uid={one['user']};Pwd={one['password']};MaxVarcharSize=255"
    )

    def isql(command: str) -> str:
        done = subprocess.run(
            ["isql", "-k", address, "-b", "-d|"], input=f"{command}\n", capture_output=True, text=True, check=True
        )
        return done.stdout

    listed = isql("help")
    assert "|invoice_prefills|TABLE|" in listed
    assert "|utilization|VIEW|" in listed
    assert "|warning_codes|" in isql("help invoice_prefills")
    assert isql("select count(*) from clients").strip() == str(described.value("select count(*) from marts.clients"))


def test_exposures_name_what_the_pages_and_invoices_read(written: dict[str, Any]) -> None:
    exposed = {
        one["name"]: {node.split(".")[-1] for node in one["depends_on"]["nodes"]}
        for one in written["exposures"].values()
    }
    read = {
        f"page_{name}": {
            table
            for query in page.queries().values()
            for table in re.findall(r"\b(?:marts|reports|private)\.(\w+)", query.sql or "")
        }
        for name, page in pages().items()
    }
    code = "\n".join(file.read_text() for file in (PROJECT_FOLDER.parent / "invoicing").rglob("*.py"))
    known = {name for _, name in _models(written, *SCHEMAS)}
    read["invoices"] = known & set(re.findall(r"\b(?:marts|reports|private)\.(\w+)", code))

    assert exposed == read


def test_what_people_read_is_public_and_every_folder_has_its_group(written: dict[str, Any]) -> None:
    access = {node["name"] for node in written["nodes"].values() if node.get("access") == "public"}
    groups = {
        node["fqn"][1]: f"team:{node['config']['group']}"
        for node in written["nodes"].values()
        if node["resource_type"] == "model"
    }

    assert access == {name for _, name in _models(written, "marts", "reports")}
    assert groups == {
        folder: owner for folder, owner in GROUP_OWNERS.items() if folder not in ("invoicing", "clickhouse_marts")
    }
    assert {f"team:{one['name']}" for one in written["groups"].values()} == set(groups.values())


# The figure of each metric in the mart that has it ready, by month; hours are those of agency_kpis in seconds.
MARTS = {
    "hours": "counted_seconds / 3600.0",
    "billable_share": "billable_seconds::numeric / nullif(developers_seconds, 0)",
    "utilization": "utilization",
    "accrued": "accrued",
    "margin": "margin",
    "delivery_margin": "delivery_margin",
    "ai_cost": "ai_cost",
    "work_in_progress": "work_in_progress",
    "billable_seconds_of_developers": "billable_seconds",
    "available_seconds_of_developers": "available_seconds",
    "seconds_of_developers": "developers_seconds",
}


def test_every_metric_is_the_figure_of_the_mart(described: DbtProject, written: dict[str, Any]) -> None:
    metrics = {one["name"]: one for one in written["metrics"].values()}
    measures = {
        measure["name"]: (measure, dimension["expr"] or dimension["name"], model["node_relation"]["alias"])
        for model in written["semantic_models"].values()
        for dimension in model["dimensions"]
        if dimension["name"] == model["defaults"]["agg_time_dimension"]
        for measure in model["measures"]
    }
    schema = {name: schema for schema, name in _models(written, *SCHEMAS)}

    def by_month(name: str) -> str:
        """A query of a metric's value by month; only what this project uses of dbt's language."""
        metric = metrics[name]
        given = metric["type_params"]
        if metric["type"] == "ratio":
            numerator, denominator = (by_month(given[part]["name"]) for part in ("numerator", "denominator"))
            return (
                f"select month, above.value::numeric / nullif(below.value, 0) as value"
                f" from ({numerator}) as above inner join ({denominator}) as below using (month)"
            )
        measure, time, table = measures[given["measure"]["name"]]
        assert measure["agg"] == "sum"
        query = (
            f"select date_trunc('month', {time})::date as month, sum({measure['expr'] or measure['name']}) as value"
            f" from {schema[table]}.{table} group by 1"
        )
        if metric["type"] == "cumulative":
            return f"select month, sum(value) over (order by month) as value from ({query}) as months"
        assert metric["type"] == "simple"
        return query

    assert set(metrics) == set(MARTS)
    for name, figure in MARTS.items():
        rows = described.rows(
            f"""
            select kpis.month, round(kpis.figure, 4) as figure, round(metric.value::numeric, 4) as value
            from (
                select month, ({figure})::numeric as figure from marts.agency_kpis
                left join (
                    select month, sum(counted_seconds) as developers_seconds from reports.utilization group by month
                ) as developers using (month)
            ) as kpis
            left join ({by_month(name)}) as metric using (month)
            """
        )
        assert rows, name
        wrong = [row for row in rows if (row["figure"] or 0) != (row["value"] or 0)]
        assert wrong == [], f"{name}: {wrong[:3]}"
