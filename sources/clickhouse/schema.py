"""The raw tables of the ClickHouse mirror, how each is found there, and the SPEC.

Columns are the worklog seed's (`tempo.worklogs_flat`, `jira.jira_issues`) and the pipeline's (`cdm.*`). Whatever
else a mirror table holds stays in `record`.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sources.kit.spec import SourceSpec
from sources.kit.table import NOT_VISIBLE_SINCE, QUARANTINE, Column, Table

_DELETION: Final = (
    Column("is_deleted", "boolean", "The mirror no longer has it, or says itself that it is deleted.", required=True),
    Column("deleted_at", "timestamp", "When it was found missing or marked; UTC."),
)

WORKLOGS: Final = Table(
    "tempo_worklogs_flat",
    "Worklogs of Tempo as n8n mirrors them (tempo.worklogs_flat).",
    ("row_id",),
    (
        Column(
            "row_id",
            "text",
            "The mirror's worklog id; else a hash of the row's columns and its ordinal.",
            required=True,
        ),
        Column("worklog_id", "text", "Tempo's worklog id, where the mirror has it."),
        Column("duration_seconds", "bigint", "Time logged, seconds.", required=True),
        Column("account_id", "text", "Jira account id of the person."),
        Column("user_name", "text", "Display name of the person."),
        Column("start_date", "date", "Day of the work.", required=True),
        Column("project_label", "text", "Project label, which an application names."),
        Column("issue_key", "text", "Jira issue key."),
        Column("ordinal", "bigint", "1, counted on among rows that are equal in person, day, issue, label, seconds."),
        *_DELETION,
    ),
)

ISSUES: Final = Table(
    "jira_issues",
    "Jira issues as n8n mirrors them (jira.jira_issues).",
    ("issue_key",),
    (
        Column("issue_key", "text", "Jira issue key.", required=True),
        Column("issue_type", "text", "Bug, Task, Story, Incident and so on."),
        Column("priority", "text", "P1 to P5, or as Jira names it."),
        Column("project_label", "text", "Project label."),
        Column("summary", "text", "Title of the issue."),
        *_DELETION,
    ),
)

APPLICATIONS: Final = Table(
    "cdm_applications",
    "Deals with clients: amounts, rates, limits (cdm.jira_applications).",
    ("application_id",),
    (
        Column("application_id", "text", "Id of the application.", required=True),
        Column("customer_id", "text", "Customer that it was agreed with."),
        Column("name", "text", "Name."),
        Column("application_type", "text", "SUP (support), TM (time and material) or FIX (fixed price)."),
        Column("labels", "json", "Project labels that it bills."),
        Column("currency", "text", "Currency of its amounts."),
        Column("hourly_rate", "numeric", "Rate per hour (TM)."),
        Column("base_amount", "numeric", "Amount per month (SUP, FIX)."),
        Column("monthly_limit_hours", "numeric", "Hours per month that the base amount covers (SUP)."),
        Column("overtime_rate", "numeric", "Rate per hour beyond the limit (SUP)."),
        Column("monitoring_amount", "numeric", "Amount per month for monitoring (SUP)."),
        Column("min_billable_seconds", "bigint", "Least seconds billed for a worklog."),
        Column("calendar", "text", "Business calendar; empty: the agency's."),
        Column("start_date", "date", "First day."),
        Column("end_date", "date", "Last day; empty: open."),
        *_DELETION,
        NOT_VISIBLE_SINCE,
    ),
)

CUSTOMERS: Final = Table(
    "cdm_customers",
    "Companies that applications are agreed with (cdm.jira_customers).",
    ("customer_id",),
    (
        Column("customer_id", "text", "Id of the customer.", required=True),
        Column("company_name", "text", "Name of the company."),
        Column("tin", "text", "Tax identification number."),
        Column("swift", "text", "SWIFT code."),
        Column("signers", "text", "Who signs for the company."),
        Column("client", "text", "The client that it is: Clockify's id, ours, or its name."),
        *_DELETION,
        NOT_VISIBLE_SINCE,
    ),
)

CONTACTS: Final = Table(
    "cdm_contacts",
    "Contact persons of customers (cdm.jira_contacts).",
    ("contact_id",),
    (
        Column("contact_id", "text", "Id of the contact.", required=True),
        Column("customer_id", "text", "Customer of the contact."),
        Column("name", "text", "Name of the person."),
        Column("email", "text", "E-mail address."),
        Column("phone", "text", "Telephone number."),
        Column("is_billing", "boolean", "Gets the bills."),
        *_DELETION,
        NOT_VISIBLE_SINCE,
    ),
)


@dataclass(frozen=True)
class Mirror:
    """Where a raw table comes from: database and table in ClickHouse, and the window that a row belongs to.

    `window` is SQL over the mirror's columns whose text names the window; `window_of` is the same over the raw table
    in Postgres, empty where the whole table is one window. `is_record` says that nothing but the mirror records its
    rows, so that what it lacks is deleted; of the others the contract pipeline is the record.
    """

    table: Table
    database: str
    name: str
    window: str
    window_of: str
    is_record: bool

    @property
    def place(self) -> str:
        """The table's name for a reader."""
        return f"{self.database}.{self.name}"


MIRRORS: Final = (
    # Days: late rows and edits touch few of them.
    Mirror(WORKLOGS, "tempo", "worklogs_flat", "toString(toDate(start_date))", "start_date::text", is_record=True),
    # Two hex digits of a hash that both engines know: 256 windows of about equal size.
    Mirror(
        ISSUES,
        "jira",
        "jira_issues",
        "lower(substring(hex(MD5(toString(issue_key))), 1, 2))",
        "substring(md5(issue_key), 1, 2)",
        is_record=True,
    ),
    Mirror(APPLICATIONS, "cdm", "jira_applications", "'all'", "", is_record=False),
    Mirror(CUSTOMERS, "cdm", "jira_customers", "'all'", "", is_record=False),
    Mirror(CONTACTS, "cdm", "jira_contacts", "'all'", "", is_record=False),
)

TABLES: Final = tuple(mirror.table for mirror in MIRRORS)

SPEC: Final = SourceSpec(
    name="clickhouse",
    title="ClickHouse mirror",
    tables=(*TABLES, QUARANTINE),
    owner="team:delivery",
    cron="*/15 * * * *",
    fresh_within=timedelta(hours=1),
    required_settings=("dsn",),
    optional_settings=("timeout_seconds",),
    supplied_settings={"dsn": "set CLICKHOUSE_DSN"},
    is_vendor=True,
    age_tables=("cdm_applications", "jira_issues", "tempo_worklogs_flat"),
)
