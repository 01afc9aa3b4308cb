"""Expectations of Clockify's raw tables (from its OpenAPI document and from responses of its API)."""

from typing import Final

from assets.suites.rules import (
    CURRENCY,
    EMAIL,
    TIME_ZONE,
    Rule,
    Suite,
    between,
    matches,
    not_below,
    one_of,
    plausible_time,
)
from sources.clockify import schema

# MongoDB's object ids.
_ID: Final = r"^[0-9a-f]{24}$"
# Imported entries may have fractions of a second and days; a sign was never seen.
_DURATION: Final = r"^P(?=.)([0-9]+D)?(T(?=[0-9])([0-9]+H)?([0-9]+M)?([0-9]+([.][0-9]+)?S)?)?$"
# Minor units: no agency charges 10,000 an hour.
_MOST_RATE: Final = 1_000_000
_STATES: Final = (
    "ACTIVE",
    "INACTIVE",
    "PENDING_EMAIL_VERIFICATION",
    "DELETED",
    "NOT_REGISTERED",
    "LIMITED",
    "LIMITED_DELETED",
    "DECLINED",
    "PENDING",
)


def _ids(*columns: str) -> tuple[Rule, ...]:
    # Ids of a dataset written by hand may have any form (docs/sandbox_dataset.md), and nothing depends on it.
    return tuple(matches(column, _ID, severity="warning") for column in columns)


SUITE: Final = Suite(
    "clockify",
    {
        schema.WORKSPACES: (
            *_ids("id"),
            # A workspace may invent currencies.
            matches("currency_code", CURRENCY, severity="warning"),
            matches("hourly_rate_currency", CURRENCY, severity="warning"),
            between("hourly_rate_amount", 0, _MOST_RATE),
        ),
        schema.USERS: (
            *_ids("id", "workspace_id"),
            matches("email", EMAIL),
            one_of("status", _STATES),
            matches("timezone", TIME_ZONE, severity="warning"),
            *plausible_time("deleted_at"),
        ),
        schema.CLIENTS: (
            *_ids("id", "workspace_id"),
            matches("currency_code", CURRENCY, severity="warning"),
            *plausible_time("deleted_at"),
        ),
        schema.PROJECTS: (
            *_ids("id", "workspace_id", "client_id"),
            matches("hourly_rate_currency", CURRENCY, severity="warning"),
            between("hourly_rate_amount", 0, _MOST_RATE),
            *plausible_time("deleted_at"),
        ),
        schema.TAGS: (*_ids("id", "workspace_id"), *plausible_time("deleted_at")),
        schema.TIME_ENTRIES: (
            *_ids("id", "workspace_id", "user_id", "project_id", "task_id"),
            matches("duration", _DURATION),
            not_below("end_time", "start_time"),
            one_of("type", ("REGULAR", "BREAK", "HOLIDAY", "TIME_OFF")),
            *plausible_time("start_time", "end_time", "deleted_at"),
        ),
    },
)
