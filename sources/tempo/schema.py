"""The raw tables of Tempo: names, keys and typed columns; and the SPEC."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sources.kit.spec import SourceSpec
from sources.kit.table import NOT_VISIBLE_SINCE, QUARANTINE, Column, Table

IS_DELETED = Column("is_deleted", "boolean", "Whether Tempo no longer has the object.")
DELETED_AT = Column("deleted_at", "timestamp", "When it was deleted (audit log) or first missed (start of the run).")

WORKLOGS = Table(
    name="worklogs",
    description="One Tempo worklog: time that a person logged on a Jira issue.",
    key=("id",),
    columns=(
        Column("id", "bigint", "Tempo's worklog id; beyond 32 bits.", path="tempoWorklogId"),
        Column("issue_id", "bigint", "Jira's issue id as a number; Tempo may leave it out.", path="issue.id"),
        Column("author_id", "text", "Jira account id of the person who worked.", path="author.accountId"),
        Column("start_date", "date", "The day worked, on the site's calendar.", path="startDate", required=True),
        Column("start_time", "text", "Local time of day HH:MM:SS, without a zone.", path="startTime"),
        Column("started_at", "timestamp", "The start in UTC, where Tempo says it.", path="startDateTimeUtc"),
        Column("duration_seconds", "bigint", "Time spent, seconds.", path="timeSpentSeconds", required=True),
        Column(
            "billable_seconds", "bigint", "Billable time, seconds; null where Tempo is silent.", path="billableSeconds"
        ),
        Column("description", "text", "What the person wrote."),
        Column("attributes", "json", "Work attributes: a list of key and value.", path="attributes.values"),
        Column("created_at", "timestamp", "When the worklog was created, UTC.", path="createdAt"),
        Column(
            "updated_at",
            "timestamp",
            "When it last changed, UTC; may lie a second before created_at.",
            path="updatedAt",
            required=True,
        ),
    ),
)

WORKLOG_DELETIONS = Table(
    name="worklog_deletions",
    description="One worklog that is gone: by the audit log, or missed by a full read and unknown to Tempo by its id.",
    key=("id",),
    keeps_record=False,
    unseen="reason = 'not_visible'",
    columns=(
        Column("id", "bigint", "Tempo's worklog id."),
        Column(
            "reason",
            "text",
            "audit_log, not_found (no audit log covers it), not_visible (missed, but not deleted by the audit log), "
            "restored (it came back).",
            required=True,
        ),
        Column("deleted_by", "text", "Jira account id of who deleted it, from the audit log."),
        IS_DELETED,
        DELETED_AT,
        Column("found_at", "timestamp", "Start of the run that found this state, UTC.", required=True),
    ),
)

ACCOUNTS = Table(
    name="accounts",
    description="One Tempo account: what time may be booked on, open, closed or archived.",
    key=("id",),
    columns=(
        Column("id", "bigint", "Tempo's account id."),
        Column("key", "text", "The account's key, as work attributes name it.", required=True),
        Column("name", "text", "The account's name."),
        Column("status", "text", "OPEN, CLOSED or ARCHIVED."),
        Column("is_global", "boolean", "Whether every project may book on it.", path="global"),
        Column("lead_id", "text", "Jira account id of the lead.", path="lead.accountId"),
        Column("customer_key", "text", "Key of the customer.", path="customer.key"),
        Column("customer_name", "text", "Name of the customer.", path="customer.name"),
        Column("category_key", "text", "Key of the category.", path="category.key"),
        Column("category_type", "text", "Type of the category, such as BILLABLE.", path="category.type.name"),
        Column("monthly_budget", "bigint", "Budgeted hours a month.", path="monthlyBudget"),
        IS_DELETED,
        DELETED_AT,
        NOT_VISIBLE_SINCE,
    ),
)

TABLES: tuple[Table, ...] = (WORKLOGS, WORKLOG_DELETIONS, ACCOUNTS)

SPEC: Final = SourceSpec(
    name="tempo",
    title="Tempo",
    tables=(*TABLES, QUARANTINE),
    owner="team:delivery",
    cron="*/15 * * * *",
    fresh_within=timedelta(hours=1),
    required_settings=("api_token",),
    optional_settings=("base_url",),
    probe="accounts",
    sandbox_settings={
        "base_url": "{url}/tempo",
        "api_token": "sandbox-tempo-token",
    },
    is_vendor=True,
    age_tables=("accounts", "worklogs"),
)
