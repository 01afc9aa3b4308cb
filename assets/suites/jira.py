"""Expectations of Jira's raw tables, for Cloud and Data Center."""

from typing import Final

from assets.suites.rules import (
    ATLASSIAN_ACCOUNT,
    DIGITS,
    EMAIL,
    ISSUE_KEY,
    PROJECT_KEY,
    TIME_ZONE,
    Suite,
    between,
    filled,
    matches,
    not_below,
    one_of,
    plausible_time,
)
from sources.jira import schema

# Ten years of one person.
_MOST_SECONDS: Final = 10 * 366 * 86_400

SUITE: Final = Suite(
    "jira",
    {
        schema.ISSUES: (
            *(matches(column, DIGITS) for column in ("id", "project_id", "status_id", "issue_type_id", "parent_id")),
            *(matches(column, ISSUE_KEY) for column in ("key", "parent_key")),
            matches("project_key", PROJECT_KEY),
            *(matches(column, ATLASSIAN_ACCOUNT) for column in ("assignee_id", "reporter_id", "creator_id")),
            *(filled(column, mostly=0.99) for column in ("project_id", "status", "issue_type", "created_at")),
            one_of("status_category", ("new", "indeterminate", "done", "undefined"), severity="critical"),
            between("story_points", 0, 1_000),
            between("original_estimate_seconds", 0, _MOST_SECONDS),
            between("time_spent_seconds", 0, _MOST_SECONDS),
            not_below("updated_at", "created_at", mostly=0.99),
            *plausible_time("created_at", "updated_at", "resolved_at"),
            # Planned dates may be far in the future.
            *plausible_time("due_date", mostly=0.95),
        ),
        schema.ISSUE_DELETIONS: (
            matches("id", DIGITS),
            matches("key", ISSUE_KEY),
            one_of("state", ("deleted", "archived", "not_visible", "visible"), mostly=1, severity="critical"),
            *plausible_time("deleted_at", "found_at"),
        ),
        schema.TRANSITIONS: (
            matches("id", DIGITS),
            matches("issue_id", DIGITS),
            matches("author_id", ATLASSIAN_ACCOUNT),
            filled("items"),
            *plausible_time("created_at"),
        ),
        schema.FIELDS: (
            matches("id", r"^[A-Za-z][A-Za-z0-9_:.-]*$"),
            filled("is_custom"),
            *plausible_time("deleted_at"),
        ),
        schema.PROJECTS: (
            matches("id", DIGITS),
            matches("key", PROJECT_KEY),
            matches("lead_id", ATLASSIAN_ACCOUNT),
            one_of("project_type", ("software", "service_desk", "business", "product_discovery")),
            one_of("style", ("classic", "next-gen")),
            one_of("state", ("live", "archived", "deleted", "not_visible"), mostly=1, severity="critical"),
            *plausible_time("deleted_at"),
        ),
        schema.USERS: (
            matches("account_id", ATLASSIAN_ACCOUNT),
            one_of("account_type", ("atlassian", "app", "customer", "unknown")),
            matches("email", EMAIL),
            matches("timezone", TIME_ZONE, severity="warning"),
            *plausible_time("deleted_at"),
        ),
    },
)
