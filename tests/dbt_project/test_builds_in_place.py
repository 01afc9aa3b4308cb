"""What a build does to tables that people read: it writes what differs and leaves everything else as it was.

A project of a few models with this project's materializations.
"""

import copy
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from orchestration.settings import Settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.dbt import DBT_FOLDER, DbtBuild, DbtProject, dbt_environment, prepare_manifest
from orchestration.warehouse.state import BuildState
from orchestration.warehouse.turns import turn_at_raw

_PROJECT = """
name: workledger
version: "1.0.0"
profile: workledger
flags: {require_explicit_package_overrides_for_builtin_materializations: true}
on-run-start: "{{ prepare_publication() }}"
on-run-end: ["{{ publish(results) }}", "{{ note_published() }}"]
models: {workledger: {+schema: marts, +materialized: table}}
"""
_SOURCES = """
version: 2
sources: [{name: tempo, schema: raw_tempo, tables: [{name: worklogs}]}]
"""
_LINES = """
version: 2
models:
  - name: lines
    config:
      contract: {enforced: true}
      indexes: [{columns: [id], unique: true}, {columns: [client]}]
    columns:
      - {name: id, data_type: int, constraints: [{type: not_null}]}
      - {name: client, data_type: text}
      - {name: amount, data_type: "numeric(10, 2)"}
    data_tests:
      - allowed_values: {name: clients_are_known, arguments: {columns: {client: [acme, beta]}}}
"""
_MODELS = {
    "lines.sql": "select id::int as id, client::text as client, amount::numeric as amount from"
    " {{ source('tempo', 'worklogs') }}",
    # Neither a key nor distinct rows.
    "shares.sql": "select client, sum(amount) over (partition by client) as amount, null::text as note"
    " from {{ source('tempo', 'worklogs') }}",
    "totals.sql": "select client, sum(amount) as amount from {{ ref('lines') }} group by client",
    "report.sql": "{{ config(materialized='view', schema='reports') }} select * from {{ ref('lines') }}",
    "report_of_report.sql": "{{ config(materialized='view', schema='reports') }}"
    " select client from {{ ref('report') }}",
    "sources.yml": _SOURCES,
    "lines.yml": _LINES,
}


class Project:
    """The models in a folder, over raw_tempo.worklogs."""

    def __init__(self, warehouse: Warehouse, folder: Path) -> None:
        self.warehouse = warehouse
        self.folder = folder
        self.project = folder / "project"
        self.settings = Settings(profile="production", home=folder / "home")
        (self.project / "models").mkdir(parents=True)
        (self.project / "dbt_project.yml").write_text(_PROJECT)
        shutil.copy(DBT_FOLDER / "profiles.yml", self.project)
        shutil.copytree(DBT_FOLDER / "macros" / "materializations", self.project / "macros" / "materializations")
        shutil.copy(DBT_FOLDER / "macros" / "generate_schema_name.sql", self.project / "macros")
        shutil.copytree(DBT_FOLDER / "tests" / "generic", self.project / "tests" / "generic")
        self.execute("create table raw_tempo.worklogs (id int, client text, amount numeric)", role="loader")

    def restore(self) -> list[str]:
        """Make models, rows and tables what they were at first."""
        for file in (self.project / "models").iterdir():
            if file.name not in _MODELS:
                file.unlink()
        for name, text in _MODELS.items():
            self.write(name, text)
        self.land("(1, 'acme', 10), (2, 'acme', 20), (3, 'beta', 30)")
        return self.build()

    def write(self, name: str, text: str) -> None:
        (self.project / "models" / name).write_text(text)

    def execute(self, statement: str, role: Any = "transformer") -> list[tuple[Any, ...]]:
        with self.warehouse.connect(role) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def land(self, rows: str) -> None:
        self.execute(f"truncate raw_tempo.worklogs; insert into raw_tempo.worklogs values {rows}", role="loader")

    def prepare(self, *arguments: str) -> DbtBuild:
        manifest = prepare_manifest(self.settings.home, self.warehouse.database, self.project)
        project = DbtProject(manifest, self.settings, self.project)
        chosen = [f"model.workledger.{name}" for name in arguments if not name.startswith("--")] or None
        return project.build(arguments, dbt_environment(self.warehouse), BuildState(self.warehouse), chosen)

    def build(self, *arguments: str) -> list[str]:
        """Build what is stale, or what is selected; return what was built and tested."""
        build = self.prepare(*arguments)
        built = sorted(event["data"]["node_info"]["node_name"] for event in build.events())
        self.failures = list(build.failures())
        self.up_to_date = sorted(name.split(".")[-1] for name in build.up_to_date())
        return built

    def state(self) -> dict[tuple[str, str], str]:
        relations = BuildState(self.warehouse).catalog().relations
        return {name: state for name, state in relations.items() if name[0] in ("marts", "reports")}

    def written(self, name: str) -> tuple[int, ...]:
        """Rows inserted, updated and deleted so far."""
        (counts,) = self.execute(
            "select pg_stat_get_tuples_inserted(oid), pg_stat_get_tuples_updated(oid), pg_stat_get_tuples_deleted(oid)"
            f" from (select 'marts.{name}'::regclass::oid) as relation (oid)"
        )
        return tuple(counts)


