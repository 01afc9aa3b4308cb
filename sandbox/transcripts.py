"""Generates Claude Code transcripts: one file per session of the story, sub-agents, and every oddity of real files.

Layout `<folder>/<host>/projects/<slug>/<session>.jsonl`. Lines have the form that the tool writes (vendors 6.2), the
words are made up. `ODDITIES` names what real files contain besides plain sessions; each is in at least one session
(`assign_oddities` says which), at any scale. `write_bulk` writes any number of bytes for benchmarks.

Lines are built from text, not dumped from objects, so half a year of sessions takes a second or two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import orjson

from sandbox.agency import Agency, Session

Choice = TypeVar("Choice")

_VERBS = ("fix", "rework", "explain", "test", "speed up", "document", "rename", "split", "log", "guard")
_PARTS = (
    "the booking form", "the export job", "the price table", "the sync worker", "the retry loop", "the status page",
    "the search index", "the mail queue", "the report filter", "the import wizard", "the map layer",
)  # fmt: skip
_TAILS = (
    "please", "and add a test", "it fails on Mondays", "without touching the API", "keep it short", "as UTF-8",
    "check the SHA-256 sum too", "then run the linter", "but leave the migration alone", "for the demo",
)  # fmt: skip
_REPLIES = (
    "I looked at it and changed the loop so that it stops at the last page.",
    "The test passes now; the cause was a date read in the wrong zone.",
    "Two places did the same thing, so I kept one of them.",
    "It is done. The slow part was the query, which now uses the index.",
    "I would first write down what is expected, then change the code.",
)
_TOOLS = (
    ("Read", '{"file_path":"%s/src/module_%d.py"}'),
    ("Edit", '{"file_path":"%s/src/module_%d.py","old_string":"retry(1)","new_string":"retry(3)"}'),
    ("Bash", '{"command":"cd %s && make test-%d","description":"Run the tests"}'),
    ("Grep", '{"path":"%s","pattern":"def step_%d"}'),
    ("Write", '{"file_path":"%s/notes/%d.md","content":"Notes on the change."}'),
)
_RESULTS = ("ok", "12 passed in 1.04s", "1\\tdef step():\\n2\\t    return 3", "The file was updated.", "no matches")

_DAY = 86_400_000
_HOUR = 3_600_000
_MINUTE = 60_000
PRICE_CHANGE = datetime(2026, 10, 7, tzinfo=UTC)
"""From this day claude-sonnet-5-5 reads caches at half the price, and claude-haiku-5-5 exists (vendors 6.5)."""

_OLD_VERSION = "1.0.24"
"""A version that still wrote `costUSD` and no cache writes."""


def stamp(milliseconds: int, _days: dict[int, str] = {}) -> str:  # noqa: B006 - a cache on purpose
    """Write milliseconds since 1970 as the tool does: `2026-01-31T12:00:00.000Z`."""
    day, rest = divmod(milliseconds, _DAY)
    text = _days.get(day)
    if text is None:
        text = _days[day] = (date(1970, 1, 1) + timedelta(days=day)).isoformat()
    hours, rest = divmod(rest, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    seconds, rest = divmod(rest, 1000)
    return f"{text}T{hours:02}:{minutes:02}:{seconds:02}.{rest:03}Z"


def milliseconds(moment: datetime) -> int:
    """Return milliseconds since 1970."""
    return int(moment.timestamp() * 1000)


def quoted(text: str) -> str:
    """Return a text as JSON."""
    return orjson.dumps(text).decode()


def slug_of(cwd: str) -> str:
    """Return the folder name of a working directory: every other character than letters and digits is a dash."""
    return re.sub(r"[^A-Za-z0-9]", "-", cwd)


@dataclass
class Usage:
    """Token counts of an answer, as on its last line."""

    input_tokens: int
    output_tokens: int
    cache_read: int
    cache_write: int
    cache_write_1h: int = 0
    web_searches: int = 0
    tier: str = "standard"
    speed: str | None = None
    geo: str | None = None
    split: bool = True
    """Return how cache writes divide by lifetime."""

    def text(self, output_tokens: int) -> str:
        """Return the JSON, with the output tokens of a line of the stream."""
        parts = [
            f'"input_tokens":{self.input_tokens}',
            f'"cache_creation_input_tokens":{self.cache_write}',
            f'"cache_read_input_tokens":{self.cache_read}',
        ]
        if self.split:
            parts.append(
                f'"cache_creation":{{"ephemeral_5m_input_tokens":{self.cache_write - self.cache_write_1h},'
                f'"ephemeral_1h_input_tokens":{self.cache_write_1h}}}'
            )
        parts.append(f'"output_tokens":{output_tokens}')
        if self.web_searches:
            parts.append(f'"server_tool_use":{{"web_search_requests":{self.web_searches},"web_fetch_requests":0}}')
        parts.append(f'"service_tier":"{self.tier}"')
        if self.geo:
            parts.append(f'"inference_geo":"{self.geo}"')
        if self.speed:
            parts.append(f'"speed":"{self.speed}"')
        return "{" + ",".join(parts) + "}"


@dataclass
class Transcript:
    """A session file while it is written."""

    chance: Random
    session_id: str
    cwd: str
    branch: str
    version: str
    clock: int
    """Milliseconds since 1970 at which the next line is written."""
    agent_id: str | None = None
    """If set, this is the file of a sub-agent, whose lines have the parent's session id."""
    lines: list[str | bytes] = field(default_factory=list)
    parent: str = "null"
    ending: str = "\n"
    """End of the last line; 623 of 1,350 real files have none."""
    prompt_id: str = ""
    beside: dict[str, bytes] = field(default_factory=dict)
    """Further files, by path below the slug's folder."""
    _place: tuple[str, str, str, str | None] | None = None
    _where: str = ""

    def number(self, low: int, high: int) -> int:
        """Return a random number, both ends included; several times faster than `randint`."""
        return low + int(self.chance.random() * (high - low + 1))

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """Return one of them; faster than `choice`."""
        return choices[int(self.chance.random() * len(choices))]

    def uuid(self) -> str:
        """Return a new uuid."""
        text = f"{self.chance.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def token(self, prefix: str) -> str:
        """Return a new id of the vendor's form: `msg_01…`."""
        return f"{prefix}_01{self.chance.getrandbits(88):022x}"

    def envelope(self, *, sidechain: bool | None = None) -> str:
        """Return the keys that conversation lines begin with."""
        place = (self.cwd, self.branch, self.version, self.agent_id)
        if self._place != place:
            # Folder and branch rarely change: built once, not per line.
            agent = f',"agentId":"{self.agent_id}"' if self.agent_id else ""
            self._place = place
            self._where = (
                f'"userType":"external","cwd":{quoted(self.cwd)},"sessionId":"{self.session_id}",'
                f'"version":"{self.version}","gitBranch":{quoted(self.branch)}{agent}'
            )
        side = self.agent_id is not None if sidechain is None else sidechain
        return f'{{"parentUuid":{self.parent},"isSidechain":{"true" if side else "false"},{self._where}'

    def write(self, rest: str, *, at: int | None = None, sidechain: bool | None = None, chain: bool = True) -> str:
        """Write a conversation line: envelope, `rest`, uuid and timestamp.

        Returns:
            Its uuid.
        """
        uuid = self.uuid()
        when = stamp(self.clock if at is None else at)
        self.lines.append(f'{self.envelope(sidechain=sidechain)},{rest},"uuid":"{uuid}","timestamp":"{when}"}}')
        if chain:
            self.parent = f'"{uuid}"'
        return uuid

    def raw(self, text: str | bytes) -> None:
        """Write a line unchanged."""
        self.lines.append(text)

    def pause(self, seconds: float) -> None:
        """Move the clock forward."""
        self.clock += int(seconds * 1000)

    def user(self, content: str, extra: str = "") -> str:
        """Write a user line with JSON content."""
        new_style = f'"promptId":"{self.prompt_id}",' if self.prompt_id else ""
        return self.write(f'{new_style}{extra}"type":"user","message":{{"role":"user","content":{content}}}')

    def prompt(self, text: str, extra: str = "") -> str:
        """Write a person's prompt."""
        if self.version >= "2.1":
            self.prompt_id = self.uuid()
        return self.user(quoted(text), extra)

    def answer(
        self,
        model: str,
        usage: Usage,
        *,
        text: str = "",
        tool: bool = False,
        lines: int = 1,
        request_id: bool = True,
        message_id: str = "",
        finished: bool = True,
    ) -> str:
        """Write one answer over one to three lines, with the output growing.

        Returns:
            The id of its tool use, empty without one.
        """
        message = message_id or self.token("msg")
        request = f'"requestId":"{self.token("req")}",' if request_id else ""
        tool_use = self.token("toolu") if tool else ""
        blocks = []
        if lines > 1:
            blocks.append('{"type":"thinking","thinking":"","signature":"c2lnbmF0dXJl"}')
        if text or not tool:
            blocks.append(f'{{"type":"text","text":{quoted(text or self.pick(_REPLIES))}}}')
        if tool:
            name, template = _TOOLS[self.number(0, len(_TOOLS) - 1)]
            argument = template % (self.cwd.replace("\\", "/"), self.number(1, 60))
            blocks.append(f'{{"type":"tool_use","id":"{tool_use}","name":"{name}","input":{argument}}}')
        first = min(usage.output_tokens, self.number(1, 8))
        for number, block in enumerate(blocks):
            last = number == len(blocks) - 1 and finished
            output = usage.output_tokens if last else first
            # stop_reason is null on 98 % of real answers, also on the last line.
            stop = '"end_turn"' if last and not tool and self.chance.random() < 0.04 else "null"
            cost = f'"costUSD":{usage.output_tokens * 0.000015:.7f},"durationMs":2100,' if self.is_old else ""
            self.write(
                f'"message":{{"model":"{model}","id":"{message}","type":"message","role":"assistant","content":[{block}],'
                f'"stop_reason":{stop},"stop_sequence":null,"usage":{usage.text(output)}}},{cost}{request}"type":"assistant"'
            )
            self.clock += self.number(300, 4000)
        return tool_use

    @property
    def is_old(self) -> bool:
        """Return whether the version writes costs itself."""
        return self.version == _OLD_VERSION

    def tool_result(self, tool_use: str, text: str = "ok", result: str = '{"stdout":"ok","stderr":""}') -> str:
        """Write a tool's result."""
        content = f'[{{"tool_use_id":"{tool_use}","type":"tool_result","content":"{text}"}}]'
        return self.user(content, f'"toolUseResult":{result},')

    def usage(self) -> Usage:
        """Make up token counts."""
        chance = self.chance
        write = self.number(150, 6000)
        if self.is_old:
            return Usage(self.number(900, 9000), self.number(20, 900), 0, 0, split=False)
        return Usage(
            input_tokens=self.number(2, 14),
            output_tokens=int(chance.lognormvariate(5.2, 0.9)) + 9,
            cache_read=self.number(9_000, 95_000),
            cache_write=write,
            cache_write_1h=write if chance.random() < 0.25 else 0,
        )

    def content(self) -> bytes:
        """Return the file's bytes."""
        parts = [line if isinstance(line, bytes) else line.encode() for line in self.lines]
        return b"\n".join(parts) + (self.ending.encode() if parts else b"")


