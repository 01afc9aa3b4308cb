"""Small agencies whose bill was once wrong: an hour billed twice, a name or key that changed, a file that was refused.

One agency holds all of them, a client each, in one build; only the key of a Jira project changes between two.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from tests.dbt_project.conftest import DbtProject

_AS_OF = "2026-06-30"
Rows = list[dict[str, Any]]


def _entry(name: str, project: str, start: str, end: str, user: str = "ada", text: str = "work") -> dict[str, Any]:
    return {
        "id": name,
        "user_id": f"u-{user}",
        "project_id": f"p-{project}",
        "description": text,
        "start_time": f"{start}Z",
        "end_time": f"{end}Z",
        "billable": True,
        "type": "REGULAR",
    }


def _session(name: str, folder: str, moments: list[str], user: str = "ada") -> tuple[Rows, Rows]:
    """A session's file and events; moments lie at most 15 minutes apart."""
    files = [{"file_id": name, "root_path": f"root-{user}", "generation": 0, "read_offset": 1}]
    events = [
        {
            "file_id": name,
            "generation": 0,
            "line_offset": place,
            "record_index": 0,
            "session_id": name,
            "uuid": f"{name}-{place}",
            "occurred_at": f"{moment}Z",
            "kind": "answer" if place else "prompt",
            "cwd": f"/work/{folder}",
        }
        for place, moment in enumerate(moments)
    ]
    return files, events