@pytest.fixture(scope="module")
def first(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(warehouse, tmp_path_factory.mktemp("in_place"))
    assert project.restore() == ["clients_are_known", "lines", "report", "report_of_report", "shares", "totals"]
    return project


@pytest.fixture
def project(first: Project) -> Project:
    first.restore()
    assert first.failures == []
    return first


def test_what_came_out_equal_is_not_written_and_nothing_on_it_is_built_in_the_same_run(project: Project) -> None:
    project.execute("grant select on marts.lines to public; comment on table marts.lines is 'by hand'")
    project.execute("create index by_hand on marts.lines (amount)")
    before, rights = project.state(), project.execute("select relacl from pg_class where relname = 'lines'")
    # The same rows in another order: the raw table has changed, and nothing else.
    project.land("(3, 'beta', 30), (1, 'acme', 10), (2, 'acme', 20)")
    assert project.build() == ["lines", "shares"]
    assert project.failures == []
    assert project.up_to_date == ["report", "report_of_report", "totals"]
    assert project.state() == before
    # What a person selects is built, and a full refresh is no exception.
    assert project.build("--select", "lines", "report", "totals", "--full-refresh") == [
        "clients_are_known",
        "lines",
        "report",
        "totals",
    ]
    assert project.state() == before
    assert project.build() == []
    assert project.execute("select relacl from pg_class where relname = 'lines'") == rights
    assert project.execute("select obj_description('marts.lines'::regclass), to_regclass('marts.by_hand')::text") == [
        ("by hand", "marts.by_hand")
    ]


def test_only_the_rows_that_differ_are_written(project: Project) -> None:
    lines, shares = project.written("lines"), project.written("shares")
    project.land("(1, 'acme', 10), (2, 'acme', 25), (4, 'beta', 30)")
    assert project.build() == ["clients_are_known", "lines", "shares", "totals"]
    assert project.failures == []
    assert project.execute("select * from marts.lines order by id") == project.execute(
        "select id, client, amount::numeric(10, 2) from raw_tempo.worklogs order by id"
    )
    assert [now - former for now, former in zip(project.written("lines"), lines, strict=True)] == [2, 0, 2]
    # Of three rows without a key, two are equal and changed, one is as it was, its null included.
    assert [now - former for now, former in zip(project.written("shares"), shares, strict=True)] == [2, 0, 2]
    # Equal numbers that are written differently are shown differently.
    project.land("(1, 'acme', 10.0), (2, 'acme', 25), (4, 'beta', 30), (5, 'beta', 0), (6, 'beta', 0)")
    project.build()
    assert sorted(project.execute("select client, amount::text from marts.shares")) == [
        ("acme", "35.0"),
        ("acme", "35.0"),
        ("beta", "30"),
        ("beta", "30"),
        ("beta", "30"),
    ]


def test_readers_in_an_open_transaction_neither_wait_nor_are_waited_for(project: Project) -> None:
    with project.warehouse.connect("analyst", autocommit=False) as reader:
        reader.execute("set transaction isolation level repeatable read")
        query = "select count(*), sum(amount) from reports.report"
        seen = reader.execute(query).fetchone()
        project.land("(1, 'acme', 11)")
        assert "lines" in project.build()
        assert project.failures == []
        assert reader.execute(query).fetchone() == seen
    assert project.execute("select sum(amount) from reports.report") == [(11,)]


def test_a_table_with_other_columns_is_exchanged_with_its_views_in_one_transaction(project: Project) -> None:
    project.execute("grant select on reports.report_of_report to public")
    project.execute("create view reports.by_hand as select amount from marts.lines")
    project.execute(
        "create view reports.doomed as select client from marts.lines; comment on view reports.doomed is 'x'"
    )
    project.write(
        "lines.sql",
        "select id::int as id, client::text as client, amount::int as amount, 1 as position from"
        " {{ source('tempo', 'worklogs') }}",
    )
    project.write("lines.yml", _LINES.replace('"numeric(10, 2)"}', "int}\n      - {name: position, data_type: int}"))
    # Only the table: what hangs on it is there all the same.
    assert project.build("--select", "lines") == ["clients_are_known", "lines"]
    assert project.failures == []
    for view in ("report", "report_of_report", "by_hand", "doomed"):
        assert project.execute(f"select count(*) from reports.{view}") == [(3,)]
    assert project.execute("select obj_description('reports.doomed'::regclass)") == [("x",)]
    assert project.execute(
        "select 1 from aclexplode((select relacl from pg_class where oid = 'reports.report_of_report'::regclass))"
        " where grantee = 0"
    ) == [(1,)]
    # The view of all columns shows the new one after the next build.
    project.build()
    assert project.execute("select position from reports.report limit 1") == [(1,)]
    assert project.build() == []
    # A view whose column is gone is left out.
    project.write(
        "lines.sql",
        "select id::int as id, 'acme'::text as client, 1 as position from {{ source('tempo', 'worklogs') }}",
    )
    project.write(
        "lines.yml", _LINES.replace('{name: amount, data_type: "numeric(10, 2)"}', "{name: position, data_type: int}")
    )
    project.write("totals.sql", "select client from {{ ref('lines') }} group by client")
    project.build()
    assert project.failures == []
    assert project.execute("select to_regclass('reports.by_hand'), count(*) from reports.doomed") == [(None, 3)]


def test_indexes_follow_the_configuration(project: Project) -> None:
    def indexes() -> list[str]:
        return sorted(
            one.split(" USING ")[1]
            for (one,) in project.execute(
                "select indexdef from pg_indexes where schemaname = 'marts' and tablename = 'lines'"
            )
        )

    project.execute("drop index if exists marts.by_hand")
    kept = project.execute(
        "select oid from pg_class where relname in (select indexname from pg_indexes where indexdef like '%(id)')"
    )
    project.write("lines.yml", _LINES.replace("{columns: [client]}", "{columns: [client, id]}, {columns: [amount]}"))
    identity = project.execute("select 'marts.lines'::regclass::oid")
    project.build()
    assert project.failures == []
    assert indexes() == ["btree (amount)", "btree (client, id)", "btree (id)"]
    assert project.execute("select 'marts.lines'::regclass::oid") == identity
    assert kept == project.execute(
        "select oid from pg_class where relname in (select indexname from pg_indexes where indexdef like '%(id)')"
    )


@pytest.mark.parametrize("rows", ["(1, 'acme', 10), (1, 'acme', 10)", "(1, 'acme', 10), (1, 'beta', 10)"])
def test_rows_that_share_a_key_are_refused_and_the_table_stays(project: Project, rows: str) -> None:
    before = project.state()[("marts", "lines")].split(" ")[:2]
    project.land(rows)
    project.build()
    assert [one for one in project.failures if "rows of lines share id: 1" in one] == project.failures[:1]
    assert project.execute("select count(*) from marts.lines") == [(3,)]
    assert project.state()[("marts", "lines")].split(" ")[:2] == before


def test_a_null_in_a_required_column_is_refused_and_the_table_stays(project: Project) -> None:
    project.land("(null, 'acme', 10)")
    project.build()
    failure = project.failures[0]
    assert "model lines (models/lines.sql)" in failure
    assert 'null value in column "id"' in failure
    assert "(null, acme, 10.00)" in failure
    assert project.execute("select count(*) from marts.lines") == [(3,)]


def test_a_build_that_needs_a_lock_waits_for_readers_in_turns_and_then_names_who_is_in_the_way(
    project: Project,
) -> None:
    project.write(
        "impatient.sql",
        "{{ config(pre_hook=\"{{ patiently('lock table marts.lines in access exclusive mode',"
        " api.Relation.create(schema='marts', identifier='lines'), attempts=2) }}\") }} select 1 as id",
    )
    with project.warehouse.connect("analyst", autocommit=False) as reader:
        reader.execute("set application_name = 'lunch'")
        reader.execute("select 1 from marts.lines")
        pid = reader.info.backend_pid
        project.build()
        (failure,) = project.failures
        assert f"marts.lines is in use by session {pid} of role analyst (lunch), in a transaction since 20" in failure
        # The exchange of a view goes on when the reader has ended.
        project.write("report.sql", _MODELS["report.sql"].replace("*", "id"))
        timer = threading.Timer(3, reader.rollback)
        timer.start()
        waits = []
        with project.warehouse.connect("analyst") as other, ThreadPoolExecutor(1) as builder:
            reader.execute("select 1 from reports.report")
            build = builder.submit(project.build, "--select", "report")
            while not build.done():
                began = time.monotonic()
                other.execute("select count(*) from reports.report")
                waits.append(time.monotonic() - began)
                time.sleep(0.02)
    assert project.failures == []
    assert project.execute(
        "select count(*) from pg_attribute where attrelid = 'reports.report'::regclass and attnum > 0"
    ) == [(1,)]
    assert max(waits) < 1.5


def test_a_deadlock_is_tried_again(project: Project) -> None:
    project.execute("create sequence marts.attempts")
    project.write(
        "unlucky.sql",
        "{{ config(pre_hook=\"do $$ begin if nextval('marts.attempts') < 3 then raise deadlock_detected"
        " using message = 'deadlock detected'; end if; end $$\") }} select 1 as id",
    )
    assert "unlucky" in project.build()
    assert project.failures == []
    assert project.execute("select count(*) from marts.unlucky") == [(1,)]
    assert project.build() == []


def test_two_builds_at_once_leave_what_one_would(project: Project) -> None:
    project.land("(1, 'acme', 11), (2, 'acme', 20), (3, 'beta', 30), (4, 'beta', 40)")
    other = copy.copy(project)
    with ThreadPoolExecutor(1) as builder, project.warehouse.connect("transformer", autocommit=False) as first:
        # As another process that has come as far as the lock, and has not committed.
        first.execute("lock table building.shares in share update exclusive mode")
        first.execute("delete from building.shares where client = 'beta'")
        first.execute("insert into building.shares select 'beta', 70, null from generate_series(1, 2)")
        build = builder.submit(other.build)
        time.sleep(2)
        first.commit()
        build.result()
    assert other.failures == []
    assert sorted(project.execute("select client, amount from marts.shares")) == [
        ("acme", 31),
        ("acme", 31),
        ("beta", 70),
        ("beta", 70),
    ]


def test_rows_that_land_while_a_build_runs_are_the_next_builds_and_the_load_waits_no_longer_than_raw_is_read(
    project: Project,
) -> None:
    project.write("shares.sql", _MODELS["shares.sql"].replace("null::text", "pg_sleep(1)::text"))
    project.write("last.sql", "select pg_sleep(3)::text as slept, count(*) as lines from {{ ref('shares') }}")
    project.build()
    project.land("(1, 'acme', 50)")
    with ThreadPoolExecutor(1) as builder:
        build = builder.submit(project.build)
        sleeping = "select 1 from pg_stat_activity where query ~ 'pg_sleep.1' and pid != pg_backend_pid()"
        while not project.execute(sleeping) and not build.done():
            time.sleep(0.02)
        began = time.monotonic()
        with turn_at_raw(project.warehouse, "loader", ["raw_tempo"]):
            waited = time.monotonic() - began
            project.land("(1, 'acme', 60), (2, 'beta', 1)")
            assert not build.done()
        assert set(build.result()) >= {"lines", "shares", "last"}
    assert 0.2 < waited < 3
    assert project.execute("select amount from marts.lines union all select amount from marts.shares") == [(50,), (50,)]
    project.build()
    assert project.execute("select sum(amount) from marts.lines union all select sum(amount) from marts.shares") == [
        (61,),
        (61,),
    ]


_SLEEPING = (
    "select pid from pg_stat_activity where query ~ 'pg_sleep.20' and pid != pg_backend_pid() and state = 'active'"
)


def test_an_interrupted_build_ends_at_once_and_the_next_makes_up_for_it(project: Project) -> None:
    project.write("last.sql", "select pg_sleep(20)::text as slept, count(*) as lines from {{ ref('totals') }}")
    project.land("(1, 'acme', 50)")
    events = project.prepare().events()
    while next(events)["data"]["node_info"]["node_name"] != "totals":
        pass
    began = time.monotonic()
    events.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 15
    assert project.execute(_SLEEPING) == []
    project.write("last.sql", "select count(*) as lines from {{ ref('totals') }}")
    assert "last" in project.build()
    assert project.failures == []
    assert project.execute("select amount, lines from marts.totals, marts.last") == [(50, 1)]
    assert project.build() == []


def test_what_ends_all_of_a_build_is_said_in_one_sentence(project: Project) -> None:
    full = "could not extend file: No space left on device"
    for name in ("one", "other"):
        project.write(
            f"{name}.sql",
            f"{{{{ config(pre_hook=\"do $$ begin raise disk_full using message = '{full}'; end $$\") }}}}"
            " select 1 as id",
        )
    project.build()
    (sentence,) = project.failures
    assert sentence.startswith("The warehouse's disk is full: make room and run again.")
    for name in ("one", "other"):
        project.write(f"{name}.sql", "select pg_sleep(20)::text as slept")
    with ThreadPoolExecutor(1) as builder:
        build = builder.submit(project.build)
        while len(pids := project.execute(_SLEEPING)) < 2 and not build.done():
            time.sleep(0.02)
        for (pid,) in pids:
            project.execute(f"select pg_terminate_backend({pid})")
        build.result()
    (sentence,) = project.failures
    assert sentence.startswith("The connection to the warehouse was lost: see that its server runs, and run again.")


# Two tables that belong together, and a view over both.
_TOGETHER = {
    "parts.sql": "{{ config(meta={'publication': 'sums'}, indexes=[{'columns': ['id'], 'unique': True}]) }}"
    " select id, client, amount from {{ source('tempo', 'worklogs') }}",
    "sums.sql": "{{ config(meta={'publication': 'sums'}) }}"
    " select client, sum(amount) as amount, count(*) as parts from {{ ref('parts') }} group by client",
    "compared.sql": "{{ config(materialized='view', schema='reports') }}"
    " select sums.client, sums.amount, count(*) as parts from {{ ref('sums') }} as sums"
    " left join {{ ref('parts') }} as parts using (client) group by 1, 2",
    "parts.yml": """
version: 2
models:
  - name: parts
    columns: [{name: id, data_type: int}]
    data_tests:
      - allowed_values: {name: parts_are_known, arguments: {columns: {client: [acme, beta]}}}
""",
}
_DISAGREE = (
    "select count(*) from (select client, sum(amount) as amount from marts.parts group by client) as parts"
    " full join marts.sums on parts.client = sums.client where parts.amount is distinct from sums.amount"
)


@pytest.fixture
def together(project: Project) -> Project:
    for name, text in _TOGETHER.items():
        project.write(name, text)
    project.build()
    assert project.failures == []
    assert project.execute("select sum(amount) from marts.sums") == [(60,)]
    return project


def _published(project: Project) -> list[tuple[Any, ...]]:
    (disagreeing,) = project.execute(_DISAGREE)
    assert disagreeing == (0,)
    return project.execute("select client, amount::int from marts.sums order by client")


def test_what_belongs_together_appears_together(together: Project) -> None:
    # Long after its parts.
    slow = "{{ config(pre_hook='select pg_sleep(1)') }} "
    together.write("sums.sql", slow + _TOGETHER["sums.sql"])
    together.land("(1, 'acme', 11), (2, 'acme', 20), (4, 'beta', 30)")
    seen = set()
    with together.warehouse.connect("analyst") as reader, ThreadPoolExecutor(1) as builder:
        build = builder.submit(together.build)
        while not build.done():
            disagreeing, amount = reader.execute(
                f"select ({_DISAGREE}), (select sum(amount)::int from reports.compared)".encode()
            ).fetchall()[0]
            seen.add((disagreeing, amount))
    assert together.failures == []
    assert _published(together) == [("acme", 31), ("beta", 30)]
    assert seen <= {(0, 60), (0, 61)}
    assert (0, 60) in seen
    assert together.build() == []


def test_of_a_table_with_a_key_only_the_rows_that_differ_are_published(together: Project) -> None:
    before = together.written("parts")
    together.land("(1, 'acme', 10), (2, 'acme', 25), (4, 'beta', 30)")
    together.build()
    assert [now - former for now, former in zip(together.written("parts"), before, strict=True)] == [2, 0, 2]
    assert _published(together) == [("acme", 35), ("beta", 30)]
    assert together.execute("select count(*) from building.changes") == [(0,)]


def test_a_failed_test_keeps_the_group_as_it_was_and_nothing_else(together: Project) -> None:
    together.land("(1, 'acme', 11), (2, 'gamma', 20)")
    together.build()
    assert [one for one in together.failures if "parts_are_known" in one] != []
    assert _published(together) == [("acme", 30), ("beta", 30)]
    assert together.execute("select count(*) from marts.shares") == [(2,)]
    # A build of something else publishes none of it.
    together.build("--select", "shares")
    assert _published(together) == [("acme", 30), ("beta", 30)]
    together.land("(1, 'acme', 11), (2, 'beta', 20)")
    together.build()
    assert together.failures == []
    assert _published(together) == [("acme", 11), ("beta", 20)]


def test_an_interrupted_build_publishes_nothing_of_a_group_and_the_next_one_makes_up_for_it(together: Project) -> None:
    together.write("sums.sql", "{{ config(pre_hook='select pg_sleep(2)') }} " + _TOGETHER["sums.sql"])
    together.land("(1, 'acme', 11)")
    events = together.prepare().events()
    for event in events:
        if event["data"]["node_info"]["node_name"] == "parts":
            break
    events.close()  # type: ignore[attr-defined]
    assert together.execute("select count(*) from building.parts") == [(1,)]
    assert _published(together) == [("acme", 30), ("beta", 30)]
    # The selection of one table of the group brings what belongs to it.
    built = together.build("--select", "parts")
    assert together.failures == []
    assert "sums" in built
    assert _published(together) == [("acme", 11)]
    together.build()
    assert together.build() == []


def test_a_build_that_died_between_publishing_and_noting_it_writes_no_row_again(together: Project) -> None:
    written = together.written("parts"), together.written("sums")
    together.execute("update building.published set state = null")
    assert "parts" in together.build()
    assert (together.written("parts"), together.written("sums")) == written
    assert together.build() == []


@pytest.mark.parametrize(
    "by_hand",
    [
        "drop table marts.parts cascade",
        "drop view reports.compared",
        "delete from marts.parts where id = 1",
        "drop table building.parts cascade",
    ],
)
def test_what_was_dropped_or_changed_by_hand_is_there_after_the_next_build(together: Project, by_hand: str) -> None:
    rights = together.execute("select relacl from pg_class where oid = 'marts.parts'::regclass")
    together.execute(by_hand)
    together.build()
    assert together.failures == []
    assert _published(together) == [("acme", 30), ("beta", 30)]
    assert together.execute("select sum(parts) from reports.compared") == [(3,)]
    assert together.execute("select relacl from pg_class where oid = 'marts.parts'::regclass") == rights
    assert together.execute("select indexdef ~ 'UNIQUE' from pg_indexes where tablename = 'parts'") == [(True,)] * 2
    assert together.build() == []


def test_a_publication_that_a_reader_keeps_waiting_says_so_and_is_made_up_for(together: Project) -> None:
    together.write("sums.sql", _TOGETHER["sums.sql"].replace("count(*) as parts", "count(*)::text as parts"))
    hook = (together.project / "macros" / "materializations" / "relations.sql").read_text()
    (together.project / "macros" / "materializations" / "relations.sql").write_text(
        hook.replace("attempts=40", "attempts=1")
    )
    with together.warehouse.connect("analyst", autocommit=False) as reader:
        reader.execute("select 1 from marts.sums")
        together.build()
        (failure,) = together.failures
        assert failure.startswith("What was built is not published, and people read what they did before")
        assert f"marts.sums is in use by session {reader.info.backend_pid} of role analyst" in failure
    (together.project / "macros" / "materializations" / "relations.sql").write_text(hook)
    together.build()
    assert together.failures == []
    assert together.execute("select parts from marts.sums order by 1") == [("1",), ("2",)]