def _converse(transcript: Transcript, model: str, ticket: str, end: int, *, request_id: bool = True) -> None:
    """Fill the time until `end` with prompts, answers and tool results."""
    chance, pick = transcript.chance, transcript.pick
    turns = max(2, round((end - transcript.clock) / (11 * _MINUTE)))
    length = (end - transcript.clock) / turns
    begin = transcript.clock
    for turn in range(turns):
        transcript.clock = max(transcript.clock + 500, int(begin + turn * length))
        words = f"{pick(_VERBS)} {pick(_PARTS)}, {pick(_TAILS)}"
        transcript.prompt(f"{ticket}: {words}" if turn == 0 or chance.random() < 0.2 else words)
        answers = pick((1, 2, 2, 3))
        for number in range(answers):
            transcript.clock += int(chance.uniform(0.05, 0.2) * length)
            tool = number < answers - 1
            tool_use = transcript.answer(
                model, transcript.usage(), tool=tool, lines=pick((1, 2, 2)), request_id=request_id
            )
            if tool:
                transcript.clock += int(chance.uniform(0.02, 0.12) * length)
                transcript.tool_result(tool_use, pick(_RESULTS))


def _sub_agent(transcript: Transcript, model: str, path: str, agent_id: str) -> Transcript:
    """Write a sub-agent's file next to its parent's."""
    agent = Transcript(
        transcript.chance, transcript.session_id, transcript.cwd, transcript.branch, transcript.version,
        transcript.clock, agent_id=agent_id,
    )  # fmt: skip
    agent.user(quoted("Find every caller and report their names."))
    for _ in range(3):
        agent.pause(9)
        tool_use = agent.answer(model, agent.usage(), tool=True, lines=2)
        agent.pause(2)
        agent.tool_result(tool_use)
    agent.pause(5)
    agent.answer(model, agent.usage(), text="Three callers, all in one module.")
    transcript.beside[path] = agent.content()
    return agent