_CLIENTS = {
    "a": "Logged",
    "b": "Observed",
    "d": "Doubled",
    "k": "Keyed",
    "m": "M\N{LATIN SMALL LETTER U WITH DIAERESIS}ller",
    "n": "Namesake",
    "o": "namesake",
    "y": "Yen",
    "r": "Retained",
}
_SESSIONS = [
    # 09:00 to 10:00 for Observed, of which 09:15 to 09:45 is logged for Logged.
    _session(
        "s1", "observed", [f"2026-05-04T09:{minute:02}:00" for minute in range(0, 60, 10)] + ["2026-05-04T10:00:00"]
    ),
    # Wholly within what Logged is billed for: nothing is left of it.
    _session("s2", "observed", ["2026-05-05T09:00:00", "2026-05-05T09:10:00"]),
    # Another person's logged time takes nothing.
    _session("s3", "observed", ["2026-05-05T09:00:00", "2026-05-05T09:10:00"], user="bob"),
    # After midnight, within an entry that began on the day before.
    _session("s4", "observed", ["2026-05-07T00:10:00", "2026-05-07T00:20:00"]),
    # A day later Observed logs, too: its line has both.
    _session("s5", "logged", ["2026-05-20T09:00:00", "2026-05-20T09:15:00"]),
]
_RAW: Mapping[str, Rows] = {
    "reference.agency": [{"legal_name": "Us", "currency": "EUR", "timezone": "UTC", "calendar": "default"}],
    "reference.developers": [
        {"email": f"{name}@example.com", "name": name, "clockify_id": f"u-{name}", "jira_account_id": f"j-{name}"}
        | {"timezone": "UTC", "status": "active"}
        for name in ("ada", "bob")
    ],
    "reference.clients": [
        {"client": "Mu\N{COMBINING DIAERESIS}ller", "company_name": "M", "status": "active"},
        {"client": "Namesake", "company_name": "N", "status": "active"},
    ],
    "reference.client_terms": [
        *(
            {"client": name, "billing_model": "hourly", "currency": "EUR", "tax_rate": 0}
            for name in ("Logged", "Observed", "Doubled", "Keyed", "Mu\N{COMBINING DIAERESIS}ller", "NAMESAKE")
        ),
        {"client": "Yen", "billing_model": "hourly", "currency": "JPY", "tax_rate": Decimal("0.1")},
        {"client": "Retained", "billing_model": "retainer", "retainer_amount": 3500, "currency": "EUR", "tax_rate": 0}
        | {"valid_from": "2026-05-01", "row_number": 9},
    ],
    "reference.project_terms": [
        {"project": "Site", "client": "Logged", "hourly_rate": 100},
        {"project": "App", "client": "Observed", "hourly_rate": 90},
        {"project": "Import", "client": "Doubled", "hourly_rate": 60},
        {"project": "Legacy", "client": "Keyed", "hourly_rate": 90},
        {"project": "Fac\N{COMBINING CEDILLA}ade", "client": "Mu\N{COMBINING DIAERESIS}ller", "hourly_rate": 55},
        {"project": "Third", "client": "Namesake", "hourly_rate": Decimal("33.3333")},
        {"project": "Tokyo", "client": "Yen", "hourly_rate": Decimal("100.5")},
    ],
    "reference.projects": [{"project": "Legacy", "status": "active", "jira_project_key": "OLD"}],
    "reference.billing_rules": [
        {"project": "Dashboard", "rule_type": "retainer", "rate_cents": 350_000, "retainer_hours": 25}
        | {"effective_from": "2026-05-01", "row_number": 2},
    ],
    "reference.session_roots": [{"path": f"root-{name}", "email": f"{name}@example.com"} for name in ("ada", "bob")],
    "reference.repo_mappings": [
        {"repo": "us/app", "client": "Observed", "project": "App", "path_globs": "/work/observed"},
        {"repo": "us/site", "client": "Logged", "project": "Site", "path_globs": "/work/logged"},
    ],
    "reference.currencies": [{"code": "EUR", "decimals": 2}, {"code": "JPY", "decimals": 0}],
    "reference.rejected_files": [
        {"problem_id": "1", "file": "rate_rules.csv", "reason": "refused"},
        {"problem_id": "2", "file": "project_terms.csv", "reason": "refused"},
    ],
    "clockify.users": [
        {"id": f"u-{name}", "email": f"{name}@example.com", "status": "ACTIVE", "timezone": "UTC"}
        for name in ("ada", "bob")
    ],
    "clockify.clients": [{"id": f"c-{key}", "name": name, "archived": key == "o"} for key, name in _CLIENTS.items()],
    "clockify.projects": [
        {"id": "p-site", "client_id": "c-a", "name": "Site"},
        {"id": "p-app", "client_id": "c-b", "name": "App"},
        {"id": "p-import", "client_id": "c-d", "name": "Import"},
        {"id": "p-legacy", "client_id": "c-k", "name": "Legacy"},
        {"id": "p-facade", "client_id": "c-m", "name": "Fa\N{LATIN SMALL LETTER C WITH CEDILLA}ade"},
        {"id": "p-third", "client_id": "c-n", "name": "Third"},
        {"id": "p-third-old", "client_id": "c-o", "name": "Third", "archived": True},
        {"id": "p-tokyo", "client_id": "c-y", "name": "Tokyo"},
        {"id": "p-dashboard", "client_id": "c-r", "name": "Dashboard"},
    ],
    "clockify.time_entries": [
        _entry("e1", "site", "2026-05-04T09:15:00", "2026-05-04T09:45:00"),
        _entry("e2", "site", "2026-05-05T08:00:00", "2026-05-05T12:00:00"),
        _entry("e3", "site", "2026-05-06T23:00:00", "2026-05-07T01:00:00"),
        _entry("d1", "import", "2026-06-01T08:00:00", "2026-06-01T10:00:00"),
        _entry("d2", "import", "2026-06-01T08:00:00", "2026-06-01T10:00:00"),
        _entry("d3", "import", "2026-06-04T06:00:00", "2026-06-05T12:00:00", text="forgotten"),
        _entry("m1", "facade", "2026-03-13T08:00:00", "2026-03-13T09:00:00"),
        _entry("n1", "third", "2026-03-09T08:00:00", "2026-03-09T11:00:00"),
        _entry("y1", "tokyo", "2026-03-03T08:00:00", "2026-03-03T09:00:00"),
        _entry("r1", "dashboard", "2026-05-11T08:00:00", "2026-05-11T09:00:00"),
    ],
    "claude_code.files": [file for files, _ in _SESSIONS for file in files],
    "claude_code.events": [event for _, events in _SESSIONS for event in events],
    "jira.projects": [{"id": "7", "key": "OLD", "name": "Legacy", "state": "live"}],
    "jira.issues": [{"id": "101", "key": "OLD-4", "project_id": "7", "project_key": "OLD"}],
    "tempo.worklogs": [
        {"id": 1, "issue_id": 101, "author_id": "j-ada", "start_date": "2026-03-02", "start_time": "08:00:00"}
        | {"duration_seconds": 7200, "billable_seconds": 7200},
    ],
}
_MODELS = (
    "invoice_prefills",
    "invoice_prefill_lines",
    "unbilled",
    "overlaps",
    "suspicious_entries",
    "logged_vs_observed",
)


