"""Transcripts of a test's own making, and what the source makes of them. Fixtures are in conftest.py."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import dlt
import psycopg

from orchestration.warehouse.connection import Warehouse
from sources.claude_code.records import Redactor, place_of
from sources.claude_code.resources import claude_code, run_metrics
from sources.claude_code.schema import ROW_TABLES
from sources.claude_code.transcript import TranscriptReader
from sources.kit import destination

COLUMNS = {table.name: [column.name for column in table.columns] for table in ROW_TABLES}
SESSION = "11111111-1111-4111-8111-111111111111"


def record(kind: str, **fields: Any) -> dict[str, Any]:
    """A record with the keys that lines of a conversation share."""
    common = {
        "type": kind,
        "sessionId": SESSION,
        "uuid": "aaaaaaaa-0000-4000-8000-000000000001",
        "timestamp": "2026-11-02T09:00:00.000Z",
        "cwd": "/work/app",
        "gitBranch": "main",
        "version": "2.1.181",
        "isSidechain": False,
    }
    return {key: value for key, value in {**common, **fields}.items() if value is not ...}


def user(content: Any, **fields: Any) -> dict[str, Any]:
    return record("user", message={"role": "user", "content": content}, **fields)


def answer(message_id: str = "msg_1", output: int = 5, content: Any = None, **fields: Any) -> dict[str, Any]:
    message = {
        "id": message_id,
        "role": "assistant",
        "model": "claude-opus-5-5",
        "content": content if content is not None else [{"type": "text", "text": "Done."}],
        "stop_reason": None,
        "usage": {
            "input_tokens": 10,
            "output_tokens": output,
            "cache_read_input_tokens": 100,
            "cache_creation_input_tokens": 30,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
        },
    }
    return record("assistant", message=message | fields.pop("message", {}), requestId="req_1", **fields)


def lines(*records: Any) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in records)


class Read:
    """What the reader makes of lines: by table, a list of rows by column name, all values as text."""

    def __init__(self, *content: dict[str, Any] | bytes, path: str = f"project/{SESSION}.jsonl", keep: bool = True):
        reader = TranscriptReader(Redactor() if keep else None, "2026-11-21T00:00:00+00:00")
        reader.begin_file(place_of("file", 0, path))
        offset = 0
        for line in content:
            written = line if isinstance(line, bytes) else json.dumps(line).encode()
            reader.read_line(offset, written)
            offset += len(written) + 1
        self.models = reader.models
        self.branch_seen = reader.branch_seen
        for name, rows in reader.rows.take().items():
            parsed = csv.reader(io.StringIO("\n".join(rows), newline=""))
            setattr(self, name, [dict(zip(COLUMNS[name], values, strict=True)) for values in parsed])

    messages: list[dict[str, str]]
    events: list[dict[str, str]]
    prompts: list[dict[str, str]]
    tool_calls: list[dict[str, str]]
    ticket_mentions: list[dict[str, str]]
    unreadable_lines: list[dict[str, str]]


class Loader:
    """Runs the source into a warehouse, as often as a test likes, from one folder of transcripts."""

    def __init__(self, warehouse: Warehouse, folder: Path, work: Path) -> None:
        self.warehouse = warehouse
        self.folder = folder
        self.work = work
        self.session_text = "none"

    def pipeline(self) -> dlt.Pipeline:
        return destination.pipeline("claude_code", self.warehouse.dsn("loader"), "raw_claude_code", self.work)

    def source(self) -> Any:
        return claude_code([{"path": str(self.folder), "host": "laptop"}], session_text=self.session_text)

    def run(self) -> dict[str, int]:
        """One run as production does it: what a killed run left behind is dropped, the warehouse's cursors hold."""
        pipeline = self.pipeline()
        pipeline.drop()
        pipeline.run(self.source())
        return run_metrics(pipeline)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.warehouse.dsn("loader")) as connection:
            connection.execute("set search_path to raw_claude_code")
            return connection.execute(query).fetchall()

    def tables(self) -> dict[str, list[str]]:
        """All rows of all tables as sorted text, load times aside."""
        return {
            name: sorted(
                row for (row,) in self.rows(f"select (to_jsonb(t) - 'loaded_at' - 'first_seen_at')::text from {name} t")
            )
            for name in ["files", *COLUMNS]
        }

    def write(self, name: str, content: bytes, *, append: bool = False) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab" if append else "wb") as file:
            file.write(content)
        return path
