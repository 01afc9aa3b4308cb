"""Expectations of the raw tables of the ClickHouse mirror."""

from typing import Final

from assets.suites.rules import (
    ATLASSIAN_ACCOUNT,
    CURRENCY,
    EMAIL,
    ISSUE_KEY,
    Suite,
    between,
    filled,
    matches,
    not_below,
    one_of,
    plausible_time,
)
from sources.clickhouse import schema

_MOST_SECONDS: Final = 7 * 86_400
_MOST_AMOUNT: Final = 10_000_000

SUITE: Final = Suite(
    "clickhouse",
    {
        schema.WORKLOGS: (
            matches("issue_key", ISSUE_KEY),
            matches("account_id", ATLASSIAN_ACCOUNT),
            between("duration_seconds", 0, severity="critical"),
            between("duration_seconds", None, _MOST_SECONDS),
            *plausible_time("start_date", "deleted_at"),
        ),
        schema.ISSUES: (matches("issue_key", ISSUE_KEY), *plausible_time("deleted_at")),
        schema.APPLICATIONS: (
            one_of("application_type", ("SUP", "TM", "FIX"), mostly=1, severity="critical"),
            filled("customer_id", severity="warning"),
            matches("currency", CURRENCY),
            *(
                between(column, 0, _MOST_AMOUNT)
                for column in ("hourly_rate", "base_amount", "overtime_rate", "monitoring_amount")
            ),
            between("monthly_limit_hours", 0, 10_000),
            between("min_billable_seconds", 0, 86_400),
            not_below("end_date", "start_date"),
            *plausible_time("start_date", "deleted_at"),
        ),
        schema.CUSTOMERS: (
            filled("company_name", severity="warning"),
            matches("swift", r"^[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?$", severity="warning"),
            *plausible_time("deleted_at"),
        ),
        schema.CONTACTS: (
            filled("customer_id", severity="warning"),
            matches("email", EMAIL, severity="warning"),
            *plausible_time("deleted_at"),
        ),
    },
)
