"""Expectations of Tempo's raw tables (from its OpenAPI document, version 4)."""

from typing import Final

from assets.suites.rules import (
    ATLASSIAN_ACCOUNT,
    TIME_OF_DAY,
    Suite,
    between,
    filled,
    matches,
    not_below,
    one_of,
    plausible_time,
)
from sources.tempo import schema

# A worklog is for one day; absences are logged for several at once.
_MOST_SECONDS: Final = 7 * 86_400

SUITE: Final = Suite(
    "tempo",
    {
        schema.WORKLOGS: (
            between("id", 1, severity="critical"),
            between("issue_id", 1, severity="critical"),
            matches("author_id", ATLASSIAN_ACCOUNT),
            filled("author_id", mostly=0.99),
            matches("start_time", TIME_OF_DAY),
            between("duration_seconds", 0, severity="critical"),
            between("duration_seconds", None, _MOST_SECONDS),
            between("billable_seconds", 0, severity="critical"),
            between("billable_seconds", None, _MOST_SECONDS),
            # A bulk import sets both times, and may set them in this order.
            not_below("updated_at", "created_at", mostly=0.9),
            *plausible_time("start_date", "started_at", "created_at", "updated_at"),
        ),
        schema.WORKLOG_DELETIONS: (
            between("id", 1, severity="critical"),
            one_of("reason", ("audit_log", "not_found", "not_visible", "restored"), mostly=1, severity="critical"),
            matches("deleted_by", ATLASSIAN_ACCOUNT),
            *plausible_time("deleted_at", "found_at"),
        ),
        schema.ACCOUNTS: (
            between("id", 1, severity="critical"),
            matches("key", r"^\S+$", severity="warning"),
            one_of("status", ("OPEN", "CLOSED", "ARCHIVED"), severity="critical"),
            matches("lead_id", ATLASSIAN_ACCOUNT),
            one_of("category_type", ("BILLABLE", "INTERNAL", "OPERATIONAL", "CAPITALIZED")),
            between("monthly_budget", 0, 100_000),
            *plausible_time("deleted_at"),
        ),
    },
)
