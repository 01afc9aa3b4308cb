"""Marts on data of a real agency's size: a full build with every data test, and a build of one more day.

    python -m benchmarks.warehouse_scale [--shape agency|work_logs] [--days 250] [--same]

`agency`: 25 developers × 12 months (60,000 entries, 50,000 worklogs, 500,000 answers, 20,000 bank rows), full build at
most 30 s, one more day at most 6 s. `work_logs`: 500 manual work logs a day for 3 years, at most 90 s and 8 s. The
baseline is a COPY of the same raw rows into empty tables of the same shape, in the same run on the same server; nothing
is asserted, except with `--same`: then the marts after a full refresh must equal those of the incremental builds, row
for row.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from assets.raw import create_empty
from benchmarks.cpu import server_seconds
from orchestration.graph.resources import LoggingListener, Places, SourceLanding, WarehouseTransformer
from orchestration.settings import Settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.dbt import prepare_manifest
from orchestration.warehouse.opening import embedded_server
from sources.catalog import SOURCES

DEVELOPERS: Final = 25
CLIENTS: Final = 15
PROJECTS: Final = 40
# Rows of a working day; 250 of them are a year of the agency.
ENTRIES_A_DAY: Final = 240
WORKLOGS_A_DAY: Final = 200
SESSIONS_A_DAY: Final = 50
ANSWERS_A_SESSION: Final = 40
BANK_ROWS_A_DAY: Final = 80
COMMITS_A_DAY: Final = 40
PULL_REQUESTS_A_DAY: Final = 6
ISSUES_A_DAY: Final = 12
WORK_LOGS_A_DAY: Final = 500

# Day 0 is a Monday; only weekdays are worked.
_DAY = "(date '{first_day}' + (day / 5) * 7 + day % 5)"
_DEVELOPER = "(number % 25 + 1)"
_PROJECT = "((number * 7 + day) % 40 + 1)"

Columns = dict[str, str]

_FILLERS: Final = {
    "bigint": "row_number() over ()",
    "boolean": "false",
    "character varying": "gen_random_uuid()::text",
    "jsonb": "'{}'::jsonb",
    "text": "gen_random_uuid()::text",
    "timestamp with time zone": "current_timestamp",
}

# Rows that do not depend on the day: table, its columns as SQL over `number`, how many rows.
_BASIS: Final[Mapping[str, tuple[int, Columns]]] = {
    "reference.agency": (
        1,
        {"legal_name": "'Agency'", "currency": "'USD'", "timezone": "'Europe/Berlin'", "row_key": "'agency'"},
    ),
    "reference.developers": (
        DEVELOPERS,
        {
            "email": "'d' || number || '@agency.example'",
            "name": "'Developer ' || number",
            "clockify_id": "'u' || number",
            "github_username": "'login' || number",
            "jira_account_id": "'j' || number",
            "timezone": "(array['Europe/Berlin', 'America/New_York', 'Asia/Tashkent'])[number % 3 + 1]",
            "status": "'active'",
            "row_key": "'d' || number || '@agency.example'",
        },
    ),
    "reference.developer_costs": (
        DEVELOPERS,
        {
            "email": "'d' || number || '@agency.example'",
            "monthly_cost": "4000 + number * 100",
            "currency": "'USD'",
            "row_key": "'d' || number || '@agency.example'",
        },
    ),
    "reference.clients": (
        CLIENTS,
        {
            "client": "'Client ' || number",
            "company_name": "'Client ' || number",
            "status": "'active'",
            "payment_terms": "'net30'",
            "row_key": "'client ' || number",
        },
    ),
    "reference.client_terms": (
        CLIENTS,
        {
            "client": "'Client ' || number",
            "billing_model": "case when number % 3 = 0 then 'retainer' else 'hourly' end",
            "retainer_amount": "case when number % 3 = 0 then 9000 end",
            "currency": "'USD'",
            "tax_rate": "0.1",
            "row_key": "'client ' || number",
        },
    ),
    "reference.contracts": (
        8,
        {
            "client": "'Client ' || number",
            "contract_number": "'C-' || number",
            "name": "'Care'",
            "service_category": "'IT'",
            "type": "'monthly_retainer'",
            "start_date": "date '{first_day}' + number::integer",
            "auto_renew": "true",
            "monthly_hours": "100",
            "overage_rate": "120",
            "standard_rate": "80",
            "row_key": "'c-' || number",
        },
    ),
    "reference.service_types": (
        4,
        {"name": "'Service ' || number", "is_billable": "true", "is_active": "true", "row_key": "'service ' || number"},
    ),
    "reference.projects": (
        PROJECTS,
        {
            "project": "'Project ' || number",
            "status": "'active'",
            "jira_project_key": "'K' || number",
            "row_key": "'project ' || number",
        },
    ),
    "reference.project_terms": (
        PROJECTS,
        {
            "project": "'Project ' || number",
            "client": "'Client ' || (number % 15 + 1)",
            "hourly_rate": "90",
            "contract": "case when number % 15 < 8 and number % 2 = 0 then 'C-' || (number % 15 + 1) end",
            "row_key": "'project ' || number",
        },
    ),
    "reference.repo_mappings": (
        PROJECTS,
        {
            "repo": "'agency/app-' || number",
            "client": "'Client ' || (number % 15 + 1)",
            "project": "'Project ' || number",
            "path_globs": "'/work/app-' || number",
            "row_key": "'agency/app-' || number",
        },
    ),
    "reference.session_roots": (
        DEVELOPERS,
        {
            "path": "'/home/d' || number",
            "email": "'d' || number || '@agency.example'",
            "row_key": "'/home/d' || number",
        },
    ),
    "reference.accounts": (
        2,
        {
            "plaid_account_id": "'account-' || number",
            "label": "'Account ' || number",
            "scope": "(array['business', 'personal'])[number]",
            "account_type": "'checking'",
            "row_key": "'account-' || number",
        },
    ),
    "clockify.workspaces": (1, {"id": "'w'", "name": "'Agency'", "currency_code": "'USD'"}),
    "clockify.users": (
        DEVELOPERS,
        {
            "id": "'u' || number",
            "workspace_id": "'w'",
            "email": "'d' || number || '@agency.example'",
            "name": "'Developer ' || number",
            "status": "'ACTIVE'",
            "timezone": "'UTC'",
        },
    ),
    "clockify.clients": (
        CLIENTS,
        {"id": "md5('client' || number)", "workspace_id": "'w'", "name": "'Client ' || number"},
    ),
    "clockify.projects": (
        PROJECTS,
        {
            "id": "md5('project' || number)",
            "workspace_id": "'w'",
            "client_id": "md5('client' || (number % 15 + 1))",
            "name": "'Project ' || number",
            "hourly_rate_amount": "9000",
        },
    ),
    "jira.projects": (
        PROJECTS,
        {"id": "number::text", "key": "'K' || number", "name": "'Project ' || number", "state": "'live'"},
    ),
    "jira.users": (
        DEVELOPERS,
        {"account_id": "'j' || number", "account_type": "'atlassian'", "name": "'Developer ' || number"},
    ),
    "github.repositories": (
        PROJECTS,
        {
            "id": "number",
            "full_name": "'agency/app-' || number",
            "name": "'app-' || number",
            "owner_login": "'agency'",
            "is_fork": "false",
        },
    ),
    "plaid.items": (1, {"item_id": "'item'", "institution_name": "'Bank'", "update_number": "1"}),
    "plaid.accounts": (
        2,
        {
            "account_id": "'account-' || number",
            "item_id": "'item'",
            "mask": "(5808 + number)::text",
            "name": "'Checking'",
            "type": "'depository'",
            "subtype": "'checking'",
            "currency": "'USD'",
        },
    ),
    "claude_code.catalog_prices": (
        3,
        {
            "model": "'model-' || number",
            "valid_from": "timestamptz '1970-01-01 00:00+00'",
            "above_prompt_tokens": "0",
            "input": "number * 2",
            "output": "number * 10",
            "cache_write_5m": "number * 2.5",
            "cache_write_1h": "number * 4",
            "cache_read": "number * 0.2",
            "package_version": "'1'",
        },
    ),
}

_SESSION = "md5('session' || day || '|' || number)"
_SESSION_START = f"({_DAY} + time '08:00' + (number / 25) * interval '45 minutes') at time zone 'UTC'"
_PLACE: Final[Columns] = {
    "file_id": _SESSION,
    "generation": "0",
    "record_index": "0",
    "session_id": _SESSION,
}
_LINE: Final[Columns] = _PLACE | {
    "cwd": f"'/work/app-' || {_PROJECT} || '/src'",
    "git_branch": f"'feature/K' || {_PROJECT} || '-' || (number % 60 + 1)",
    "version": "'2.1.181'",
    "is_forked": "false",
}
# Answers come every 90 seconds; every second one spans two lines, each is followed by a tool's result.
_ANSWERED_AT = f"{_SESSION_START} + answer * interval '90 seconds'"

# Rows of one day: table, rows a day, further rows for each (`answer`, `part`), columns over `day` and `number`.
_AGENCY_DAY: Final[list[tuple[str, int, str, Columns]]] = [
    (
        "clockify.time_entries",
        ENTRIES_A_DAY,
        "",
        {
            "id": "lpad(to_hex(day), 8, '0') || lpad(to_hex(number), 16, '0')",
            "workspace_id": "'w'",
            "user_id": f"'u' || {_DEVELOPER}",
            "project_id": f"md5('project' || {_PROJECT})",
            "description": "'Work ' || number",
            "billable": "number % 9 > 0",
            "type": "'REGULAR'",
            "start_time": f"({_DAY} + time '06:00' + (number / 25) * interval '1 hour') at time zone 'UTC'",
            "end_time": f"({_DAY} + time '06:50' + (number / 25) * interval '1 hour') at time zone 'UTC'",
            "duration": "'PT50M'",
            "tag_ids": "'[]'::jsonb",
        },
    ),
    (
        "tempo.worklogs",
        WORKLOGS_A_DAY,
        "",
        {
            "id": f"day * {WORKLOGS_A_DAY} + number + 1",
            "issue_id": f"(day * {WORKLOGS_A_DAY} + number) % ((day + 1) * {ISSUES_A_DAY}) + 1",
            "author_id": f"'j' || {_DEVELOPER}",
            "start_date": _DAY,
            "start_time": "lpad((8 + number / 25)::text, 2, '0') || ':00:00'",
            "duration_seconds": "600 + (number % 12) * 300",
            "billable_seconds": "600 + (number % 12) * 300",
            "description": "'Worked on it'",
            "created_at": f"({_DAY} + time '18:00') at time zone 'UTC'",
            "updated_at": f"({_DAY} + time '18:00') at time zone 'UTC'",
        },
    ),
    (
        "claude_code.files",
        SESSIONS_A_DAY,
        "",
        {
            "file_id": _SESSION,
            "path": f"{_SESSION} || '.jsonl'",
            "root_path": f"'/home/d' || {_DEVELOPER}",
            "generation": "0",
            "read_offset": "1000000",
        },
    ),
    (
        "claude_code.messages",
        SESSIONS_A_DAY,
        f"generate_series(1, {ANSWERS_A_SESSION}) as answers (answer)"
        " cross join lateral generate_series(0, answer % 2) as parts (part)",
        _LINE
        | {
            "line_offset": "answer * 1000 + part * 100",
            "uuid": f"md5({_SESSION} || answer || part)",
            "message_id": f"'msg_' || md5({_SESSION} || answer)",
            "answered_at": f"{_ANSWERED_AT} + part * interval '1 second'",
            "model": "'model-' || (number % 3 + 1)",
            "input_tokens": "5",
            "output_tokens": "10 + part * 300",
            "cache_read_tokens": "60000 + answer * 700",
            "cache_creation_tokens": "1200",
            "cache_creation_1h_tokens": "200",
        },
    ),
    (
        "claude_code.events",
        SESSIONS_A_DAY,
        f"generate_series(1, {ANSWERS_A_SESSION}) as answers (answer)"
        " cross join lateral generate_series(0, answer % 2 + 1) as parts (part)",
        _LINE
        | {
            "line_offset": "answer * 1000 + part * 100",
            "uuid": f"md5({_SESSION} || answer || part)",
            "occurred_at": f"{_ANSWERED_AT} + part * interval '1 second'",
            "kind": "case when part <= answer % 2 then 'answer'"
            " when answer % 10 = 0 then 'prompt' else 'tool_result' end",
            "prompt_id": f"{_SESSION} || '-' || answer / 10",
        },
    ),
    (
        "claude_code.prompts",
        SESSIONS_A_DAY,
        f"generate_series(10, {ANSWERS_A_SESSION}, 10) as answers (answer)",
        {name: value for name, value in _LINE.items() if name != "version"}
        | {
            "line_offset": "answer * 1000 + 100",
            "uuid": f"md5({_SESSION} || answer || 1)",
            "prompt_id": f"{_SESSION} || '-' || answer / 10",
            "prompted_at": f"{_ANSWERED_AT} + interval '1 second'",
            "kind": "'text'",
            "has_image": "false",
            "ticket_keys": "'[]'::jsonb",
        },
    ),
    (
        "claude_code.tool_calls",
        SESSIONS_A_DAY,
        f"generate_series(1, {ANSWERS_A_SESSION}) as answers (answer)",
        _PLACE
        | {
            "line_offset": "answer * 1000 + answer % 2 * 100",
            "block_index": "0",
            "uuid": f"md5({_SESSION} || answer || answer % 2)",
            "message_id": f"'msg_' || md5({_SESSION} || answer)",
            "tool_use_id": f"'toolu_' || md5({_SESSION} || answer)",
            "tool_name": "(array['Bash', 'Read', 'Edit', 'Grep'])[answer % 4 + 1]",
            "called_at": _ANSWERED_AT,
        },
    ),
    (
        "claude_code.ticket_mentions",
        SESSIONS_A_DAY,
        "",
        _PLACE
        | {
            "line_offset": "1000",
            "ticket_key": f"'K' || {_PROJECT} || '-' || (number % 60 + 1)",
            "mentioned_at": _SESSION_START,
            "origin": "'branch'",
        },
    ),
    (
        "github.commits",
        COMMITS_A_DAY,
        "",
        {
            "sha": "md5('commit' || day || '|' || number) || '00000000'",
            "repository_id": _PROJECT,
            "message": f"'K' || {_PROJECT} || '-' || (number + 1) || ': work'",
            "authored_at": f"({_DAY} + time '09:00' + number * interval '9 minutes') at time zone 'UTC'",
            "committed_at": f"({_DAY} + time '09:00' + number * interval '9 minutes') at time zone 'UTC'",
            "author_name": f"'Developer ' || {_DEVELOPER}",
            "author_email": f"'d' || {_DEVELOPER} || '@agency.example'",
            "parent_count": "1",
            "is_reachable": "true",
        },
    ),
    (
        "github.pull_requests",
        PULL_REQUESTS_A_DAY,
        "",
        {
            "id": f"day * {PULL_REQUESTS_A_DAY} + number + 1",
            "repository_id": _PROJECT,
            "number": f"day * {PULL_REQUESTS_A_DAY} + number + 1",
            "title": "'Change ' || number",
            "state": "'MERGED'",
            "author_login": f"'login' || {_DEVELOPER}",
            "author_type": "'User'",
            "created_at": f"({_DAY} + time '09:00') at time zone 'UTC'",
            "merged_at": f"({_DAY} + time '15:00') at time zone 'UTC'",
            "additions": "100",
            "deletions": "20",
            "head_branch": f"'feature/K' || {_PROJECT} || '-' || (number + 1)",
            "reviews": "'[]'::jsonb",
        },
    ),
    (
        "jira.issues",
        ISSUES_A_DAY,
        "",
        {
            "id": f"(day * {ISSUES_A_DAY} + number + 1)::text",
            "key": f"'K' || (number % {PROJECTS} + 1) || '-' || (day + 1)",
            "project_key": f"'K' || (number % {PROJECTS} + 1)",
            "project_id": f"(number % {PROJECTS} + 1)::text",
            "summary": "'Issue'",
            "status": "'Done'",
            "status_category": "'Done'",
            "issue_type": "'Task'",
            "assignee_id": f"'j' || {_DEVELOPER}",
            "labels": "'[]'::jsonb",
            "created_at": f"({_DAY} + time '09:00') at time zone 'UTC'",
            "updated_at": f"({_DAY} + time '16:00') at time zone 'UTC'",
        },
    ),
    (
        "jira.transitions",
        ISSUES_A_DAY,
        "generate_series(1, 3) as steps (step)",
        {
            "id": f"((day * {ISSUES_A_DAY} + number) * 3 + step)::text",
            "issue_id": f"(day * {ISSUES_A_DAY} + number + 1)::text",
            "author_id": f"'j' || {_DEVELOPER}",
            "created_at": f"({_DAY} + time '10:00' + step * interval '1 hour') at time zone 'UTC'",
            "items": "jsonb_build_array(jsonb_build_object('field', 'status', 'fieldId', 'status',"
            " 'from', step::text, 'fromString', 'Step ' || step, 'to', (step + 1)::text,"
            " 'toString', 'Step ' || step + 1))",
        },
    ),
    (
        "plaid.transactions",
        BANK_ROWS_A_DAY,
        "",
        {
            "transaction_id": "'t' || day || '-' || number",
            "item_id": "'item'",
            "account_id": "'account-' || (number % 2 + 1)",
            "amount": "10.5 + number",
            "iso_currency_code": "'USD'",
            "date": _DAY,
            "pending": "false",
            "name": "'Shop ' || number",
            "category_primary": "'GENERAL_MERCHANDISE'",
            "update_number": "1",
        },
    ),
]
_WORK_LOGS_DAY: Final[list[tuple[str, int, str, Columns]]] = [
    (
        "reference.work_logs",
        WORK_LOGS_A_DAY,
        "",
        {
            "id": f"(day * {WORK_LOGS_A_DAY} + number + 1)::text",
            "client": "'Client ' || (number % 8 + 1)",
            "contract": "'C-' || (number % 8 + 1)",
            "service_type": "'Service ' || (number % 4 + 1)",
            "email": f"'d' || {_DEVELOPER} || '@agency.example'",
            "work_date": _DAY,
            "duration_minutes": "5 + number % 40",
            "work_location": "'remote'",
            "description": "'Fixed it'",
            "is_billable": "true",
            "row_key": f"(day * {WORK_LOGS_A_DAY} + number + 1)::text",
        },
    ),
]
_SHAPES: Final = {"agency": (_AGENCY_DAY, 250), "work_logs": (_WORK_LOGS_DAY, 1095)}


@dataclass(frozen=True)
class Measured:
    """What one build took: elapsed seconds, CPU seconds of dbt and of the server, and nodes, slowest first."""

    wall: float
    client: float
    server: float
    nodes: list[tuple[float, str]]


class Bench:
    """A separate Workledger in a temporary folder, with raw tables filled by SQL instead of vendors."""

    def __init__(self, folder: Path, shape: str, days: int) -> None:
        """Prepare what is not measured: the server, the parsed dbt project, raw tables as production makes them."""
        # If root starts the server, it runs as another user, who needs access to the folder.
        folder.mkdir(mode=0o711)
        # A fixed clock, or time in status would differ from build to build.
        settings = Settings(profile="production", home=folder / "home", reference_dir=folder, as_of=datetime.now(UTC))
        settings.home.mkdir(mode=0o711)
        self._places = Places(settings, print)
        landing = SourceLanding(self._places, LoggingListener(), attended=True)
        for spec in SOURCES.values():
            create_empty(spec, landing)
        manifest = prepare_manifest(settings.home, self.warehouse.database)
        self._transformer = WarehouseTransformer(self._places, manifest, LoggingListener())
        self._days = _SHAPES[shape][0]
        with self.warehouse.connect("loader") as connection:
            # The last whole day is yesterday.
            row = connection.execute(
                "select (date_trunc('week', current_date) - %s * interval '7 days')::date", (days // 5 + 1,)
            ).fetchone()
            assert row is not None
            self._first_day = str(row[0])
        for table, (rows, columns) in _BASIS.items():
            self._insert(table, columns, f"generate_series(1, {rows}) as numbers (number)")

    @property
    def warehouse(self) -> Warehouse:
        """The running warehouse."""
        return self._places.warehouse

    def land_days(self, first: int, last: int) -> int:
        """Put the days from `first` to `last` into the raw tables; return the rows."""
        rows = 0
        for table, rows_a_day, further, columns in self._days:
            numbers = (
                f"generate_series({first}, {last}) as days (day)"
                f" cross join generate_series(0, {rows_a_day - 1}) as numbers (number)"
            )
            rows += self._insert(table, columns, f"{numbers} cross join {further}" if further else numbers)
        with self.warehouse.connect("loader") as connection:
            if first == 0:
                for table, *_ in self._days:
                    if table.startswith("claude_code.") and table != "claude_code.files":
                        _index_as_production(connection, sql.Identifier(*f"raw_{table}".split(".")))
            connection.execute("analyze")
        return rows

    def _insert(self, table: str, columns: Columns, rows: str) -> int:
        schema, name = table.split(".")
        with self.warehouse.connect("loader") as connection:
            required: dict[str, str] = dict(
                connection.execute(
                    "select column_name, data_type from information_schema.columns"
                    " where table_schema = %s and table_name = %s and is_nullable = 'NO'",
                    (f"raw_{schema}", name),
                ).fetchall()
            )
            # Columns that vendors always send and no model reads, and dlt's own columns.
            fillers = {key: _FILLERS[data_type] for key, data_type in required.items() if key not in columns}
            values = fillers | columns
            query = f"select {', '.join(values.values())} from {rows}".replace("{first_day}", self._first_day)
            statement = sql.SQL("insert into {} ({}) {}").format(
                sql.Identifier(f"raw_{schema}", name),
                sql.SQL(", ").join(map(sql.Identifier, values)),
                sql.SQL(query),
            )
            return connection.execute(statement).rowcount

    def interrupt(self, after: int) -> None:
        """Begin a build, and end it as Ctrl+C does when some nodes are finished."""
        events = self._transformer.build([]).events()
        for _ in zip(range(after), events, strict=False):
            pass
        events.close()  # type: ignore[attr-defined]

    def kill(self, after: int, seconds: float) -> None:
        """Begin a build in a process of its own, and kill it some time after some nodes are finished.

        Args:
            after: how many nodes; if the build has fewer, all.
            seconds: how long after them.
        """
        context = multiprocessing.get_context("spawn")
        finished, finishes = context.Pipe(duplex=False)
        child = context.Process(
            target=_build_until_killed, args=(self._places.settings.home, self._places.settings.as_of, finishes)
        )
        child.start()
        finishes.close()
        with suppress(EOFError):
            for _ in range(after):
                finished.recv()
        time.sleep(seconds)
        child.kill()
        child.join()

    def build(self, *arguments: str) -> Measured:
        """Build as `workledger run` does, every data test included."""
        wall, client, server = time.perf_counter(), time.process_time(), server_seconds(self.warehouse)
        chosen = [f"model.workledger.{name}" for name in arguments if not name.startswith("--")] or None
        build = self._transformer.build(arguments, chosen)
        nodes: list[tuple[float, str]] = []
        for event in build.events():
            data: Mapping[str, Any] = event["data"]
            nodes.append((float(data.get("execution_time") or 0), str(data["node_info"]["node_name"])))
        if failures := build.failures():
            raise SystemExit("\n".join(failures))
        return Measured(
            time.perf_counter() - wall,
            time.process_time() - client,
            server_seconds(self.warehouse) - server,
            sorted(nodes, reverse=True),
        )

    def copy_raw(self) -> tuple[float, int]:
        """The baseline: COPY of all raw rows of the days into empty tables of the same shape; seconds and bytes."""
        seconds, size = 0.0, 0
        for table, *_ in self._days:
            schema, name = table.split(".")
            relation = sql.Identifier(f"raw_{schema}", name)
            copied = sql.Identifier(f"raw_{schema}", "benchmark_copy")
            with self.warehouse.connect("loader") as connection, connection.cursor() as cursor:
                cursor.execute(sql.SQL("create table {} (like {} including all)").format(copied, relation))
                with cursor.copy(sql.SQL("copy {} to stdout").format(relation)) as outgoing:
                    blocks = [bytes(block) for block in outgoing]
                began = time.perf_counter()
                with cursor.copy(sql.SQL("copy {} from stdin").format(copied)) as incoming:
                    for block in blocks:
                        incoming.write(block)
                seconds += time.perf_counter() - began
                size += sum(map(len, blocks))
                cursor.execute(sql.SQL("drop table {}").format(copied))
        return seconds, size

    def contents(self) -> dict[str, tuple[int, str]]:
        """Rows and a hash of every mart and private table, independent of row order and without version times."""
        with self.warehouse.connect("owner") as connection:
            tables = connection.execute(
                "select schemaname, tablename from pg_tables where schemaname in ('marts', 'private') order by 1, 2"
            ).fetchall()
            found = {}
            for schema, table in tables:
                row = connection.execute(
                    sql.SQL(
                        "select count(*), coalesce(sum(hashtextextended(rows::text, 0)::numeric), 0)::text"
                        " from {} as rows"
                    ).format(sql.Identifier(schema, table))
                ).fetchone()
                assert row is not None
                found[f"{schema}.{table}"] = (row[0], row[1])
            return found

    def stop(self) -> None:
        """Stop the server."""
        embedded_server(self._places.settings).stop()


def main() -> None:
    """Run the benchmark and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=sorted(_SHAPES), default="agency")
    parser.add_argument("--days", type=int, default=0, help="working days of history; the shape's own if not given")
    parser.add_argument("--same", action="store_true", help="compare the marts with those of a full refresh")
    parser.add_argument("--slowest", type=int, default=0, help="how many of the slowest nodes to print")
    arguments = parser.parse_args()
    days = arguments.days or _SHAPES[arguments.shape][1]
    with tempfile.TemporaryDirectory(prefix="workledger-benchmark-") as temporary:
        Path(temporary).chmod(0o711)
        bench = Bench(Path(temporary, "bench"), arguments.shape, days)
        try:
            rows = bench.land_days(0, days - 1)
            copied, size = bench.copy_raw()
            print(f"{rows:,} raw rows of {days:,} days ({size / 2**20:,.0f} MiB): COPY {copied:.1f} s", flush=True)
            steps = [("full build, all data tests", bench.build())]
            bench.land_days(days, days)
            steps.append(("one more day", bench.build()))
            steps.append(("nothing new", bench.build()))
            for name, took in steps:
                print(
                    f"{name:28}{took.wall:7.1f} s = {took.wall / copied:5.2f} × COPY; "
                    f"CPU of dbt {took.client:.1f} s, of Postgres {took.server:.1f} s; {len(took.nodes)} nodes",
                    flush=True,
                )
                for seconds, node in took.nodes[: arguments.slowest]:
                    print(f"{'':8}{seconds:6.2f} s  {node}")
            if arguments.same:
                _compare(bench)
        finally:
            bench.stop()


def _build_until_killed(home: Path, as_of: datetime, finishes: Connection) -> None:
    settings = Settings(profile="production", home=home, as_of=as_of)
    places = Places(settings, print)
    manifest = prepare_manifest(settings.home, places.warehouse.database)
    for _ in WarehouseTransformer(places, manifest, LoggingListener()).build([]).events():
        finishes.send(None)


def _index_as_production(connection: psycopg.Connection[Any], table: sql.Identifier) -> None:
    """The indexes that the transcript source adds to large tables (sources/claude_code/resources.py)."""
    for index in ("(file_id, line_offset)", "using brin (loaded_at)", "(session_id)"):
        connection.execute(sql.SQL("create index on {} " + index).format(table))


def _compare(bench: Bench) -> None:
    by_increments = bench.contents()
    bench.build("--full-refresh")
    differing = [name for name, content in bench.contents().items() if by_increments.get(name) != content]
    if differing:
        raise SystemExit(f"A full refresh gives other rows in {', '.join(differing)}.")
    print(f"a full refresh gives the same rows in all {len(by_increments)} tables")


if __name__ == "__main__":
    main()
