"""Days built one by one are the days built at once: entries, overlay and triangle after changes of every kind."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.dbt_project.conftest import DbtProject
from tests.dbt_project.small_agency import raw_tables

TODAY = date(2026, 5, 31)
TABLES = ("time_entries", "daily_overlay", "productivity_triangle")
Rows = dict[str, list[dict[str, Any]]]


def _until(rows: Rows, day: date) -> Rows:
    """What had happened by the end of a day; a transcript lands as a whole."""
    times = {
        "clockify.time_entries": "start_time",
        "tempo.worklogs": "start_date",
        "github.commits": "authored_at",
        "github.pull_requests": "created_at",
    }
    later_files = {event["file_id"] for event in rows["claude_code.events"] if event["occurred_at"].date() > day}

    def has_happened(row: dict[str, Any], column: str | None) -> bool:
        at = row[column] if column else day
        return (at.date() if isinstance(at, datetime) else at) <= day and row.get("file_id") not in later_files

    return {table: [row for row in of_table if has_happened(row, times.get(table))] for table, of_table in rows.items()}


def _build(project: DbtProject, *arguments: str) -> None:
    project.dbt(
        "build",
        "--exclude-resource-type",
        "unit_test",
        "--exclude-resource-type",
        "test",
        "--select",
        "+int_changes__processed_engineering_dates",
        "+int_changes__processed_session_inputs",
        *arguments,
        as_of="2026-05-31",
    )


def _contents(project: DbtProject) -> dict[str, list[str]]:
    return {table: sorted(map(str, project.rows(f"select * from marts.{table}"))) for table in TABLES}


def _differences(first: dict[str, list[str]], second: dict[str, list[str]]) -> list[str]:
    return [f"{table}: {row}" for table in TABLES for row in sorted({*first[table]} ^ {*second[table]})]


def _places(project: DbtProject, table: str) -> set[str]:
    """Where in its table each row lies, by local date: a row that is written again lies elsewhere."""
    return {f"{row['local_date']} {row['ctid']}" for row in project.rows(f"select ctid, local_date from marts.{table}")}


@pytest.fixture(scope="module")
def rows() -> Rows:
    return raw_tables(TODAY)


def test_one_new_day_touches_that_day_alone(dbt_project: DbtProject, rows: Rows) -> None:
    yesterday = TODAY - timedelta(days=1)
    dbt_project.load(_until(rows, yesterday))
    _build(dbt_project)
    before = {table: _places(dbt_project, table) for table in TABLES}
    dbt_project.load(rows)
    _build(dbt_project)

    for table in TABLES:
        after = _places(dbt_project, table)
        changed = {place.split()[0] for place in before[table] ^ after}
        assert len(before[table] & after) > 50
        # A day in another zone, and the merge of an older request, may fall on the day before.
        assert changed <= {str(TODAY), str(yesterday)}, table


def test_changes_of_every_kind_give_what_a_full_refresh_gives(dbt_project: DbtProject, rows: Rows) -> None:
    edited = dict(rows)
    entries = [dict(entry) for entry in rows["clockify.time_entries"]]
    entries[0]["end_time"] += timedelta(minutes=20)
    entries[1]["start_time"] -= timedelta(days=200)
    entries[1]["end_time"] -= timedelta(days=200)
    edited["clockify.time_entries"] = entries[:-1]
    edited["github.commits"] = rows["github.commits"][1:]
    requests = [dict(request) for request in rows["github.pull_requests"]]
    requests[0]["merged_at"] = datetime(2026, 5, 30, 12, tzinfo=UTC)
    requests[0]["additions"] = 12_345
    edited["github.pull_requests"] = requests
    edited["reference.time_policies"] = [{"sources": "clockify;tempo", "valid_from": "2026-05-20"}]
    dbt_project.load(edited)
    _build(dbt_project)
    by_changes = _contents(dbt_project)
    _build(dbt_project, "--full-refresh")

    differing = _differences(by_changes, _contents(dbt_project))
    assert not differing, "\n".join(differing[:6])


def test_run_that_broke_off_is_made_up_for(dbt_project: DbtProject, rows: Rows) -> None:
    dbt_project.load(rows)
    # The overlay is built, the triangle is not, and the next run finds nothing new.
    dbt_project.dbt("run", "--select", "+daily_overlay", as_of="2026-05-31")
    _build(dbt_project)
    made_up = _contents(dbt_project)
    _build(dbt_project, "--full-refresh")

    differing = _differences(made_up, _contents(dbt_project))
    assert not differing, "\n".join(differing[:6])
