"""A test that looks only at what a build has written finds whatever it would find in all of history.

Rows that builds of one more day write are lost on the way to a table, or on the way through a view. Each test that
follows changes must find the row that it is there for, although it looks at little else.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.settings import Settings
from orchestration.warehouse.dbt import DBT_FOLDER, Manifest, dbt_environment
from orchestration.warehouse.dbt import DbtProject as BuiltProject
from orchestration.warehouse.state import BuildState, CutOff
from tests.dbt_project.conftest import DbtProject
from tests.dbt_project.small_agency import raw_tables

LAST_DAY = date(2026, 5, 31)
_TIMES = {
    "clockify.time_entries": "start_time",
    "tempo.worklogs": "start_date",
    "github.commits": "authored_at",
    "github.pull_requests": "created_at",
}
# The first row that is written to each table is lost: table, which rows, tests that must find it.
_LOST = [
    [("building.session_activity", "new.active_seconds > 0", "half_hours_sum_to_their_session")],
    [("building.claude_sessions", "new.api_requests > 0", "answers_sum_to_their_session")],
    [
        (
            "building.invoice_prefill_line_entries",
            "new.raw_seconds > 0",
            "line_entries_are_their_line every_counted_second_is_on_one_line_or_unbilled",
        )
    ],
    [
        ("building.int_reports__entry_amounts", "new.amount > 0", "exported_amounts_are_their_lines"),
        ("building.client_margin", "new.ai_cost > 0", "ai_is_what_the_answers_cost"),
    ],
]
_LOSE = """
create table if not exists intermediate.lost (name text, contents jsonb);
create or replace function intermediate.lose() returns trigger language plpgsql as $$
begin
    if exists (select from intermediate.lost where name = tg_table_name) then
        return new;
    end if;
    insert into intermediate.lost values (tg_table_name, to_jsonb(new));
    return null;
end $$;
"""


@dataclass(frozen=True)
class _Parsed(Manifest):
    """The parsed project over the database of a test."""

    project: DbtProject

    def load(self) -> Any:
        return self.project._manifest.deepcopy()


@dataclass
class Agency:
    """The small agency, day by day, built as `workledger run` does."""

    project: DbtProject
    built: BuiltProject
    day: date = LAST_DAY - timedelta(days=8)
    followed: set[str] = field(default_factory=set)
    """Tests that looked only at changes in the last build."""
    failures: list[str] = field(default_factory=list)

    def land(self, day: date) -> None:
        """Add what happened since the last day that has landed."""
        rows = raw_tables(LAST_DAY)
        is_first = not self.project.value("select count(*) from raw_claude_code.files")
        known = {} if is_first else _until(rows, self.day)
        landed = {"loaded_at": datetime.combine(day, datetime.min.time(), UTC)}
        for table, of_table in _until(rows, day).items():
            seen = set(map(str, known.get(table, [])))
            new = [row for row in of_table if str(row) not in seen]
            is_dated = table.startswith("claude_code.") and "loaded_at" in self.project._columns[table]
            self.project.add({table: [row | landed for row in new] if is_dated else new})
        self.day = day

    def build(self) -> dict[str, str]:
        """Build what is stale; return the status of each test that ran."""
        self.followed.clear()
        build = self.built.build([], dbt_environment(self.project.warehouse), self.state())
        statuses = {
            event["data"]["node_info"]["node_name"]: event["data"]["status"]
            for event in build.events()
            if event["info"]["name"] == "LogTestResult"
        }
        self.failures = list(build.failures())
        return statuses

    def state(self) -> BuildState:
        return BuildState(self.project.warehouse, LAST_DAY)

    def execute(self, statement: str) -> None:
        with self.project.warehouse.connect("transformer") as connection:
            connection.execute(statement.encode())


def _until(rows: Mapping[str, list[dict[str, Any]]], day: date) -> dict[str, list[dict[str, Any]]]:
    later_files = {event["file_id"] for event in rows["claude_code.events"] if event["occurred_at"].date() > day}

    def has_happened(row: dict[str, Any], column: str | None) -> bool:
        at = row[column] if column else day
        return (at.date() if isinstance(at, datetime) else at) <= day and row.get("file_id") not in later_files

    return {
        table: [row for row in of_table if has_happened(row, _TIMES.get(table))] for table, of_table in rows.items()
    }


@pytest.fixture(scope="module")
def agency(dbt_project: DbtProject, parsed_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agency]:
    [folder] = (parsed_home / "dbt").glob("manifest-*/")
    settings = Settings(profile="production", home=tmp_path_factory.mktemp("home"), as_of=LAST_DAY)
    made = Agency(dbt_project, BuiltProject(_Parsed(folder, dbt_project), settings, DBT_FOLDER))
    decide = CutOff.has_only_followed_changes

    def observed(self: CutOff, name: str) -> bool:
        answer = decide(self, name)
        if answer:
            made.followed.add(name.split(".")[2])
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CutOff, "has_only_followed_changes", observed)
        made.land(made.day)
        assert made.build()
        assert made.failures == []
        assert made.followed == set()
        yield made


def _declared(agency: Agency) -> set[str]:
    nodes = json.loads((agency.built.manifest.folder / "manifest.json").read_bytes())["nodes"]
    return {node["name"] for node in nodes.values() if "follows" in node["config"].get("meta", {})}


def test_every_test_that_follows_changes_is_held_to_a_lost_row(agency: Agency) -> None:
    found = {name for of_round in _LOST for *_, names in of_round for name in names.split()}
    assert found | {"raw_records_are_staged_or_excluded"} == _declared(agency)


def test_one_more_day_is_tested_by_what_it_wrote_and_the_first_test_of_a_day_by_everything(agency: Agency) -> None:
    agency.land(agency.day + timedelta(days=1))
    statuses = agency.build()
    assert agency.failures == []
    assert agency.followed == _declared(agency)
    assert {statuses[name] for name in agency.followed} == {"pass"}


@pytest.mark.parametrize("lost", _LOST)
def test_a_row_that_an_increment_loses_is_found(agency: Agency, lost: list[tuple[str, str, str]]) -> None:
    agency.execute(_LOSE)
    for table, condition, _ in lost:
        agency.execute(
            f"create trigger lose before insert on {table} for each row when ({condition})"
            " execute function intermediate.lose()"
        )
    # Nothing of some days is billed.
    while agency.project.value("select count(*) from intermediate.lost") < len(lost):
        assert agency.day < LAST_DAY - timedelta(days=1)
        agency.land(agency.day + timedelta(days=1))
        statuses = agency.build()
    for table, _, names in lost:
        for name in names.split():
            assert name in agency.followed, name
            assert statuses[name] == "fail", name
        agency.execute(
            f"drop trigger lose on {table}; insert into {table} select kept.* from intermediate.lost"
            f" cross join jsonb_populate_record(null::{table}, contents) as kept where name = '{table.split('.')[1]}'"
        )
    agency.execute("drop table intermediate.lost")
    assert set(agency.build().values()) <= {"pass", "warn"}
    assert agency.failures == []


def test_a_record_that_a_view_loses_is_found(agency: Agency) -> None:
    view = agency.project.value("select pg_get_viewdef('staging.stg_claude_code__prompts'::regclass)").rstrip(";")
    columns = "select * from (" + view + ") as whole where uuid not like '%-059-5'"
    agency.execute(f"create or replace view staging.stg_claude_code__prompts as {columns}")
    agency.land(LAST_DAY)
    statuses = agency.build()
    assert "raw_records_are_staged_or_excluded" in agency.followed
    assert statuses["raw_records_are_staged_or_excluded"] == "fail"