Oddity = Callable[[Transcript, str], None]


def _bookkeeping(t: Transcript, _: str) -> None:
    """Lines of every book-keeping type, most without uuid, timestamp or cwd."""
    leaf, message = t.uuid(), t.uuid()
    t.raw(f'{{"type":"summary","summary":"Retry loop mended","leafUuid":"{leaf}"}}')
    snapshot = f'{{"messageId":"{message}","trackedFileBackups":{{}},"timestamp":"{stamp(t.clock)}"}}'
    t.raw(f'{{"type":"file-history-snapshot","messageId":"{message}","snapshot":{snapshot},"isSnapshotUpdate":false}}')
    t.raw(f'{{"type":"file-history-delta","messageId":"{message}","delta":{{}}}}')
    for operation in ("enqueue", "remove", "popAll"):
        t.raw(
            f'{{"type":"queue-operation","operation":"{operation}","timestamp":"{stamp(t.clock)}",'
            f'"sessionId":"{t.session_id}","content":"later: tidy the notes"}}'
        )
    session = f'"sessionId":"{t.session_id}"'
    t.raw(f'{{"type":"custom-title","customTitle":"Mending",{session}}}')
    t.raw(f'{{"type":"ai-title","aiTitle":"Mend the retry loop",{session}}}')
    t.raw(f'{{"type":"agent-name","agentName":"mender",{session}}}')
    t.raw(f'{{"type":"agent-setting","agentSetting":"default",{session}}}')
    t.raw(f'{{"type":"last-prompt","lastPrompt":"and add a test",{session}}}')
    t.raw(f'{{"type":"permission-mode","permissionMode":"acceptEdits",{session}}}')
    t.raw(f'{{"type":"bridge-session",{session},"bridgeSessionId":"{t.uuid()}"}}')
    t.raw(f'{{"type":"worktree-state",{session},"worktreeSession":{{"originalCwd":{quoted(t.cwd)}}}}}')
    t.raw(f'{{"type":"tag",{session},"tag":"billing"}}')


