"""Made-up transcripts of kinds that went wrong elsewhere, with the values that are right. Nothing is run here."""

import gzip
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

START = datetime(2026, 11, 10, 9, tzinfo=UTC)
VENDOR_ID = "msg_01AbCdEfGhIjKlMnOpQrSt"


def identifier(name: str) -> str:
    """A uuid that a name always gives."""
    return str(uuid5(NAMESPACE_URL, name))


@dataclass
class Session:
    """A session's file, written line by line, a minute apart."""

    name: str
    at: datetime = START
    cwd: str | None = "/work/x"
    lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def id(self) -> str:
        return identifier(self.name)

    def record(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Append a record; returns it, so that a test may copy it."""
        line = {
            "uuid": identifier(f"{self.name}-{len(self.lines)}"),
            "sessionId": self.id,
            "timestamp": (self.at + timedelta(minutes=len(self.lines))).isoformat(),
            "cwd": self.cwd,
            "version": "2.1.329",
            "isSidechain": False,
            "type": kind,
            **fields,
        }
        self.lines.append({key: value for key, value in line.items() if value is not None})
        return line

    def prompt(self, text: str = "please do this", **fields: Any) -> None:
        self.record("user", message={"role": "user", "content": text}, **fields)

    def tool_result(self, **fields: Any) -> None:
        content = [{"type": "tool_result", "tool_use_id": "t", "content": "ok"}]
        self.record("user", message={"role": "user", "content": content}, **fields)

    def answer(
        self,
        message_id: str | None,
        *,
        input_tokens: int = 1000,
        output_tokens: int = 100,
        model: str = "claude-opus-4-5",
        request: str | None = None,
        usage: dict[str, Any] | None = None,
        **fields: Any,
    ) -> None:
        message = {
            "role": "assistant",
            "model": model,
            "content": [{"type": "text", "text": "done"}],
            "usage": {
                "input_tokens": input_tokens,
                "output_tokens": output_tokens,
                "cache_read_input_tokens": 0,
                "cache_creation_input_tokens": 0,
                **(usage or {}),
            },
        }
        if message_id is not None:
            message["id"] = message_id
        self.record("assistant", message=message, requestId=request, **fields)

    def copied(self, name: str, *, new_uuids: bool = False) -> "Session":
        """Another session whose file begins with these lines."""
        copy = Session(name, self.at, self.cwd)
        for number, line in enumerate(self.lines):
            own = {"uuid": identifier(f"{name}-copy-{number}")} if new_uuids else {}
            copy.lines.append(line | {"sessionId": copy.id, "forkedFrom": {"sessionId": self.id}} | own)
        return copy

    @property
    def text(self) -> bytes:
        return b"".join(json.dumps(line).encode() + b"\n" for line in self.lines)

    def write(self, folder: Path, *, compressed: bool = False) -> Path:
        """Write the file below a folder of projects."""
        path = folder / "-work" / f"{self.id}.jsonl{'.gz' if compressed else ''}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(self.text) if compressed else self.text)
        return path


Expected = dict[str, dict[str, Any] | None]
"""By session id the columns of claude_sessions that are right; null: no such session."""


def relayed(folder: Path) -> Expected:
    """One id for all answers, a counter per session, no id; alone, streamed, with request ids, copied."""
    expected: Expected = {}
    for kind in ("constant", "counter", "null"):
        for number in range(2):
            # At another time: the same time and the same counts would make a copy.
            session = Session(f"relay-{kind}-{number}", START + timedelta(seconds=number))
            for turn in range(3):
                message_id = {"constant": "msg_relay", "counter": f"msg_{turn}", "null": None}[kind]
                (session.prompt if turn % 2 == 0 else session.tool_result)()
                # Two lines of one answer: the input repeats, the output grows.
                session.answer(message_id, input_tokens=1000 * (turn + 1), output_tokens=1)
                session.answer(message_id, input_tokens=1000 * (turn + 1), output_tokens=100)
            session.write(folder)
            expected[session.id] = {"input_tokens": 6000, "output_tokens": 300, "api_requests": 3}
            for new_uuids in (False, True):
                copy = session.copied(f"relay-{kind}-{number}-copy-{new_uuids}", new_uuids=new_uuids)
                copy.at += timedelta(seconds=10 + 10 * new_uuids)
                copy.prompt("and then")
                copy.answer(message_id, input_tokens=7, output_tokens=7)
                copy.write(folder)
                expected[copy.id] = {"input_tokens": 7, "output_tokens": 7, "api_requests": 1}
    for number in range(2):
        requests = Session(f"relay-requests-{number}")
        requests.prompt()
        for turn in range(2):
            requests.answer("chatcmpl-0", input_tokens=10, output_tokens=1, request=f"req-{number}-{turn}")
            requests.answer("chatcmpl-0", input_tokens=10, output_tokens=5, request=f"req-{number}-{turn}")
        requests.write(folder)
        expected[requests.id] = {"input_tokens": 20, "output_tokens": 10, "api_requests": 2}
    return expected


def vendors_ids(folder: Path) -> Expected:
    """The vendor's own ids identify an answer by themselves: replays with new request ids and new uuids count once."""
    expected: Expected = {}
    for prefix in ("msg_", "msg_bdrk_", "msg_vrtx_"):
        message_id = f"{prefix}01AbCdEfGhIjKlMnOpQr{len(prefix)}"
        session = Session(f"vendor-{prefix}")
        session.prompt()
        session.answer(message_id, request="req_1")
        session.tool_result()
        session.answer(message_id, request="req_2", isSidechain=True)
        session.write(folder)
        expected[session.id] = {"input_tokens": 1000, "output_tokens": 100, "api_requests": 1}
        later = Session(f"vendor-{prefix}-later", START + timedelta(hours=3))
        later.answer(message_id, output_tokens=90)
        later.write(folder)
        expected[later.id] = {"input_tokens": 0, "api_requests": 0}
    return expected


def advisors(folder: Path) -> Expected:
    """What another model was asked within an answer is an answer at its own price."""
    entry = {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 160_000, "output_tokens": 8000}
    own = {"type": "message", "input_tokens": 1, "output_tokens": 45}
    expected: Expected = {}
    for name, iterations, cost, requests in (
        ("one", [own, entry, own], 0.0075 + 1.0, 2),
        ("two", [entry, own, entry], 0.0075 + 2.0, 3),
        ("none", [own, own], 0.0075, 1),
        ("same-model", [own, entry | {"model": "claude-sonnet-4-6"}], 0.0075 + 0.6, 2),
    ):
        session = Session(f"advisor-{name}")
        session.prompt()
        for _ in range(2):
            usage = {"iterations": iterations}
            message_id = f"{VENDOR_ID}{name.replace('-', '')}"
            session.answer(message_id, input_tokens=2000, model="claude-sonnet-4-6", usage=usage)
        session.write(folder)
        expected[session.id] = {"cost_usd": cost, "api_requests": requests}
    return expected


def prices(folder: Path) -> Expected:
    """Prompts above 200,000 tokens, regional profiles, fast mode: by model, day, input, output, terms."""
    large, small = (250_000, 1000), (10_000, 1000)
    expected: Expected = {}
    for model, day, (tokens_in, tokens_out), terms, cost in (
        ("claude-opus-4-6", "2026-02-20", large, {}, 2.5375),
        ("claude-opus-4-6", "2026-03-12", large, {}, 2.5375),
        ("claude-opus-4-6", "2026-03-13", large, {}, 1.275),
        ("claude-sonnet-4-6", "2026-02-20", large, {}, 1.5225),
        ("claude-sonnet-4-6[1m]", "2026-02-20", large, {}, 1.5225),
        ("claude-sonnet-4-20250514", "2025-10-01", large, {}, 1.5225),
        ("claude-sonnet-4-20250514", "2025-10-01", small, {}, 0.045),
        ("claude-sonnet-4-5-20250929", "2026-01-01", large, {}, 1.5225),
        ("us.anthropic.claude-opus-4-8-v1:0", "2026-11-10", small, {}, 0.0825),
        ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "2026-11-10", small, {}, 0.0495),
        ("global.anthropic.claude-opus-4-6-v1", "2026-11-10", small, {}, 0.075),
        ("claude-fable-5-2", "2026-11-10", small, {"speed": "fast"}, 0.24),
        ("claude-fable-5-2", "2026-11-10", small, {"speed": "standard"}, 0.12),
        ("claude-opus-4-6-fast", "2026-05-20", small, {}, 0.45),
        ("claude-opus-4-7", "2026-07-24", small, {"speed": "fast"}, 0.45),
        ("claude-opus-4-7", "2026-07-25", small, {"speed": "fast"}, 0.075),
        ("claude-sonnet-5", "2026-11-10", small, {"speed": "fast"}, 0.03),
        ("claude-opus-5-5-fast", "2026-11-10", small, {}, 0.12),
        ("claude-opus-5", "2026-11-10", small, {"inference_geo": "us", "service_tier": "batch"}, 0.04125),
        ("claude-sonnet-5-5", "2026-10-01", (0, 1000), {"cache_read_input_tokens": 100_000}, 0.03),
        ("claude-sonnet-5-5", "2026-10-07", (0, 1000), {"cache_read_input_tokens": 100_000}, 0.02),
    ):
        session = Session(f"price-{model}-{day}-{tokens_in}-{terms}", datetime.fromisoformat(f"{day}T12:00:00+00:00"))
        session.answer(
            f"msg_01{identifier(session.name).replace('-', '')}",
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            model=model,
            usage=terms,
        )
        session.write(folder)
        expected[session.id] = {"cost_usd": cost}
    return expected


