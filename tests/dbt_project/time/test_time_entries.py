"""From raw entries to counted time and contract allowances."""

from decimal import Decimal
from typing import Any

import pytest

from tests.dbt_project.conftest import DbtProject


def _entry(entry_id: str, start: str, end: str | None, **columns: Any) -> dict[str, Any]:
    return {
        "id": entry_id,
        "user_id": "u1",
        "project_id": "p1",
        "start_time": f"2026-03-{start}:00Z",
        "end_time": end and f"2026-03-{end}:00Z",
        "billable": True,
        "type": "REGULAR",
        **columns,
    }


RAW: dict[str, list[dict[str, Any]]] = {
    "reference.agency": [{"legal_name": "Agency", "currency": "EUR", "timezone": "Europe/Berlin"}],
    "reference.developers": [
        {
            "email": "ada@example.com",
            "name": "Ada",
            "clockify_id": "u1",
            "timezone": "Europe/Berlin",
            "status": "active",
        }
    ],
    "clockify.users": [{"id": "u1", "email": "ada@example.com", "status": "ACTIVE", "timezone": "UTC"}],
    "clockify.clients": [{"id": "c1", "name": "Acme"}, {"id": "c2", "name": "Beta"}],
    "clockify.projects": [
        {"id": "p1", "client_id": "c1", "name": "Site"},
        {"id": "p2", "client_id": "c2", "name": "Shop"},
    ],
    "reference.project_terms": [{"project": "Site", "client": "Beta", "valid_from": "2026-03-20"}],
    "reference.contracts": [
        {
            "client": "Acme",
            "contract_number": "ACME-1",
            "name": "Care",
            "service_category": "IT",
            "type": "monthly_retainer",
            "start_date": "2026-01-31",
            "monthly_hours": 1,
            "standard_rate": 50,
            "overage_rate": Decimal("99.99"),
        }
    ],
    "reference.service_types": [{"name": "Maintenance"}, {"name": "Other", "is_billable": False}],
    "reference.work_logs": [
        {
            "id": number,
            "client": "Acme",
            "contract": "ACME-1",
            "service_type": service_type,
            "email": "ada@example.com",
            "work_date": day,
            "duration_minutes": minutes,
            "description": "Fixed it",
        }
        for number, day, minutes, service_type in [
            ("1", "2026-03-05", 45, "Maintenance"),
            ("2", "2026-03-06", 40, "maintenance"),
            ("3", "2026-03-07", 500, "Other"),
            ("4", "2026-03-31", 30, "Maintenance"),
        ]
    ],
    "clockify.time_entries": [
        _entry("night", "02T22:30", "03T06:00"),
        _entry("moved", "21T08:00", "21T09:00"),
        _entry("superseded", "05T08:00", "05T09:00"),
        _entry("overlap", "05T08:30", "05T10:00", project_id="p2", is_locked=True),
        _entry("running", "22T08:00", None),
        _entry("deleted", "22T09:00", "22T10:00", is_deleted=True),
        _entry("unknown", "22T09:00", "22T10:00", project_id="p9"),
        _entry("backwards", "23T10:00", "23T09:00"),
    ],
}


@pytest.fixture(scope="module")
def built(dbt_project: DbtProject) -> DbtProject:
    dbt_project.load(RAW)
    dbt_project.build(
        "+time_entries",
        "+work_logs",
        "+contract_periods",
        "+clients",
        "+service_types",
        "+billing_rules",
        "+contracts",
        "+overlaps",
        "+superseded",
        "+unresolved",
        "+data_freshness",
        as_of="2026-04-01",
    )
    return dbt_project


def test_entries_count_once_and_say_why_not(built: DbtProject) -> None:
    entries = {
        row["id"]: (str(row["local_date"]), row["status"], row["not_counted_reason"])
        for row in built.rows("select * from marts.time_entries")
    }

    assert entries == {
        "CLK-night": ("2026-03-02", "pending", None),
        "CLK-moved": ("2026-03-21", "pending", None),
        "CLK-superseded": ("2026-03-05", "pending", "superseded"),
        "CLK-overlap": ("2026-03-05", "approved", None),
        "CLK-running": ("2026-03-22", "running", "running"),
        "CLK-deleted": ("2026-03-22", "pending", "deleted"),
        "CLK-unknown": ("2026-03-22", "pending", None),
        "CLK-backwards": ("2026-03-23", "pending", "zero_length"),
        "LOG-1": ("2026-03-05", "pending", None),
        "LOG-2": ("2026-03-06", "pending", None),
        "LOG-3": ("2026-03-07", "pending", None),
        "LOG-4": ("2026-03-31", "pending", None),
    }