def _system_lines(t: Transcript, _: str) -> None:
    """System lines, attachments and progress of hooks and shells."""
    for subtype in ("local_command", "turn_duration", "stop_hook_summary", "away_summary", "informational"):
        t.pause(1)
        t.write(f'"type":"system","subtype":"{subtype}","content":"","level":"info","isMeta":false')
    t.write('"type":"attachment","attachment":{"type":"diagnostics","files":[]}')
    for kind in ("hook_progress", "bash_progress", "waiting_for_task"):
        t.pause(1)
        data = f'{{"type":"{kind}","output":"","elapsedTimeSeconds":2}}'
        t.write(f'"type":"progress","data":{data},"toolUseID":"{t.token("toolu")}"', chain=False)


def _unknown_type(t: Transcript, _: str) -> None:
    """A line of an unknown type."""
    t.write('"type":"weather-report","weather":{"sky":"clear"}')


def _blank_and_comment(t: Transcript, _: str) -> None:
    """Blank lines and a comment."""
    t.raw("")
    t.raw("// written by hand while debugging")
    t.raw("   ")


def _invalid_utf8(t: Transcript, model: str) -> None:
    """Bytes that are not UTF-8, in a text of an otherwise valid line."""
    t.prompt("show the broken bytes BYTES here")
    last = t.lines.pop()
    t.raw(str(last).encode().replace(b"BYTES", b"\xff\xfe\xc3("))
    t.answer(model, t.usage())


def _nul_character(t: Transcript, model: str) -> None:
    """A NUL in a text, which Postgres refuses."""
    t.prompt("the file holds \x00 and \x01 bytes")
    t.answer(model, t.usage(), text="Yes: \x00 stands at its start.")


def _long_lines(t: Transcript, model: str) -> None:
    """Lines of 300 KB and 2.1 MB."""
    for size in (300_000, 2_100_000):
        tool_use = t.answer(model, t.usage(), tool=True)
        t.tool_result(tool_use, "x" * size)


def _three_lines(t: Transcript, model: str) -> None:
    """An answer over three lines, the first two with almost no output tokens."""
    tool_use = t.answer(model, t.usage(), text="I read it first.", tool=True, lines=3)
    t.tool_result(tool_use)


