"""The raw tables of Clockify: names, columns and keys; and the SPEC.

Paths follow the vendor's OpenAPI document (vendors 1.3). Rates are integers in minor units. The vendor
forgets deleted rows, the warehouse marks them: `is_deleted` and `deleted_at`, or `not_visible_since` where Clockify,
asked for the object, does not say that it is gone. Clockify never says so of a workspace.
"""

from datetime import timedelta
from typing import Final

from sources.kit.spec import SourceSpec
from sources.kit.table import NOT_VISIBLE_SINCE, QUARANTINE, Column, Table

_ID: Final = Column("id", "text", "Clockify's id.", required=True)
_WORKSPACE_ID: Final = Column("workspace_id", "text", "Workspace that the row was read from.", required=True)
_DELETION: Final = (
    Column("is_deleted", "boolean", "Whether Clockify no longer has it.", required=True),
    Column("deleted_at", "timestamp", "When it was deleted, or found missing where the vendor does not say; UTC."),
    NOT_VISIBLE_SINCE,
)

WORKSPACES: Final = Table(
    "workspaces",
    "Workspaces that the API key can read.",
    ("id",),
    (
        _ID,
        Column("name", "text", "Name."),
        Column("currency_code", "text", "Code of the default currency."),
        Column("hourly_rate_amount", "bigint", "Default hourly rate, minor units.", path="hourlyRate.amount"),
        Column("hourly_rate_currency", "text", "Currency of the default hourly rate.", path="hourlyRate.currency"),
        Column("is_deleted", "boolean", "Called gone by the user; Clockify itself says so of no workspace."),
        _DELETION[1],
        NOT_VISIBLE_SINCE,
    ),
)

USERS: Final = Table(
    "users",
    "Members of a workspace, inactive and pending ones included.",
    ("workspace_id", "id"),
    (
        _ID,
        _WORKSPACE_ID,
        Column("email", "text", "E-mail address of the account."),
        Column("name", "text", "Display name; the vendor may send none."),
        Column("status", "text", "State of the account, for instance ACTIVE or INACTIVE."),
        Column("timezone", "text", "Time zone of the account's settings (IANA name).", path="settings.timeZone"),
        *_DELETION,
    ),
)

CLIENTS: Final = Table(
    "clients",
    "Clients, archived ones included.",
    ("id",),
    (
        _ID,
        _WORKSPACE_ID,
        Column("name", "text", "Name."),
        Column("email", "text", "E-mail address."),
        Column("archived", "boolean", "Archived in Clockify."),
        Column("currency_code", "text", "Code of the client's currency.", path="currencyCode"),
        *_DELETION,
    ),
    identity=("workspace_id",),
)

PROJECTS: Final = Table(
    "projects",
    "Projects, archived ones included; hourly_rate_amount is in minor units of hourly_rate_currency.",
    ("id",),
    (
        _ID,
        _WORKSPACE_ID,
        Column("client_id", "text", "Client of the project; empty without one.", path="clientId"),
        Column("name", "text", "Name."),
        Column("archived", "boolean", "Archived in Clockify."),
        Column("billable", "boolean", "Entries on it are billable by default."),
        Column("hourly_rate_amount", "bigint", "Hourly rate, minor units.", path="hourlyRate.amount"),
        Column("hourly_rate_currency", "text", "Currency of the hourly rate.", path="hourlyRate.currency"),
        *_DELETION,
    ),
    identity=("workspace_id",),
)

TAGS: Final = Table(
    "tags",
    "Tags of time entries, archived ones included.",
    ("id",),
    (
        _ID,
        _WORKSPACE_ID,
        Column("name", "text", "Name."),
        Column("archived", "boolean", "Archived in Clockify."),
        *_DELETION,
    ),
    identity=("workspace_id",),
)

TIME_ENTRIES: Final = Table(
    "time_entries",
    "Time entries, running timers (no end) included; duration is ISO-8601.",
    ("id",),
    (
        _ID,
        _WORKSPACE_ID,
        Column("user_id", "text", "User whose time it is.", path="userId", required=True),
        Column("project_id", "text", "Project; empty without one.", path="projectId"),
        Column("task_id", "text", "Task; empty without one.", path="taskId"),
        Column("description", "text", "What was done."),
        Column("billable", "boolean", "Clockify's billable flag."),
        Column("type", "text", "REGULAR, BREAK, HOLIDAY or TIME_OFF."),
        Column("is_locked", "boolean", "Locked by an approval or a lock date.", path="isLocked"),
        Column("start_time", "timestamp", "Start, UTC.", path="timeInterval.start", required=True),
        Column("end_time", "timestamp", "End, UTC; empty while the timer runs.", path="timeInterval.end"),
        Column("duration", "text", "ISO-8601 duration; empty while the timer runs.", path="timeInterval.duration"),
        Column("tag_ids", "json", "Ids of its tags.", path="tagIds"),
        *_DELETION,
    ),
    identity=("workspace_id",),
)

TABLES: Final = (WORKSPACES, USERS, CLIENTS, PROJECTS, TAGS, TIME_ENTRIES)

SPEC: Final = SourceSpec(
    name="clockify",
    title="Clockify",
    tables=(*TABLES, QUARANTINE),
    owner="team:delivery",
    cron="5 * * * *",
    fresh_within=timedelta(hours=3),
    required_settings=("api_key",),
    optional_settings=("base_url", "look_back_days", "sweep_days"),
    probe="workspaces",
    sandbox_settings={
        "base_url": "{url}/clockify/api/v1",
        "api_key": "sandbox-clockify-key",
    },
    is_vendor=True,
    age_tables=("clients", "projects", "time_entries", "users"),
)
