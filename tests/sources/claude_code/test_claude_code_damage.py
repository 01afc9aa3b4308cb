"""Damage of every kind never stops a load, and every bad line is set aside with file, offset and reason."""

import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sources.claude_code.other_logs import other_tool
from tests.sources.claude_code.claude_code_world import SESSION, Loader, Read, answer, record, user

GOOD, BAD, BOTH, SILENT = "good", "bad", "both", "silent"


def damaged_lines(count: int) -> list[tuple[bytes, str]]:
    """Deterministic damage: each line with what must become of it."""
    chance = random.Random(20261121)
    wrong: list[Any] = [None, True, -1, 1.5, 2**70, "text", [], [1, [2]], {}, {"a": {"b": []}}]

    def whole(number: int) -> dict[str, Any]:
        return chance.choice([answer(f"msg_{number}", number), user(f"prompt {number}"), record("progress", data={})])

    def cut(number: int) -> tuple[bytes, str]:
        line = json.dumps(whole(number)).encode()
        return line[: chance.randrange(1, len(line) - 1)], BAD

    def two(number: int) -> tuple[bytes, str]:
        return json.dumps(whole(number)).encode() + json.dumps(whole(number)).encode(), GOOD

    def invalid_utf8(number: int) -> tuple[bytes, str]:
        line = json.dumps(user(f"before MARK after {number}")).encode()
        return line.replace(b"MARK", bytes(chance.randrange(128, 256) for _ in range(chance.randrange(1, 9)))), GOOD

    def nul(number: int) -> tuple[bytes, str]:
        line = json.dumps(user(f"before \0 after {number}", cwd="/a\0b", gitBranch="\0")).encode()
        return (line.replace(b"\\u0000", b"\0") if number % 2 else line), GOOD

    def only_nul(number: int) -> tuple[bytes, str]:
        return b"\0" * chance.randrange(1, 99), BAD

    def huge(number: int) -> tuple[bytes, str]:
        line = json.dumps(user("x" * 3_000_000 + str(number))).encode()
        return (line, GOOD) if number % 2 else (line[:-9], BAD)

    def wrong_type(number: int) -> tuple[bytes, str]:
        line = whole(number)
        target = chance.choice([line, line.get("message", line), line.get("message", line).get("usage", line)])
        key = chance.choice(list(target))
        target[key] = chance.choice(wrong)
        return json.dumps(line).encode(), BOTH

    def unknown_type(number: int) -> tuple[bytes, str]:
        return json.dumps(record(f"type-of-{number}", payload=chance.choice(wrong))).encode(), GOOD

    def no_object(number: int) -> tuple[bytes, str]:
        return json.dumps(chance.choice([1, "text", [whole(number)], None, True])).encode(), BAD

    def noise(number: int) -> tuple[bytes, str]:
        return b"\x80" + bytes(chance.choice(b'{}[]":,\\ab1\x00\xff') for _ in range(chance.randrange(1, 200))), BAD

    def blank(number: int) -> tuple[bytes, str]:
        return chance.choice([b"", b"  ", b"\r", b"// a comment"]), SILENT

    makers = [cut, two, invalid_utf8, nul, only_nul, wrong_type, wrong_type, unknown_type, no_object, noise, blank]
    return [huge(number) if number % 250 == 7 else chance.choice(makers)(number) for number in range(count)]


def test_a_thousand_damaged_lines_never_stop_a_load(loader: Loader) -> None:
    made = damaged_lines(1000)
    loader.session_text = "redacted"
    loader.write(f"project/{SESSION}.jsonl", b"".join(line + b"\n" for line, _ in made))
    loader.run()
    set_aside = loader.rows(
        "select line_offset, byte_length, reason, path, record_index from unreadable_lines order by 1, 5"
    )
    faults: dict[int, tuple[int, str]] = {}
    for offset, length, reason, path, _ in set_aside:
        assert path.endswith(f"project/{SESSION}.jsonl")
        assert reason
        faults[offset] = (length, reason)
    landed = {offset for (offset,) in loader.rows("select line_offset from events")}
    offset = 0
    for line, fate in made:
        if fate == BAD:
            assert faults[offset][0] == len(line), line[:200]
        elif fate == GOOD:
            assert offset not in faults, (line[:200], faults[offset])
            assert offset in landed, line[:200]
        elif fate == SILENT:
            assert offset not in faults
            assert offset not in landed
        offset += len(line) + 1
    assert loader.run()["bytes_read"] == 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = [
    *("timestamp", "uuid", "promptId", "forkedFrom", "sessionId", "agentId", "cwd", "gitBranch", "version"),
    *("isSidechain", "message", "data", "attachment", "requestId", "costUSD", "origin", "isMeta"),
    *("advisorModel", "payload", "sessionID"),
]
INNER = [
    *("id", "model", "content", "usage", "stop_reason", "message", "agentId", "normalizedMessages", "data", "type"),
    *("prompt", "commandMode", "origin", "source_uuid", "input_tokens", "cache_creation", "server_tool_use", "kind"),
    *("iterations", "parts"),
]
TYPES = st.sampled_from(["assistant", "user", "progress", "attachment", "pr-link", "queued_command"])
inner_values = st.dictionaries(st.sampled_from(INNER), json_values, max_size=6)
records = st.fixed_dictionaries(
    {"type": TYPES},
    optional={key: json_values | inner_values | st.dictionaries(st.sampled_from(INNER), inner_values) for key in KEYS},
)


@settings(max_examples=150, deadline=None)
@given(records)
def test_no_record_of_whatever_shape_raises(made: dict[str, Any]) -> None:
    read = Read(json.dumps(made).encode())
    for rows in (read.messages, read.events, read.prompts, read.tool_calls, read.unreadable_lines):
        for row in rows:
            assert row["file_id"] == "file"
            assert row["line_offset"].isdigit()
    for row in read.messages:
        for name in ("input_tokens", "output_tokens", "cache_creation_tokens", "web_search_requests"):
            assert row[name] == "" or 0 <= int(row[name]) < 2**53


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_raise(line: bytes) -> None:
    Read(line.replace(b"\n", b""))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=80) | records.map(lambda made: json.dumps(made).encode()), max_size=4))
def test_what_a_file_is_can_be_asked_of_any_bytes(head: list[bytes]) -> None:
    assert isinstance(other_tool(head), str)