def _gateway(t: Transcript, _: str) -> None:
    """Answers through gateways: ids of other forms, models of other vendors, no requestId."""
    t.prompt("which model are you, and does the gateway say so?")
    for number, model in enumerate(
        ("openai/gpt-5-mini", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-opus-4-6[1m]", "qwen3-coder-480b")
    ):
        t.pause(20)
        usage = Usage(1200 + number, 210, 0, 0, split=False)
        t.answer(model, usage, request_id=False, message_id=f"chatcmpl-{t.chance.getrandbits(64):016x}")


def _fallback_model(t: Transcript, model: str) -> None:
    """An answer that another model finishes: its last line has other cache figures."""
    message, request = t.token("msg"), t.token("req")
    for name, usage, output in (
        (model, Usage(4, 0, 88_000, 900), 2),
        ("claude-sonnet-4-6", Usage(7, 0, 0, 41_000), 412),
    ):
        block = '{"type":"text","text":"Going on with another model."}'
        t.write(
            f'"message":{{"model":"{name}","id":"{message}","type":"message","role":"assistant","content":[{block}],'
            f'"stop_reason":null,"stop_sequence":null,"usage":{usage.text(output)}}},"requestId":"{request}",'
            f'"type":"assistant"'
        )
        t.pause(3)


def _agent_new_layout(t: Transcript, model: str) -> None:
    """A sub-agent in the session's own folder, with its meta.json; its usage is in progress lines too."""
    agent_id = f"{t.chance.getrandbits(28):07x}"
    path = f"{t.session_id}/subagents/agent-{agent_id}"
    agent = _sub_agent(t, model, f"{path}.jsonl", agent_id)
    meta = {"agentType": "Explore", "spawnDepth": 1, "model": model, "toolUseId": t.token("toolu")}
    t.beside[f"{path}.meta.json"] = orjson.dumps(meta)
    for line in agent.lines:
        row = orjson.loads(line)
        nested = {key: row[key] for key in ("type", "timestamp", "message", "requestId", "uuid") if key in row}
        data = {
            "message": nested,
            "normalizedMessages": [],
            "type": "agent_progress",
            "prompt": "",
            "agentId": agent_id,
        }
        t.write(f'"type":"progress","data":{orjson.dumps(data).decode()},"toolUseID":"agent_{agent_id}"', chain=False)
    t.clock = agent.clock
    t.tool_result(t.token("toolu"), "three callers", '{"status":"completed","totalTokens":48211,"agentId":"x"}')


def _agent_old_layout(t: Transcript, model: str) -> None:
    """A sub-agent next to the session's file."""
    agent_id = f"{t.chance.getrandbits(32):08x}"
    t.clock = _sub_agent(t, model, f"agent-{agent_id}.jsonl", agent_id).clock


def _agent_in_progress_only(t: Transcript, model: str) -> None:
    """A sub-agent whose usage is only in progress lines."""
    for number in range(2):
        t.pause(4)
        message = {
            "model": model,
            "id": t.token("msg"),
            "type": "message",
            "role": "assistant",
            "content": [{"type": "text", "text": "Looking."}],
            "stop_reason": None,
            "usage": orjson.loads(Usage(3, 55 + number, 0, 12_000, 12_000).text(55 + number)),
        }
        nested = {"type": "assistant", "timestamp": stamp(t.clock), "message": message, "uuid": t.uuid()}
        data = {"message": {**nested, "requestId": t.token("req")}, "type": "agent_progress", "agentId": "a0ff00a"}
        t.write(f'"type":"progress","data":{orjson.dumps(data).decode()},"toolUseID":"agent_x"', chain=False)


def _workflow(t: Transcript, model: str) -> None:
    """A workflow's sub-agents, with a journal that is not a transcript, and a large tool output."""
    folder = f"{t.session_id}/subagents/workflows/wf-1"
    agent_id = f"{t.chance.getrandbits(28):07x}"
    t.clock = _sub_agent(t, model, f"{folder}/agent-{agent_id}.jsonl", agent_id).clock
    t.beside[f"{folder}/journal.jsonl"] = b'{"step":1,"state":"started"}\n{"step":1,"state":"done"}\n'
    t.beside[f"{t.session_id}/tool-results/output-1.txt"] = b"a long tool output\n" * 40


def _fork(t: Transcript, _: str) -> None:
    """A branch into a new session: every message twice, once with forkedFrom."""
    fork = t.uuid()
    lines = []
    for line in t.lines:
        if not isinstance(line, str) or '"sessionId"' not in line or '"uuid"' not in line:
            continue
        copy = line.replace(t.session_id, fork)
        row = orjson.loads(copy)
        row["forkedFrom"] = {"sessionId": t.session_id, "messageUuid": row["uuid"]}
        lines += [copy.encode(), orjson.dumps(row)]
    t.beside[f"{fork}.jsonl"] = b"\n".join(lines) + b"\n"


def _background_copy(t: Transcript, model: str) -> None:
    """A hand-over to the background: all lines are copied under a new session id, then that session continues."""
    session = t.uuid()
    copy = Transcript(t.chance, session, t.cwd, t.branch, t.version, t.clock + 60_000, parent=t.parent)
    copy.lines = [line.replace(t.session_id, session) for line in t.lines if isinstance(line, str)]
    copy.answer(model, copy.usage(), text="Going on in the background.")
    t.beside[f"{session}.jsonl"] = copy.content()


def _resume(t: Transcript, model: str) -> None:
    """The same file continues 26 hours later."""
    t.clock += 26 * _HOUR
    t.prompt("where were we?")
    t.pause(8)
    t.answer(model, t.usage())


def _compaction(t: Transcript, model: str) -> None:
    """A compaction: a boundary, then a user line not written by a person."""
    before, t.parent = t.parent, "null"
    t.write(
        f'"logicalParentUuid":{before},"type":"system","subtype":"compact_boundary","content":"Conversation compacted",'
        '"isMeta":false,"level":"info","compactMetadata":{"trigger":"auto","preTokens":155000}'
    )
    t.user(quoted("This session goes on from an earlier one. What happened so far: much."), '"isCompactSummary":true,')
    t.answer(model, t.usage())


def _synthetic(t: Transcript, _: str) -> None:
    """Answers that the client made itself, which are not calls."""
    zero = Usage(0, 0, 0, 0)
    t.answer("<synthetic>", zero, text="API Error: 529 overloaded", request_id=False, message_id=t.uuid())
    last = str(t.lines.pop())
    t.raw(last[:-1] + ',"isApiErrorMessage":true,"error":"server_error","apiErrorStatus":529}')
    t.write('"type":"system","subtype":"api_error","level":"error","retryInMs":529.8,"retryAttempt":1,"maxRetries":10')


def _old_version(t: Transcript, _: str) -> None:
    """Lines of a version that wrote costs and no cache writes."""
    version, t.version = t.version, _OLD_VERSION
    t.prompt("an old client asks")
    t.answer("claude-3-5-sonnet-20241022", t.usage(), lines=2)
    t.version = version


def _haiku_tier(t: Transcript, _: str) -> None:
    """Prompts of 99,999 and 100,001 tokens: the price of the whole request changes between them."""
    for total in (99_999, 100_000, 100_001):
        t.pause(15)
        t.answer("claude-haiku-5-5", Usage(9, 300, total - 9 - 500, 500))


def _price_change(t: Transcript, _: str) -> None:
    """Answers around the price change of October 2026; none if the story does not reach it."""
    clock, change = t.clock, milliseconds(PRICE_CHANGE)
    if abs(clock - change) > 2 * _DAY:
        return
    for at in (change - 2000, change, change + 5000):
        t.clock = at
        t.answer("claude-sonnet-5-5", Usage(5, 200, 40_000, 700))
    t.clock = clock


def _midnight(t: Transcript, model: str) -> None:
    """An answer with lines on both sides of midnight UTC."""
    t.clock = (t.clock // _DAY + 1) * _DAY - 90_000
    t.prompt("one more thing before tomorrow")
    t.clock = (t.clock // _DAY + 1) * _DAY - 800
    message, request = t.token("msg"), t.token("req")
    for output in (3, 377):
        block = '{"type":"text","text":"Just in time."}'
        t.write(
            f'"message":{{"model":"{model}","id":"{message}","type":"message","role":"assistant","content":[{block}],'
            f'"stop_reason":null,"stop_sequence":null,"usage":{Usage(4, 0, 20_000, 300).text(output)}}},'
            f'"requestId":"{request}","type":"assistant"'
        )
        t.pause(2)


def _two_on_a_line(t: Transcript, model: str) -> None:
    """Two records on one line, each a paid call."""
    first = len(t.lines)
    for text in ("One.", "Two."):
        t.answer(model, t.usage(), text=text)
    records = t.lines[first:]
    del t.lines[first:]
    t.raw("".join(str(record) for record in records))


def _backwards(t: Transcript, model: str) -> None:
    """Timestamps that run backwards, by up to five hours."""
    t.write('"type":"user","message":{"role":"user","content":"and this was typed before"}', at=t.clock - 25_000)
    t.write('"type":"system","subtype":"informational","content":"late line"', at=t.clock - 5 * _HOUR)
    t.pause(10)
    t.answer(model, t.usage())


def _side_question(t: Transcript, model: str) -> None:
    """A side question replays an answer: the same message id, another requestId, isSidechain."""
    message, usage = t.token("msg"), t.usage()
    t.answer(model, usage, text="The main answer.", message_id=message)
    t.pause(30)
    agent, t.agent_id = t.agent_id, "aside01"
    t.answer(model, usage, text="The main answer.", message_id=message)
    t.agent_id = agent


def _not_prompts(t: Transcript, model: str) -> None:
    """User lines not typed by a person, slash commands, and queued prompts."""
    t.prompt(
        "<command-name>/review</command-name>\n<command-message>review</command-message>\n<command-args>DOCK-1</command-args>"
    )
    t.user(quoted("Base of the skill: look at the diff."), '"isMeta":true,')
    for text in (
        "<local-command-stdout>done</local-command-stdout>",
        "<local-command-caveat>made by local commands</local-command-caveat>",
        "<bash-input>ls</bash-input>",
        "<bash-stdout>src</bash-stdout><bash-stderr></bash-stderr>",
        "<system-reminder>be brief</system-reminder>",
        "<task-notification>task 1 ended</task-notification>",
        "[Request interrupted by user]",
        "[Request interrupted by user for tool use]",
    ):
        t.pause(1)
        t.user(quoted(text))
    t.user(quoted("seen in the transcript only"), '"isVisibleInTranscriptOnly":true,')
    t.user(quoted("a message from another agent"), '"origin":{"kind":"coordinator"},')
    queued = "when you are done: bump the version"
    t.raw(
        f'{{"type":"queue-operation","operation":"enqueue","timestamp":"{stamp(t.clock)}",'
        f'"sessionId":"{t.session_id}","content":{quoted(queued)}}}'
    )
    t.raw(
        f'{{"type":"queue-operation","operation":"dequeue","timestamp":"{stamp(t.clock)}","sessionId":"{t.session_id}"}}'
    )
    t.pause(1)
    t.write(
        f'"type":"attachment","attachment":{{"type":"queued_command","prompt":{quoted(queued)},"commandMode":"prompt"}}'
    )
    t.answer(model, t.usage())


def _image(t: Transcript, model: str) -> None:
    """A prompt with an image, and tool results with lists and bare strings."""
    image = '{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}'
    t.user(f'[{{"type":"text","text":"why is the header cut off?"}},{image}]')
    tool_use = t.answer(model, t.usage(), tool=True)
    content = (
        f'[{{"tool_use_id":"{tool_use}","type":"tool_result","content":[{{"type":"text","text":"fine"}},{image}]}}]'
    )
    t.user(content, '"toolUseResult":"fine",')
    t.tool_result(tool_use, "again", '[{"type":"text","text":"again"}]')


def _secrets(t: Transcript, model: str) -> None:
    """Secrets in a prompt and in a tool's input, for the redactor; made up, and assembled here."""
    key = "AKIA" + "QX7ZJ5MPL2VWTN4B"
    token = "ghp_" + "z9Yx8Wv7Ut6Sr5Qp4On3Ml2Kj1Ih0GfEdCbA"
    t.prompt(f"use aws_access_key_id = {key} for the upload")
    message, request, tool_use = t.token("msg"), t.token("req"), t.token("toolu")
    command = quoted(f"export GITHUB_TOKEN={token} && make release")
    block = f'{{"type":"tool_use","id":"{tool_use}","name":"Bash","input":{{"command":{command}}}}}'
    t.write(
        f'"message":{{"model":"{model}","id":"{message}","type":"message","role":"assistant","content":[{block}],'
        f'"stop_reason":null,"stop_sequence":null,"usage":{t.usage().text(64)}}},"requestId":"{request}","type":"assistant"'
    )
    t.tool_result(tool_use)


def _modifiers(t: Transcript, _: str) -> None:
    """Answers in fast mode, with US-only inference, with web searches."""
    t.answer("claude-opus-5", Usage(5, 300, 10_000, 400, speed="fast"))
    t.pause(9)
    t.answer("claude-opus-4-6", Usage(5, 300, 10_000, 400, geo="us"))
    t.pause(9)
    t.answer("claude-sonnet-4-6", Usage(5, 300, 10_000, 400, web_searches=3))


def _wrong_shapes(t: Transcript, model: str) -> None:
    """Records of wrong types and records that are not objects, between valid ones."""
    t.raw("[1,2,3]")
    t.raw('"just a text"')
    t.raw("null")
    t.raw('{"type":"assistant","message":"not an object","timestamp":12}')
    t.raw('{"type":"user","message":{"role":"user","content":5},"uuid":{},"timestamp":"yesterday"}')
    t.raw('{"type":"assistant","message":{"id":"msg_cut","usage":{"input_tokens":3')
    t.answer(model, t.usage())


def _elsewhere(t: Transcript, model: str) -> None:
    """Work in another folder than the one where the session began, without a client."""
    cwd, t.cwd = t.cwd, "/tmp/scratch/experiments"  # noqa: S108 - a name in a transcript, no file
    t.prompt("try it in an empty folder first")
    t.pause(45)
    t.answer(model, t.usage())
    t.cwd = cwd


def _unfinished(t: Transcript, model: str) -> None:
    """An answer whose last line is missing."""
    t.answer(model, Usage(6, 900, 30_000, 250), text="I will", lines=2, finished=False)


def _pull_request_link(t: Transcript, _: str) -> None:
    """A link to the pull request that the session opened."""
    t.raw(
        f'{{"type":"pr-link","sessionId":"{t.session_id}","prNumber":1,"prRepository":"lantern-works/dock-scheduler",'
        f'"prUrl":"https://github.com/lantern-works/dock-scheduler/pull/1","timestamp":"{stamp(t.clock)}"}}'
    )


def _half_line(t: Transcript, model: str) -> None:
    """A last line that is only half written."""
    t.answer(model, t.usage())
    last = str(t.lines.pop())
    t.raw(last[: len(last) // 2])
    t.ending = ""


ODDITIES: dict[str, Oddity] = {
    function.__name__.lstrip("_"): function
    for function in (
        _bookkeeping, _system_lines, _unknown_type, _blank_and_comment, _invalid_utf8, _nul_character, _long_lines,
        _three_lines, _gateway, _fallback_model, _agent_new_layout, _agent_old_layout, _agent_in_progress_only,
        _workflow, _fork, _background_copy, _compaction, _synthetic, _old_version, _haiku_tier, _price_change,
        _midnight, _two_on_a_line, _backwards, _side_question, _not_prompts, _image, _secrets, _modifiers,
        _wrong_shapes, _elsewhere, _unfinished, _pull_request_link, _resume, _half_line,
    )
}  # fmt: skip
"""Oddities of real files, by name; the functions' docstrings describe them."""


def assign_oddities(agency: Agency) -> dict[str, list[str]]:
    """Return the oddities of each session, by session id.

    They are spread over the story from old to new; if there are fewer sessions than oddities, several share one.
    Oddities that end a file (`resume`, `half_line`) come last in it.
    """
    sessions = agency.sessions
    assigned: dict[str, list[str]] = {}
    if not sessions:
        return assigned
    near = min(sessions, key=lambda session: abs(session.block.start - PRICE_CHANGE))
    after = next((session for session in sessions if session.block.start > PRICE_CHANGE), sessions[-1])
    dated = {"price_change": near, "haiku_tier": after}
    for number, name in enumerate(ODDITIES):
        session = dated.get(name) or sessions[number * len(sessions) // len(ODDITIES)]
        assigned.setdefault(session.session_id, []).append(name)
    # Sub-agents and book-keeping are common: every fortieth and every thirtieth session has them.
    for session in sessions[7::40]:
        layout = "agent_new_layout" if session.version >= "2.0.76" else "agent_old_layout"
        names = assigned.setdefault(session.session_id, [])
        names.insert(0, layout) if layout not in names else None
    for session in sessions[11::30]:
        names = assigned.setdefault(session.session_id, [])
        names.insert(0, "bookkeeping") if "bookkeeping" not in names else None
    return assigned


def render(agency: Agency, session: Session, oddities: Iterable[str] = ()) -> dict[str, bytes]:
    """Return the files of a session, by path below the `claude` folder."""
    chance = Random(f"{agency.seed}:transcript:{session.session_id}")
    block = session.block
    transcript = Transcript(
        chance, session.session_id, session.cwd, block.branch, session.version, milliseconds(block.start)
    )
    if chance.random() < 0.45:
        transcript.ending = ""
    _converse(transcript, session.model, block.ticket.key, milliseconds(block.end) - 45_000)
    for name in oddities:
        transcript.pause(3)
        ODDITIES[name](transcript, session.model)
    folder = f"{session.host}/projects/{slug_of(session.cwd)}"
    files = {f"{folder}/{session.session_id}.jsonl": transcript.content()}
    files.update({f"{folder}/{name}": content for name, content in transcript.beside.items()})
    return files


def write_transcripts(agency: Agency, folder: Path) -> tuple[int, int]:
    """Write all sessions of the story.

    Returns:
        The number of files and of bytes.
    """
    assigned = assign_oddities(agency)
    made: set[Path] = set()
    count = size = 0
    for session in agency.sessions:
        for name, content in render(agency, session, assigned.get(session.session_id, ())).items():
            path = folder / name
            if path.parent not in made:
                path.parent.mkdir(parents=True, exist_ok=True)
                made.add(path.parent)
            path.write_bytes(content)
            count, size = count + 1, size + len(content)
    return count, size


def write_bulk(folder: Path, size: int, seed: int = 1, *, answers_per_file: int = 250) -> dict[str, Any]:
    """Write about `size` bytes of transcripts under `folder`, for benchmarks; no two files share an id.

    A few files are generated in full and then copied with other ids, so that a GiB takes seconds. Lines are as long as
    in real files: about 1 KB each, tool results up to 30 KB, 75 % of answers over several lines.

    Args:
        folder: where to write; files go to `<folder>/<host>/projects/<slug>/`.
        size: total bytes; the last file may exceed it.
        seed: each seed gives other bytes.
        answers_per_file: length of a session.

    Returns:
        `files`, `bytes`, `lines`, and `answers`: how many distinct answers there are.
    """
    chance = Random(f"{seed}:bulk")
    mark = "5eed5eed"
    templates = []
    for number in range(4):
        begin = milliseconds(datetime(2026, 3, 2 + number, 8, tzinfo=UTC))
        transcript = Transcript(
            chance, f"{mark}-0000-4000-a000-{number:012x}", f"/home/dev/work/bulk-{number}", "main", "2.1.97", begin
        )
        answers = 0
        while answers < answers_per_file:
            transcript.pause(40)
            transcript.prompt(
                f"{chance.choice(_VERBS)} {chance.choice(_PARTS)}, {chance.choice(_TAILS)} DOCK-{answers}"
            )
            for _ in range(chance.randint(2, 6)):
                transcript.pause(chance.randint(3, 30))
                tool_use = transcript.answer(
                    "claude-sonnet-4-5-20250929", transcript.usage(), text=" ".join(chance.choices(_REPLIES, k=4)),
                    tool=True, lines=chance.choice((1, 2, 2, 2)),
                )  # fmt: skip
                answers += 1
                transcript.pause(chance.randint(1, 9))
                transcript.tool_result(
                    tool_use, " ".join(chance.choices(_REPLIES, k=int(chance.lognormvariate(2.6, 1.2)) + 1))
                )
        content = transcript.content()
        # Every id begins with the mark, so that one replacement makes a new session.
        content = re.sub(rb'("uuid":"|"parentUuid":"|"promptId":")[0-9a-f]{8}', rb"\g<1>" + mark.encode(), content)
        content = re.sub(rb"(msg_01|req_01|toolu_01)[0-9a-f]{8}", rb"\g<1>" + mark.encode(), content)
        templates.append((content, content.count(b"\n"), answers))
    written = files = lines = answers = 0
    while written < size:
        content, line_count, answer_count = templates[files % len(templates)]
        path = folder / f"host-{files % 3}" / "projects" / f"-home-dev-work-bulk-{files % len(templates)}"
        path.mkdir(parents=True, exist_ok=True)
        token = f"{files + 1:08x}"
        (path / f"{token}-0000-4000-a000-{files % len(templates):012x}.jsonl").write_bytes(
            content.replace(mark.encode(), token.encode())
        )
        written, files, lines = written + len(content), files + 1, lines + line_count
        answers += answer_count
    return {"files": files, "bytes": written, "lines": lines, "answers": answers}
