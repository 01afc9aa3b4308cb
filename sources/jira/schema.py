"""The raw tables of Jira: names, keys and typed columns; and the SPEC.

Paths follow Jira Cloud's REST v3; `tables_for` adapts those of people to Data Center, which has no `accountId`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from sources.kit.spec import SourceSpec
from sources.kit.table import NOT_VISIBLE_SINCE, QUARANTINE, Column, Table

IS_DELETED = Column("is_deleted", "boolean", "Whether Jira no longer has the object, as far as can be told.")
DELETED_AT = Column("deleted_at", "timestamp", "When it was deleted (as Jira says) or first missed (start of the run).")

ISSUES = Table(
    name="issues",
    description="One Jira issue. A moved issue keeps its id and changes its key.",
    key=("id",),
    columns=(
        Column("id", "text", "Jira's issue id; it survives moves."),
        Column("key", "text", "The issue's present key, such as CON-76.", required=True),
        Column("project_id", "text", "Id of the present project.", path="fields.project.id"),
        Column("project_key", "text", "Key of the present project.", path="fields.project.key"),
        Column("summary", "text", "The issue's title.", path="fields.summary"),
        Column("description_text", "text", "The description as plain text, flattened from Jira's document format."),
        Column("status_id", "text", "Id of the status.", path="fields.status.id"),
        Column("status", "text", "Name of the status.", path="fields.status.name"),
        Column(
            "status_category",
            "text",
            "Key of the status category: new, indeterminate, done or undefined.",
            path="fields.status.statusCategory.key",
        ),
        Column("issue_type_id", "text", "Id of the issue type.", path="fields.issuetype.id"),
        Column("issue_type", "text", "Name of the issue type.", path="fields.issuetype.name"),
        Column("is_subtask", "boolean", "Whether the issue type is a sub-task.", path="fields.issuetype.subtask"),
        Column("priority", "text", "Name of the priority.", path="fields.priority.name"),
        Column("resolution", "text", "Name of the resolution.", path="fields.resolution.name"),
        Column("assignee_id", "text", "Account id of the assignee.", path="fields.assignee.accountId"),
        Column("reporter_id", "text", "Account id of the reporter.", path="fields.reporter.accountId"),
        Column("creator_id", "text", "Account id of the creator.", path="fields.creator.accountId"),
        Column("parent_id", "text", "Id of the parent issue (epic or task).", path="fields.parent.id"),
        Column("parent_key", "text", "Key of the parent; where Jira still keeps it apart, the epic link."),
        Column("labels", "json", "The issue's labels, a list of texts.", path="fields.labels"),
        Column("story_points", "numeric", "Story points: the first filled of the site's story-point fields."),
        Column("due_date", "date", "The due date.", path="fields.duedate"),
        Column(
            "original_estimate_seconds", "bigint", "The first estimate, seconds.", path="fields.timeoriginalestimate"
        ),
        Column("time_spent_seconds", "bigint", "Time logged on the issue itself, seconds.", path="fields.timespent"),
        Column("created_at", "timestamp", "When the issue was created, UTC.", path="fields.created"),
        Column("updated_at", "timestamp", "When the issue last changed, UTC.", path="fields.updated", required=True),
        Column("resolved_at", "timestamp", "When the issue was resolved, UTC.", path="fields.resolutiondate"),
    ),
)

ISSUE_DELETIONS = Table(
    name="issue_deletions",
    description="One issue that a census missed: deleted, in an archived project, or no longer visible to the account.",
    key=("id",),
    keeps_record=False,
    unseen="state = 'not_visible'",
    columns=(
        Column("id", "text", "Jira's issue id."),
        Column("key", "text", "The key as last landed."),
        Column("project_id", "text", "Id of the project as last landed."),
        Column(
            "state",
            "text",
            "deleted (gone from a project that the account can browse, or its project lies in the bin), archived (its "
            "project is archived), not_visible (the account can no longer browse its project), visible (it came back).",
            required=True,
        ),
        IS_DELETED,
        DELETED_AT,
        Column("found_at", "timestamp", "Start of the run that found this state, UTC.", required=True),
    ),
)

TRANSITIONS = Table(
    name="transitions",
    description="One entry of an issue's changelog: who changed which fields when, in one save.",
    key=("id",),
    columns=(
        Column("id", "text", "Jira's id of the changelog entry, unique in the site."),
        Column("issue_id", "text", "Jira's issue id.", path="issueId", required=True),
        Column("author_id", "text", "Account id of who made the change.", path="author.accountId"),
        Column("author_name", "text", "Name of who made the change.", path="author.displayName"),
        Column("created_at", "timestamp", "When the change was made, UTC.", required=True),
        Column("items", "json", "The changed fields: field, fieldId, from, fromString, to, toString."),
    ),
)

FIELDS = Table(
    name="fields",
    description="One field of Jira, built in or custom, as far as the account may see it.",
    key=("id",),
    columns=(
        Column("id", "text", "The field's id, such as customfield_10016."),
        Column("key", "text", "The field's key."),
        Column("name", "text", "The field's name.", required=True),
        Column("is_custom", "boolean", "Whether the field is a custom one.", path="custom"),
        Column("value_type", "text", "Type of its values.", path="schema.type"),
        Column("custom_type", "text", "Kind of a custom field.", path="schema.custom"),
        Column("is_story_points", "boolean", "Whether issues.story_points reads this field."),
        IS_DELETED,
        DELETED_AT,
        NOT_VISIBLE_SINCE,
    ),
)

PROJECTS = Table(
    name="projects",
    description="One Jira project, live, archived or in the bin.",
    key=("id",),
    unseen="state = 'not_visible'",
    columns=(
        Column("id", "text", "Jira's project id."),
        Column("key", "text", "The project's key, such as CON.", required=True),
        Column("name", "text", "The project's name."),
        Column("project_type", "text", "software, service_desk or business.", path="projectTypeKey"),
        Column("style", "text", "classic or next-gen.", path="style"),
        Column("category", "text", "Name of the project's category.", path="projectCategory.name"),
        Column("lead_id", "text", "Account id of the lead.", path="lead.accountId"),
        Column(
            "state",
            "text",
            "live, archived, deleted (in the bin) or not_visible (no longer listed for the account).",
            required=True,
        ),
        IS_DELETED,
        DELETED_AT,
        NOT_VISIBLE_SINCE,
    ),
)

USERS = Table(
    name="users",
    description="One account of the Jira site: person, app or customer. The e-mail is often hidden.",
    key=("account_id",),
    columns=(
        Column("account_id", "text", "The account's id (Data Center: the user's key).", path="accountId"),
        Column("account_type", "text", "atlassian, app, customer or unknown.", path="accountType"),
        Column("name", "text", "The name shown.", path="displayName"),
        Column("email", "text", "The e-mail, where the account shows it.", path="emailAddress"),
        Column("is_active", "boolean", "Whether the account is active.", path="active"),
        Column("timezone", "text", "The account's time zone, where shown.", path="timeZone"),
        IS_DELETED,
        DELETED_AT,
        NOT_VISIBLE_SINCE,
    ),
)

TABLES: tuple[Table, ...] = (ISSUES, ISSUE_DELETIONS, TRANSITIONS, FIELDS, PROJECTS, USERS)


def tables_for(deployment: str) -> dict[str, Table]:
    """The tables by name, with the paths of the given deployment, `cloud` or `data_center`.

    Data Center identifies people by `key`, which a rename keeps, where Cloud has `accountId`.
    """
    if deployment == "cloud":
        return {table.name: table for table in TABLES}
    return {table.name: replace(table, columns=tuple(map(_by_key, table.columns))) for table in TABLES}


def _by_key(column: Column) -> Column:
    if not column.path.endswith("accountId"):
        return column
    return replace(column, path=column.path.removesuffix("accountId") + "key")


SPEC: Final = SourceSpec(
    name="jira",
    title="Jira",
    tables=(*TABLES, QUARANTINE),
    owner="team:delivery",
    cron="*/15 * * * *",
    fresh_within=timedelta(hours=1),
    required_settings=("base_url", "api_token"),
    optional_settings=("email", "deployment"),
    probe="fields",
    sandbox_settings={
        "base_url": "{url}/jira",
        "email": "sandbox@example.com",
        "api_token": "sandbox-jira-token",
    },
    is_vendor=True,
    age_tables=("issues", "projects", "transitions"),
)