def test_project_that_moved_has_the_client_of_the_day(built: DbtProject) -> None:
    clients = {
        row["id"]: row["name"]
        for row in built.rows(
            "select entries.id, clients.name from marts.time_entries as entries "
            "inner join marts.clients on clients.id = entries.client_id where source = 'clockify'"
        )
    }

    assert (clients["CLK-night"], clients["CLK-moved"]) == ("Acme", "Beta")


def test_periods_hold_billable_time_and_overage(built: DbtProject) -> None:
    periods = built.rows("select * from marts.contract_periods order by period_start")

    assert [str(period["period_start"]) for period in periods] == ["2026-01-31", "2026-02-28", "2026-03-31"]
    february = periods[1]
    assert str(february["period_end"]) == "2026-03-30"
    # 45 and 40 minutes of one hour; what is not billable consumes nothing.
    assert (february["used_hours"], february["overage_hours"]) == (Decimal("1.416667"), Decimal("0.416667"))
    assert (february["remaining_hours"], february["used_share"]) == (Decimal("0.000000"), Decimal("1.4167"))
    # 1,500 s at 99.99 an hour, from exact seconds.
    assert february["total_overage_amount"] == Decimal("41.66")
    assert periods[2]["used_share"] == Decimal("0.5000")


def test_work_logs_show_overage_and_rate(built: DbtProject) -> None:
    logs = {row["work_log_id"]: row for row in built.rows("select * from marts.work_logs")}

    assert {number: log["is_overage"] for number, log in logs.items()} == {
        "1": False,
        "2": True,
        "3": False,
        "4": False,
    }
    assert [logs[number]["rate_applied"] for number in "1234"] == [50, Decimal("99.9900"), None, 50]
    assert (logs["1"]["is_billable"], logs["3"]["is_billable"]) == (True, False)
    assert logs["1"]["service_type_id"] == logs["2"]["service_type_id"]


def test_reports_show_what_somebody_should_look_at(built: DbtProject) -> None:
    overlaps = built.rows("select time_entry_id, other_time_entry_id from reports.overlaps")
    assert overlaps == [], "a work log without times overlaps nothing, and what is superseded does not count"
    assert built.rows(
        "select counted_source, counted_seconds, superseded_sources, superseded_seconds from reports.superseded"
    ) == [
        {
            "counted_source": "manual",
            "counted_seconds": 2700,
            "superseded_sources": "clockify",
            "superseded_seconds": 3600,
        }
    ]
    assert built.rows(
        "select source, native_id, reason, row_count, seconds from reports.unresolved order by reason"
    ) == [
        {
            "source": "clockify",
            "native_id": "CLK-backwards",
            "reason": "ends_before_start",
            "row_count": 1,
            "seconds": 0,
        },
        {"source": "clockify", "native_id": "p9", "reason": "no_project", "row_count": 1, "seconds": 3600},
    ]
    assert built.value("select count(*) from reports.data_freshness where last_changed_at is not null") > 5


def test_overlapping_entries_of_two_clients_both_count(built: DbtProject) -> None:
    built.load({"reference.work_logs": []})
    followers = [f"source:reference.work_logs+,+{model}" for model in ("time_entries", "overlaps")]
    built.build(*followers, as_of="2026-04-01")

    assert built.rows("select time_entry_id, other_time_entry_id, overlap_seconds from reports.overlaps") == [
        {"time_entry_id": "CLK-superseded", "other_time_entry_id": "CLK-overlap", "overlap_seconds": 1800}
    ]
    # The rows that left their file stay, as deleted.
    assert built.rows("select distinct not_counted_reason from marts.time_entries where source = 'manual'") == [
        {"not_counted_reason": "deleted"}
    ]


def test_what_has_time_cannot_leave_its_file(built: DbtProject) -> None:
    built.load(
        {"reference.projects": [{"project": "Site", "status": "active"}, {"project": "Idle", "status": "active"}]}
    )
    built.build("source:reference.projects+,+time_entries", as_of="2026-04-01")
    built.load({"reference.projects": []})

    selected = "source:reference.projects+,+what_has_time_cannot_leave_its_file"
    results = built.dbt_results("build", "--exclude-resource-type", "unit_test", "--select", selected)

    assert results["what_has_time_cannot_leave_its_file"] == ("fail", "Got 1 result, configured to fail if != 0")
