"""Lines of two months whose identifiers begin alike: which of them has more digits depends on the other month."""

from hashlib import sha256
from itertools import count
from typing import Any

from tests.dbt_project.conftest import DbtProject

_TABLES = (
    "building.invoice_prefill_lines",
    "building.invoice_prefill_line_entries",
    "building.int_reports__entry_amounts",
)
_BUILT = ("+int_changes__processed_months", "+int_changes__processed_time_dates")


def _digest(project: str, month: str) -> str:
    """Of a line of hours under client terms (rule 7.29), as `hashed_identifier` does."""
    place = ("cli-client00", "eur", month, "client_terms", "hourly", "", "", "", "", "", f"prj-{project}", "")
    return sha256("|".join((*place, "80.0000", "1.0000")).encode()).hexdigest()


def _projects_that_share_digits() -> tuple[str, str]:
    """One of January and one of March."""
    seen: dict[str, str] = {}
    for number in count():
        project = f"{number:08x}"
        seen[_digest(project, "2026-01-01")[:8]] = project
        other = seen.get(_digest(project, "2026-03-01")[:8])
        if other is not None and other != project:
            return other, project
    raise AssertionError


def _entry(name: str, project: str, day: str) -> dict[str, Any]:
    times = {"start_time": f"{day}T08:00:00Z", "end_time": f"{day}T09:00:00Z"}
    return {"id": name, "user_id": "u1", "project_id": project, "billable": True, "type": "REGULAR", **times}


def _contents(project: DbtProject) -> dict[str, list[str]]:
    return {table: sorted(map(str, project.rows(f"table {table}"))) for table in _TABLES}


def _build(project: DbtProject, *arguments: str) -> dict[str, list[str]]:
    no_tests = ("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test")
    project.dbt("build", *no_tests, *arguments, "--select", *_BUILT, as_of="2026-04-30")
    return _contents(project)


def test_line_that_loses_its_namesake_of_another_month_is_rebuilt_with_its_entries(dbt_project: DbtProject) -> None:
    january, march = _projects_that_share_digits()
    entries = [
        _entry("e1", january, "2026-01-15"),
        _entry("e2", march, "2026-03-16"),
        _entry("e3", march, "2026-04-15"),
    ]
    dbt_project.load(
        {
            "reference.agency": [{"legal_name": "Agency", "currency": "EUR", "timezone": "UTC", "calendar": "default"}],
            "reference.client_terms": [{"client": "Acme", "billing_model": "hourly", "currency": "EUR", "tax_rate": 0}],
            "reference.project_terms": [
                {"project": name, "client": "Acme", "hourly_rate": 80} for name in ("January", "March")
            ],
            "clockify.users": [{"id": "u1", "email": "ada@example.com", "status": "ACTIVE", "timezone": "UTC"}],
            "clockify.clients": [{"id": "client00", "name": "Acme"}],
            "clockify.projects": [
                {"id": january, "client_id": "client00", "name": "January"},
                {"id": march, "client_id": "client00", "name": "March"},
            ],
            "clockify.time_entries": entries,
        }
    )
    both = _build(dbt_project)
    lengths = "select invoice_month, length(id) as length from building.invoice_prefill_lines order by 1"
    assert [row["length"] for row in dbt_project.rows(lengths)] == [12, 20, 12]

    # January's entry goes; of March nothing changes but the identifier.
    dbt_project.load({"clockify.time_entries": entries[1:]})
    alone = _build(dbt_project)
    assert [row["length"] for row in dbt_project.rows(lengths)] == [12, 12]
    kept = "select count(*) from intermediate.int_billing__changed_months where not is_changed"
    assert dbt_project.value(kept) > 0
    assert alone == _build(dbt_project, "--full-refresh")

    dbt_project.load({"clockify.time_entries": entries})
    assert _build(dbt_project) == both
