"""Worklogs by Tempo's API and by the ClickHouse mirror, both landed: one bills, to the application of its label."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from tests.dbt_project.conftest import DbtProject

# Acme's project, but its labels belong to an application of Beta, whose customer wins.
RAW: dict[str, list[dict[str, Any]]] = {
    "reference.agency": [{"legal_name": "Agency", "currency": "USD", "timezone": "UTC", "calendar": "default"}],
    "reference.developers": [
        {
            "email": "ada@example.com",
            "name": "Ada",
            "clockify_id": "u1",
            "jira_account_id": "j1",
            "timezone": "UTC",
            "status": "active",
        }
    ],
    "reference.business_calendars": [
        {"calendar": "default", "timezone": "UTC", "weekday": weekday, "opens": "09:00", "closes": "18:00"}
        for weekday in range(1, 6)
    ],
    "reference.jira_value_map": [{"kind": "priority", "value": "Highest", "meaning": "P1"}],
    "reference.contracts": [
        {
            "client": "Acme",
            "contract_number": "ACME-1",
            "name": "Care",
            "service_category": "IT",
            "type": "pay_as_you_go",
            "start_date": "2026-01-01",
            "standard_rate": 50,
        }
    ],
    "reference.projects": [{"project": "Site", "status": "active", "jira_project_key": "CON"}],
    "reference.project_terms": [{"project": "Site", "client": "Acme", "contract": "ACME-1"}],
    "clockify.users": [{"id": "u1", "email": "ada@example.com", "status": "ACTIVE", "timezone": "UTC"}],
    "clockify.clients": [{"id": "c1", "name": "Acme"}, {"id": "c2", "name": "Beta"}],
    "clockify.projects": [{"id": "p1", "client_id": "c1", "name": "Site"}],
    # Not superseded: by their application the worklogs of that day are Beta's.
    "clockify.time_entries": [
        {
            "id": "t1",
            "user_id": "u1",
            "project_id": "p1",
            "start_time": "2026-03-02T08:00:00Z",
            "end_time": "2026-03-02T09:00:00Z",
            "billable": True,
            "type": "REGULAR",
        }
    ],
    "jira.projects": [{"id": "100", "key": "CON", "name": "Content", "state": "visible"}],
    "jira.issues": [
        {
            "id": "10",
            "key": "CON-1",
            "project_id": "100",
            "project_key": "CON",
            "issue_type": "Incident",
            "priority": "Highest",
            "labels": ["shop"],
        },
        {
            "id": "11",
            "key": "CON-2",
            "project_id": "100",
            "project_key": "CON",
            "issue_type": "Bug",
            "labels": ["lost"],
        },
        {"id": "12", "key": "CON-3", "project_id": "100", "project_key": "CON", "issue_type": "Bug", "labels": []},
    ],
    "tempo.worklogs": [
        # An incident at night, and twice 15 minutes of it by day.
        {
            "id": 1,
            "issue_id": "10",
            "author_id": "j1",
            "start_date": "2026-03-02",
            "started_at": "2026-03-02T22:00:00Z",
            "duration_seconds": 3600,
        },
        {
            "id": 2,
            "issue_id": "10",
            "author_id": "j1",
            "start_date": "2026-03-02",
            "started_at": "2026-03-02T10:00:00Z",
            "duration_seconds": 900,
        },
        {
            "id": 5,
            "issue_id": "10",
            "author_id": "j1",
            "start_date": "2026-03-02",
            "started_at": "2026-03-02T11:00:00Z",
            "duration_seconds": 900,
        },
        {"id": 3, "issue_id": "11", "author_id": "j1", "start_date": "2026-03-02", "duration_seconds": 1200},
        {"id": 4, "issue_id": "12", "author_id": "j1", "start_date": "2026-03-03", "duration_seconds": 1200},
    ],
    "clickhouse.tempo_worklogs_flat": [
        {
            "row_id": row_id,
            "worklog_id": worklog_id,
            "account_id": "j1",
            "start_date": day,
            "issue_key": issue_key,
            "project_label": label,
            "duration_seconds": seconds,
            "is_deleted": False,
        }
        for row_id, worklog_id, day, issue_key, label, seconds in [
            ("0a1b2c3d4e5f0001", None, "2026-03-02", "CON-1", "Shop", 3600),
            # A Saturday.
            ("0a1b2c3d4e5f0002", None, "2026-03-07", "CON-1", "Shop", 900),
            ("4", "4", "2026-03-03", "CON-3", None, 1200),
        ]
    ],
    "clickhouse.jira_issues": [{"issue_key": "CON-1", "issue_type": "Incident", "priority": "P1", "is_deleted": False}],
    "clickhouse.cdm_applications": [
        {
            "application_id": "10",
            "customer_id": "2",
            "name": "Desk",
            "application_type": "TM",
            "labels": ["Shop"],
            "hourly_rate": 100,
            "currency": "EUR",
            "start_date": "2026-01-01",
            "is_deleted": False,
        },
        {
            "application_id": "9",
            "customer_id": "3",
            "name": "Lost",
            "application_type": "FIX",
            "labels": ["lost"],
            "base_amount": 500,
            "start_date": "2026-01-01",
            "is_deleted": False,
        },
    ],
    "clickhouse.cdm_customers": [
        {"customer_id": "2", "company_name": "Beta Ltd", "client": "beta", "is_deleted": False},
        {"customer_id": "3", "company_name": "Nobody", "client": "Nobody Inc", "is_deleted": False},
    ],
}


@pytest.fixture(scope="module")
def by_route(dbt_project: DbtProject) -> Mapping[str, Mapping[str, list[dict[str, Any]]]]:
    """What each route gives, over one warehouse in which both have landed."""
    dbt_project.load(RAW)
    found = {}
    wanted = ("invoice_prefill_lines", "unbilled", "unresolved", "time_entries")
    for route, selection in (
        ("tempo", [f"+{model}" for model in wanted]),
        # Nothing before the dates that changed knows which of them bills.
        ("clickhouse", [f"int_time__changed_dates+,+{model}" for model in wanted]),
    ):
        dbt_project.dbt(
            "build",
            "--exclude-resource-type",
            "unit_test",
            "--exclude-resource-type",
            "test",
            "--select",
            *selection,
            as_of="2026-03-31",
            worklog_route=route,
        )
        found[route] = {
            "entries": dbt_project.rows(
                "select entries.id, clients.name as client, application_id, contract_id is not null as has_contract, "
                "is_counted from marts.time_entries as entries "
                "left join intermediate.int_identity__clients as clients using (client_id) order by entries.id"
            ),
            "lines": dbt_project.rows(
                "select basis, line_type, rate_tier, issue_key, currency, raw_seconds, billable_seconds, line_total "
                "from marts.invoice_prefill_lines order by basis, line_type, issue_key"
            ),
            "unbilled": dbt_project.rows("select time_entry_id, seconds, reason from marts.unbilled order by 1"),
            "unresolved": dbt_project.rows(
                "select native_id, reason, row_count, seconds from reports.unresolved where source != 'clockify'"
            ),
        }
    return found


def _line(
    basis: str, kind: str, tier: str | None, issue: str | None, seconds: tuple[int, int], total: str
) -> dict[str, Any]:
    return {
        "basis": basis,
        "line_type": kind,
        "rate_tier": tier,
        "issue_key": issue,
        "currency": "EUR" if basis == "application" else "USD",
        "raw_seconds": seconds[0],
        "billable_seconds": seconds[1],
        "line_total": Decimal(total),
    }


def test_api_knows_times_of_day_and_labels_of_issues(by_route: Mapping[str, Mapping[str, Any]]) -> None:
    found = by_route["tempo"]

    # Each 900 seconds by day are billed as 1,800 at 100.00, the hour at night at one and a half. An issue is one line.
    assert found["lines"] == [
        _line("application", "incident", "p1_p3", "CON-1", (1800, 3600), "100.00"),
        _line("application", "incident_critical", "p1_p3_off_hours", "CON-1", (3600, 3600), "150.00"),
        _line("contract", "hourly", None, None, (4800, 4800), "66.67"),
    ]
    assert all(row["is_counted"] for row in found["entries"])
    assert [(row["id"], row["client"], row["application_id"], row["has_contract"]) for row in found["entries"]] == [
        ("CLK-t1", "Acme", None, True),
        ("TMP-1", "Beta", "10", False),
        ("TMP-2", "Beta", "10", False),
        ("TMP-3", None, "9", False),
        ("TMP-4", "Acme", None, True),
        ("TMP-5", "Beta", "10", False),
    ]
    # Its application's customer is nobody's client.
    assert found["unbilled"] == [{"time_entry_id": "TMP-3", "seconds": 1200, "reason": "no_client"}]
    assert found["unresolved"] == [{"native_id": "Nobody Inc", "reason": "no_client", "row_count": 1, "seconds": 1200}]


def test_mirror_bills_instead_of_the_api_never_beside_it(by_route: Mapping[str, Mapping[str, Any]]) -> None:
    found = by_route["clickhouse"]

    # Without a time of day off hours are weekends alone; the worklog whose id the mirror knows is named as by the API.
    assert found["lines"] == [
        _line("application", "incident", "p1_p3", "CON-1", (3600, 3600), "100.00"),
        _line("application", "incident_critical", "p1_p3_off_hours", "CON-1", (900, 1800), "75.00"),
        _line("contract", "hourly", None, None, (4800, 4800), "66.67"),
    ]
    assert [(row["id"], row["client"], row["application_id"]) for row in found["entries"]] == [
        ("CLK-t1", "Acme", None),
        ("MIR-0a1b2c3d", "Beta", "10"),
        ("MIR-0a1b2c3d4", "Beta", "10"),
        ("TMP-4", "Acme", None),
    ]
    assert found["unbilled"] == []
    assert found["unresolved"] == [{"native_id": "Nobody Inc", "reason": "no_client", "row_count": 1, "seconds": 0}]
