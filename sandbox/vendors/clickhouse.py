"""The ClickHouse mirror of the agency; `sandbox.mirror` fills an engine with it. It has no HTTP.

Columns are those of the worklog seed (docs/rules.md) and of the mirror's contract pipeline.
Worklogs have no id, as in the seed; a dataset may add `worklog_id` and `version`, which the source then uses.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from sandbox.agency import Agency, Application, Project, Ticket, Worklog

COLLECTIONS = {
    "tempo.worklogs_flat": "account_id+start_date+issue_key+project_label+duration_seconds",
    "jira.jira_issues": "issue_key",
    "cdm.jira_applications": "application_id",
    "cdm.jira_customers": "customer_id",
    "cdm.jira_contacts": "contact_id",
}

_PRIORITIES = {"Highest": "P1", "High": "P2", "Medium": "P3", "Low": "P4", "Lowest": "P5"}
_MIN_BILLABLE_SECONDS = 1800


def export(agency: Agency) -> dict[str, Iterable[dict[str, Any]]]:
    """Return the agency's mirror: worklogs and issues as flattened by n8n, deals as in the contract pipeline."""
    labels = {application.project: application.labels[0] for application in agency.applications}
    customers = sorted({application.client for application in agency.applications})
    return {
        "tempo.worklogs_flat": (_worklog(worklog, labels) for worklog in agency.worklogs),
        "jira.jira_issues": (_issue(ticket, labels) for ticket in agency.tickets),
        "cdm.jira_applications": [_application(agency, application) for application in agency.applications],
        "cdm.jira_customers": [_customer(agency, key) for key in customers],
        "cdm.jira_contacts": [
            {
                "contact_id": str(700 + 2 * agency.client(key).number + turn),
                "customer_id": _customer_id(agency, key),
                "name": f"{name} Example{agency.client(key).number}",
                "email": f"{name.lower()}@{key}.example",
                "phone": "",
                "is_billing": turn == 0,
            }
            for key in customers
            for turn, name in enumerate(("Robin", "Sascha"))
        ],
    }


def _label(project: Project, labels: dict[str, str]) -> str:
    return labels.get(project.key) or next(iter(project.labels), project.name.replace(" ", "-"))


def _worklog(worklog: Worklog, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "duration_seconds": worklog.seconds,
        "account_id": worklog.developer.jira_account_id,
        "user_name": worklog.developer.name,
        "start_date": worklog.local_start.date().isoformat(),
        "project_label": _label(worklog.ticket.project, labels),
        "issue_key": worklog.ticket.key,
    }


def _issue(ticket: Ticket, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "issue_key": ticket.key,
        "issue_type": ticket.kind,
        "priority": _PRIORITIES[ticket.priority],
        "project_label": _label(ticket.project, labels),
        "summary": ticket.summary,
    }


def _application(agency: Agency, application: Application) -> dict[str, Any]:
    return {
        "application_id": application.application_id,
        "customer_id": _customer_id(agency, application.client),
        "name": application.name,
        "application_type": application.application_type,
        "labels": list(application.labels),
        "currency": application.currency,
        "hourly_rate": _amount(application.hourly_rate_cents),
        "base_amount": _amount(application.base_amount_cents),
        "monthly_limit_hours": application.monthly_limit_hours,
        "overtime_rate": _amount(application.overtime_rate_cents),
        "monitoring_amount": _amount(application.monitoring_amount_cents),
        "min_billable_seconds": _MIN_BILLABLE_SECONDS,
        "calendar": application.calendar,
        "start_date": application.start_date.isoformat(),
        "end_date": _day(application.end_date),
    }


def _customer(agency: Agency, key: str) -> dict[str, Any]:
    client = agency.client(key)
    return {
        "customer_id": _customer_id(agency, key),
        "company_name": client.company_name,
        "tin": f"30{client.number:07}",
        "swift": f"EXMPDE{client.number % 100:02}",
        "signers": "Robin Example",
        "client": client.name,
    }


def _customer_id(agency: Agency, key: str) -> str:
    return str(900 + agency.client(key).number)


def _amount(cents: int | None) -> str | None:
    return None if cents is None else f"{cents // 100}.{cents % 100:02}"


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