def _build(project: DbtProject, *further: str) -> None:
    arguments = ["--exclude-resource-type", "unit_test", "--exclude-resource-type", "test", "--select"]
    project.dbt("build", *arguments, *(f"+{model}" for model in (*_MODELS, *further)), as_of=_AS_OF)


@pytest.fixture(scope="module")
def agency(dbt_project: DbtProject) -> DbtProject:
    dbt_project.load(_RAW)
    _build(dbt_project, "unresolved")
    return dbt_project


def _prefill(project: DbtProject, client: str, month: str) -> dict[str, Any]:
    [row] = project.rows(
        "select prefills.* from marts.invoice_prefills as prefills"
        " inner join intermediate.int_identity__clients as clients using (client_id)"
        f" where clients.name = '{client}' and invoice_month = '{month}'"
    )
    return row


def _warnings(prefill: Mapping[str, Any], code: str) -> list[str]:
    return [warning["detail"] for warning in prefill["warnings"] if warning["code"] == code]


def test_an_hour_of_a_person_is_billed_once(agency: DbtProject) -> None:
    # 6:30 logged and 0:15 observed on a day without an entry; both are on one line.
    [line] = agency.rows(
        "select description, raw_seconds, line_total from marts.invoice_prefill_lines"
        " inner join intermediate.int_identity__clients as clients using (client_id) where clients.name = 'Logged'"
    )
    # 30 minutes of the first session, nothing of the second and fourth; ten minutes of somebody else's.
    observed = _prefill(agency, "Observed", "2026-05-01")

    assert line == {
        "description": "Site: hours, May 2026 (6:30 logged, 0:15 observed)",
        "raw_seconds": 24_300,
        "line_total": Decimal("675.00"),
    }
    assert observed["subtotal"] == Decimal("60.00")
    assert _warnings(observed, "logged_elsewhere") == [
        "0:50:00 of sessions are not billed: the developer logged the same time as other work; "
        "at the rates in force 75.00 EUR"
    ]


def test_what_was_logged_elsewhere_is_beside_what_was_observed(agency: DbtProject) -> None:
    entries = agency.rows(
        "select session_id, allocated_seconds, logged_elsewhere_seconds, is_counted, not_counted_reason"
        " from marts.time_entries where source = 'claude_session' order by session_id"
    )
    seen = agency.rows(
        "select local_date::text, observed_seconds, logged_elsewhere_seconds from reports.logged_vs_observed"
        " where logged_elsewhere_seconds > 0 order by local_date"
    )

    assert [tuple(row.values()) for row in entries] == [
        ("s1", 1800, 1800, True, None),
        ("s2", 0, 600, False, "logged_elsewhere"),
        ("s3", 600, 0, True, None),
        ("s4", 0, 600, False, "logged_elsewhere"),
        ("s5", 900, 0, True, None),
    ]
    assert [tuple(row.values()) for row in seen] == [
        ("2026-05-04", 3600, 1800),
        ("2026-05-05", 600, 600),
        ("2026-05-07", 600, 600),
    ]