def places(folder: Path) -> Expected:
    """Directories of Windows in any case; answers without a directory have the last known one."""
    expected: Expected = {}
    for number, (cwd, client) in enumerate(
        (
            ("c:\\Work\\Acme\\api", "Acme Inc"),
            ("C:\\work\\acme", "Acme Inc"),
            ("\\\\NAS\\Shared\\acme", "Acme Inc"),
            ("/Work/ACME", None),
            ("C:\\work\\acme2", None),
        )
    ):
        session = Session(f"place-{number}", cwd=cwd)
        session.prompt()
        session.answer(f"{VENDOR_ID}place{number}")
        session.write(folder)
        expected[session.id] = {"client": client}
    session = Session("place-last-known", cwd="/work/other")
    session.prompt()
    session.cwd = "/srv/acme"
    for _ in range(9):
        session.prompt()
    session.cwd = None
    session.answer(f"{VENDOR_ID}lastknown")
    session.write(folder)
    expected[session.id] = {"client": "Acme Inc", "client_of_answers": "Acme Inc", "cost_usd": 0.0075}
    return expected


def no_transcripts(folder: Path) -> Expected:
    """The tool's own folder, other tools' logs, compressed transcripts, archives."""
    own = folder / "dot-claude"
    session = Session("own-folder")
    session.prompt()
    session.answer(f"{VENDOR_ID}own")
    session.write(own / "projects")
    stranger = Session("plugins-fixture")
    stranger.answer(f"{VENDOR_ID}stranger")
    stranger.write(own / "plugins" / "cache" / "test")
    (own / "history.jsonl").write_text('{"display": "hello", "timestamp": 1}\n')
    expected: Expected = {session.id: {"api_requests": 1, "duration_seconds": 60}, stranger.id: None}
    at = [(START + timedelta(minutes=number)).isoformat() for number in range(3)]
    logs: dict[str, list[dict[str, Any]]] = {
        "rollout-new": [
            {"timestamp": at[0], "type": "session_meta", "payload": {"id": "x", "cwd": "/work/x"}},
            {"timestamp": at[1], "type": "response_item", "payload": {"type": "message", "role": "user"}},
        ],
        "rollout-old": [
            {"id": "x", "timestamp": at[0], "instructions": None},
            {"type": "message", "role": "user", "timestamp": at[1], "content": []},
        ],
        "gemini": [
            {"sessionId": "g", "projectHash": "h", "startTime": at[0], "lastUpdated": at[1]},
            {"id": "1", "timestamp": at[0], "type": "user", "content": "hi"},
            {"id": "2", "timestamp": at[1], "type": "gemini", "content": "hello"},
        ],
        "copilot": [
            {"type": "session.start", "data": {"sessionId": "c"}, "timestamp": at[0]},
            {"type": "user.message", "data": {"content": "hi"}, "timestamp": at[1]},
        ],
        "pi": [
            {"type": "session", "version": 3, "id": "p", "timestamp": at[0], "cwd": "/work/x"},
            {"type": "message", "id": "a", "timestamp": at[1], "message": {"role": "user", "content": "hi"}},
        ],
        "unknown-tool": [
            {"kind": "start", "timestamp": at[0]},
            {"kind": "end", "timestamp": at[1]},
        ],
    }
    for name, lines in logs.items():
        path = folder / "logs" / f"{name}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        expected[name] = None
    packed = Session("compressed")
    packed.prompt()
    packed.answer(f"{VENDOR_ID}packed", output_tokens=3000)
    packed.write(folder / "packed", compressed=True)
    expected[packed.id] = {"output_tokens": 3000, "duration_seconds": 60}
    (folder / "packed" / "older.zip").write_bytes(b"PK")
    return expected
