"""Runs on changed input give the tables that a full build gives, and leave the sessions alone that nothing changed."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from tests.dbt_project.conftest import DbtProject

Row = dict[str, Any]
TABLES = {
    "marts.claude_sessions": "id",
    "marts.session_messages": "message_id",
    "marts.session_message_copies": "message_id, session_id",
    "marts.session_activity": "id",
    "marts.session_tickets": "id",
    "private.session_prompts": "id",
    "private.session_responses": "id",
    "intermediate.int_sessions__time_entries": "id",
    "intermediate.int_sessions__segments": "session_id, start_ms",
    "intermediate.int_sessions__contexts": "session_id, file_id, cwd, is_copied",
    "intermediate.int_sessions__copied_lines": "file_id, generation, line_offset",
    "intermediate.int_sessions__relayed_answers": "file_id, generation, line_offset, record_index",
}
RECORDS = ("messages", "events", "prompts", "tool_calls", "ticket_mentions")
START = datetime(2026, 3, 28, 20, tzinfo=UTC)
# Everything of sessions, without the people and reference tables above it, which few of the steps change.
SESSION_MODELS = (
    "workledger.staging.claude_code",
    "workledger.sessions",
    "int_changes__processed_session_inputs",
)


class Transcripts:
    """Raw rows of transcripts that grow, are copied and rewritten, landing by landing."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.files: dict[str, Row] = {}
        self.rows: dict[str, list[Row]] = {table: [] for table in RECORDS}
        self.landing = 0

    def land(self, file: str, developer: int, lines: Iterable[Row]) -> None:
        """Append lines to a file."""
        loaded_at = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(hours=self.landing)
        new = {
            "path": f"/root-{developer}/{file}",
            "root_path": f"/root-{developer}",
            "generation": 0,
            "read_offset": 0,
            "first_seen_at": loaded_at,
        }
        known = self.files.setdefault(file, new | {"file_id": file})
        for line in lines:
            place = {
                "file_id": file,
                "generation": known["generation"],
                "line_offset": known["read_offset"],
                "record_index": 0,
                "session_id": line["session_id"],
                "loaded_at": loaded_at,
            }
            for table, columns in line["rows"].items():
                identity = {} if table == "ticket_mentions" else {"uuid": line["uuid"]}
                self.rows[table].append(place | identity | columns)
            known["read_offset"] += 100
        known["loaded_at"] = loaded_at

    def rewrite(self, file: str) -> None:
        """Rewrite a file; what it held still counts."""
        self.files[file] |= {"generation": self.files[file]["generation"] + 1, "read_offset": 0}

    def remove(self, file: str) -> None:
        """Take out what a file held, as docs/removing_transcripts.md says."""
        for table, rows in self.rows.items():
            self.rows[table] = [row for row in rows if row["file_id"] != file]
        self.files[file]["generation"] += 1

    def lines(self, session: str, count: int, at: datetime) -> list[Row]:
        """A conversation: prompts, answers of several lines, tools, tickets, changes of directory, pauses."""
        lines = []
        for number in range(count):
            at += timedelta(milliseconds=self.random.choice((0, 700, 20_000, 300_000, 899_000, 2_000_000)))
            uuid = f"{session}-{at:%H%M%S%f}-{number}"
            cwd = self.random.choice(("/work/web", "/work/web/api", "/work/app", None))
            surroundings = {"cwd": cwd, "git_branch": "main", "is_forked": False}
            kind = self.random.choice(("prompt", "answer", "answer", "tool_result", "other"))
            rows: dict[str, Row] = {"events": {"occurred_at": at, "kind": kind, "version": "2.1.0", **surroundings}}
            if kind == "prompt":
                key = self.random.choice(("CON-1", "CON-2", "UTF-8"))
                rows["prompts"] = {
                    "prompted_at": at,
                    "kind": "text",
                    "prompt_text": f"text of {uuid}",
                    "has_image": False,
                    "ticket_keys": [key],
                    **surroundings,
                }
                rows["ticket_mentions"] = {"ticket_key": key, "mentioned_at": at, "origin": "prompt"}
            if kind == "answer":
                message, request = self.identity(session, number // 3)
                rows["messages"] = {
                    "message_id": message or uuid,
                    "request_id": request,
                    "answered_at": at,
                    "model": self.random.choice(("claude-opus-4-5", "claude-haiku-4-5", "unknown")),
                    "input_tokens": self.random.randrange(50),
                    "output_tokens": self.random.randrange(50),
                    "response_text": f"answer {uuid}",
                    **surroundings,
                }
                rows["tool_calls"] = {
                    "block_index": 0,
                    "message_id": message or uuid,
                    "tool_use_id": f"tool-{uuid}",
                    "tool_name": self.random.choice(("Bash", "Edit")),
                    "called_at": at,
                }
            lines.append({"session_id": session, "uuid": uuid, "at": at, "rows": rows})
        return lines

    def identity(self, session: str, answer: int) -> tuple[str | None, str | None]:
        """Message id and request id as the vendor gives them, or as relays do: one id for all, a counter, none."""
        request = self.random.choice((None, f"req-{session}-{answer}"))
        vendors = f"msg_01{session.replace('-', '')}{answer:020}"
        return self.random.choice(((vendors, request), ("msg_relay", None), (f"msg_{answer}", request), (None, None)))

    def copies(self, lines: Iterable[Row], session: str, *, forked: bool) -> list[Row]:
        """The same lines as another session's file repeats them."""
        return [
            line
            | {
                "session_id": session,
                "rows": {
                    table: columns | ({"is_forked": forked} if "is_forked" in columns else {})
                    for table, columns in line["rows"].items()
                },
            }
            for line in lines
        ]

    def raw(self) -> dict[str, list[Row]]:
        """All rows landed so far."""
        tables: dict[str, list[Row]] = {"claude_code.files": list(self.files.values())}
        return tables | {f"claude_code.{table}": rows for table, rows in self.rows.items()}


REFERENCE: dict[str, list[Row]] = {
    "reference.agency": [{"legal_name": "Agency", "timezone": "UTC"}],
    "reference.developers": [
        {"email": "0@example.com", "name": "0", "timezone": "Europe/Berlin", "status": "active"},
        {"email": "1@example.com", "name": "1", "timezone": "Asia/Kathmandu", "status": "active"},
    ],
    "reference.session_roots": [{"path": f"/root-{number}", "email": f"{number}@example.com"} for number in range(2)],
    "clockify.clients": [{"id": "c-acme", "name": "acme"}, {"id": "c-beta", "name": "beta"}],
    "clockify.projects": [{"id": "p-con", "client_id": "c-acme", "name": "Con"}],
    "reference.projects": [{"project": "Con", "status": "active", "jira_project_key": "CON"}],
    "reference.repo_mappings": [
        {"repo": "acme/web", "client": "acme", "path_globs": "/work/web"},
        {"repo": "beta/app", "client": "beta", "path_globs": "/work/app"},
    ],
}


def prices(*, opus_input: int) -> dict[str, list[Row]]:
    return {
        "claude_code.catalog_prices": [
            {
                "model": model,
                "valid_from": datetime(1970, 1, 1, tzinfo=UTC),
                "above_prompt_tokens": 0,
                "input": dollars,
                "output": 25,
                "cache_write_5m": 6,
                "cache_write_1h": 10,
                "cache_read": 1,
            }
            for model, dollars in (("claude-opus-4-5", opus_input), ("claude-haiku-4-5", 1))
        ]
    }


def _contents(project: DbtProject) -> dict[str, list[Row]]:
    return {table: project.rows(f"select * from {table} order by {key}") for table, key in TABLES.items()}


def _row_versions(project: DbtProject, table: str, key: str) -> dict[str, str]:
    return {
        row["key"]: row["version"]
        for row in project.rows(f"select {key} as key, xmin::text || ctid::text as version from {table}")
    }


def _run(project: DbtProject, *arguments: str) -> None:
    project.dbt("run", *arguments, "--select", *SESSION_MODELS)


def _assert_equals_full_build(project: DbtProject) -> None:
    incremental = _contents(project)
    _run(project, "--full-refresh")
    full = _contents(project)
    for table in TABLES:
        assert incremental[table] == full[table], table


@pytest.fixture(scope="module")
def project(dbt_project: DbtProject) -> DbtProject:
    """The project with people and reference tables built, and no transcripts."""
    dbt_project.load(REFERENCE | prices(opus_input=5))
    dbt_project.build("+int_sessions__inputs")
    return dbt_project


def test_runs_on_changed_input_equal_a_full_build(project: DbtProject) -> None:
    transcripts = Transcripts(seed=7)
    first = {
        f"s{number}": transcripts.lines(f"s{number}", 30, START + timedelta(minutes=7 * number)) for number in range(8)
    }
    # Half of every file; of s7 nothing yet, though a copy of it is in s6's file already.
    for number, (session, lines) in enumerate(first.items()):
        if session != "s7":
            transcripts.land(f"{session}.jsonl", number % 2, lines[:15])
    transcripts.land("s6.jsonl", 0, transcripts.copies(first["s7"][:10], "s6", forked=False))
    project.load(transcripts.raw())
    _run(project)
    before = {table: _row_versions(project, table, key) for table, key in _KEYED.items()}

    # Files grow, a sub-agent's file and a fork appear, the original of a copy arrives after it.
    transcripts.landing += 1
    transcripts.land("s0.jsonl", 0, first["s0"][15:])
    transcripts.land("s1-agent.jsonl", 1, transcripts.lines("s1", 5, START + timedelta(hours=1)))
    transcripts.land("fork.jsonl", 0, transcripts.copies(first["s2"][:12], "a-fork", forked=True))
    transcripts.land("fork.jsonl", 0, transcripts.lines("a-fork", 6, START + timedelta(hours=5)))
    transcripts.land("s7.jsonl", 1, first["s7"])
    project.load(transcripts.raw())
    _run(project)
    changed = {row["session_id"] for row in project.rows("select * from intermediate.int_sessions__changed_sessions")}
    assert changed == {"s0", "s1", "s2", "a-fork", "s6", "s7"}
    assert project.value("select count(distinct kept_session_id) from marts.session_message_copies") == 2
    for table, versions in before.items():
        now = _row_versions(project, table, _KEYED[table])
        unchanged = {key: version for key, version in versions.items() if key.split("|")[0] in {"s3", "s4", "s5"}}
        assert unchanged, table
        assert unchanged.items() <= now.items(), table
    _assert_equals_full_build(project)

    # A file is rewritten shorter, another for another session: what they held still counts.
    transcripts.landing += 1
    transcripts.rewrite("s2.jsonl")
    transcripts.land("s2.jsonl", 0, first["s2"][4:9])
    transcripts.rewrite("s3.jsonl")
    transcripts.land("s3.jsonl", 1, transcripts.lines("s3-again", 4, START))
    # An answer that is older than all that bear its id takes the id over.
    transcripts.land("old.jsonl", 1, transcripts.lines("s-old", 12, START - timedelta(days=2)))
    project.load(transcripts.raw())
    _run(project)
    assert project.value("select count(*) from marts.claude_sessions where id = 's3'") == 1
    _assert_equals_full_build(project)
    # What many sessions share changes, one thing after the other: prices, a developer's zone, a glob's client.
    project.load(prices(opus_input=50))
    _run(project)
    with project.warehouse.connect("transformer") as connection:
        connection.execute(
            "update intermediate.int_identity__developers set timezone = 'America/New_York' where name = '0'"
        )
    _run(project)
    with project.warehouse.connect("transformer") as connection:
        connection.execute("update intermediate.int_identity__path_globs set client_id = null where repo = 'acme/web'")
    _run(project)
    # A root is written in another way, a person removes what two files held.
    with project.warehouse.connect("transformer") as connection:
        roots = "intermediate.int_identity__session_roots"
        connection.execute(f"update {roots} set root_path = '/x/../root-0/' where root_path = '/root-0'")
    _run(project)
    assert project.value("select count(*) from marts.claude_sessions where developer_id is null") == 0
    for file in ("old.jsonl", "s1.jsonl"):
        transcripts.remove(file)
    project.load(transcripts.raw())
    _run(project)
    _assert_equals_full_build(project)
    project.dbt("test", "--select", "path:tests/singular/sessions")


def test_run_that_broke_off_is_made_good_by_the_next(project: DbtProject) -> None:
    transcripts = Transcripts(seed=3)
    transcripts.land("a.jsonl", 0, transcripts.lines("a", 10, START))
    project.load(transcripts.raw())
    _run(project, "--full-refresh")
    transcripts.landing += 1
    transcripts.land("a.jsonl", 0, transcripts.lines("a", 10, START + timedelta(hours=3)))
    project.load(transcripts.raw())
    # As if killed after some of the models: nothing is noted as processed.
    project.dbt(
        "run",
        "--select",
        "int_sessions__inputs",
        "int_sessions__changed_sessions",
        "int_sessions__copied_lines",
        "int_sessions__contexts",
    )
    transcripts.landing += 1
    transcripts.land("b.jsonl", 0, transcripts.lines("b", 10, START))
    project.load(transcripts.raw())
    _run(project)
    _assert_equals_full_build(project)

    # Prices that are taken back before the next run, and a file that is gone by then.
    before = _contents(project)
    transcripts.landing += 1
    transcripts.land("c.jsonl", 0, transcripts.lines("c", 5, START))
    project.load(transcripts.raw() | prices(opus_input=500))
    project.dbt("run", "--select", *SESSION_MODELS, "--exclude", "int_changes__processed_session_inputs")
    assert _contents(project) != before
    transcripts.remove("c.jsonl")
    project.load(transcripts.raw() | prices(opus_input=50))
    _run(project)
    _assert_equals_full_build(project)


_KEYED = {
    "marts.claude_sessions": "id",
    "marts.session_messages": "session_id || '|' || message_id",
    "marts.session_activity": "session_id || '|' || id",
    "private.session_responses": "session_id || '|' || id",
    "private.session_prompts": "session_id || '|' || id",
}