def test_an_import_that_ran_twice_and_a_forgotten_timer_are_warned(agency: DbtProject) -> None:
    prefill = _prefill(agency, "Doubled", "2026-06-01")
    listed = agency.rows(
        "select finding, time_entry_id, other_time_entry_id from reports.suspicious_entries order by finding"
    )
    overlaps = agency.rows(
        "select time_entry_id, other_time_entry_id, overlap_seconds from reports.overlaps"
        " where client_id = other_client_id"
    )

    assert prefill["subtotal"] == Decimal("2040.00")
    assert _warnings(prefill, "possible_duplicate") == [
        "2:00:00 are in entries that repeat another: CLK-d2 (CLK-d1); see reports.suspicious_entries"
    ]
    assert _warnings(prefill, "long_entry") == [
        "30:00:00 in entries of more than 16 hours: CLK-d3; see reports.suspicious_entries"
    ]
    assert [tuple(row.values()) for row in listed] == [
        ("long_entry", "CLK-d3", None),
        ("possible_duplicate", "CLK-d2", "CLK-d1"),
    ]
    assert [tuple(row.values()) for row in overlaps] == [("CLK-d1", "CLK-d2", 7200)]


def test_decomposed_letters_name_the_same_client(agency: DbtProject) -> None:
    assert _prefill(agency, _CLIENTS["m"], "2026-03-01")["subtotal"] == Decimal("55.00")


def test_a_living_client_and_project_go_before_archived_namesakes(agency: DbtProject) -> None:
    assert _prefill(agency, "Namesake", "2026-03-01")["subtotal"] == Decimal("100.00")
    assert agency.value("select count(*) from reports.unresolved where source like 'reference.%'") == 0


def test_yen_have_no_decimals(agency: DbtProject) -> None:
    prefill = _prefill(agency, "Yen", "2026-03-01")

    assert (prefill["subtotal"], prefill["tax"], prefill["total"]) == (101, 10, 111)


def test_the_reconciliations_of_the_bill_hold(agency: DbtProject) -> None:
    statuses = agency.dbt(
        "test", "--select", "lines_are_priced_from_exact_seconds", "prefills_are_the_sum_of_their_lines"
    )

    assert list(statuses.values()) == ["pass", "pass"]


def test_a_retainer_in_two_files_is_warned(agency: DbtProject) -> None:
    prefill = _prefill(agency, "Retained", "2026-05-01")

    assert prefill["subtotal"] == Decimal("7000.00")
    assert _warnings(prefill, "two_retainers") == [
        "a retainer is billed from more than one file: billing_rules.csv, row 2 (3500.00 EUR); "
        "client_terms.csv, row 9 (3500.00 EUR); keep one of them if they are the same"
    ]


def test_a_refused_file_is_named_on_every_prefill(agency: DbtProject) -> None:
    told = {
        tuple(detail for detail in _warnings(row, "stale_source") if "refused" in detail)
        for row in agency.rows("select warnings from marts.invoice_prefills")
    }

    assert told == {
        (
            "project_terms.csv was refused; the version of 2026-01-01 is in force",
            "rate_rules.csv was refused; there is no earlier version, so it counts as empty",
        )
    }


def test_a_jira_project_with_another_key_keeps_its_time(agency: DbtProject) -> None:
    before = _prefill(agency, "Keyed", "2026-03-01")["subtotal"]
    agency.load(
        {
            "jira.projects": [{"id": "7", "key": "LEG", "name": "Legacy", "state": "live"}],
            "jira.issues": [{"id": "101", "key": "LEG-4", "project_id": "7", "project_key": "LEG"}],
        }
    )
    _build(agency, "unresolved", "int_engineering__issue_keys")

    assert (before, _prefill(agency, "Keyed", "2026-03-01")["subtotal"]) == (Decimal("180.00"), Decimal("180.00"))
    assert agency.value("select issue_key from intermediate.int_engineering__issue_keys where key = 'OLD-4'") == "LEG-4"
    assert agency.value("select count(*) from reports.unresolved where reason = 'no_jira_project'") == 0


@pytest.mark.usefixtures("agency")
def test_a_key_that_jira_never_had_is_unresolved(dbt_project: DbtProject) -> None:
    dbt_project.load({"reference.projects": [{"project": "Legacy", "status": "active", "jira_project_key": "GONE"}]})
    _build(dbt_project, "unresolved")

    assert dbt_project.rows("select source, native_id from reports.unresolved where reason = 'no_jira_project'") == [
        {"source": "reference.projects", "native_id": "GONE"}
    ]
