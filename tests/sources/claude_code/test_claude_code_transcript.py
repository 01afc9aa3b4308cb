"""What a line means: rules 5.2 to 5.8, vendors 6.2 to 6.4."""

import json
from typing import Any

import pytest

from sources.claude_code.prompts import branch_ticket_keys, ticket_keys
from sources.claude_code.records import parse_timestamp, place_of
from sources.claude_code.values import LONGEST_NAME
from tests.sources.claude_code.claude_code_world import SESSION, Read, answer, record, user


def test_an_answer_has_its_usage() -> None:
    (row,) = Read(answer(output=7)).messages
    assert (
        row
        | {
            "message_id": "msg_1",
            "request_id": "req_1",
            "session_id": SESSION,
            "model": "claude-opus-5-5",
            "input_tokens": "10",
            "output_tokens": "7",
            "cache_read_tokens": "100",
            "cache_creation_tokens": "30",
            "cache_creation_1h_tokens": "20",
            "answered_at": "2026-11-02T09:00:00.000Z",
            "cwd": "/work/app",
            "is_sidechain": "False",
            "is_forked": "False",
            "response_text": "Done.",
        }
        == row
    )


def test_every_line_of_an_answer_is_a_row() -> None:
    read = Read(answer(output=1), answer(output=143))
    assert [row["output_tokens"] for row in read.messages] == ["1", "143"]
    assert [row["line_offset"] for row in read.messages] == ["0", str(len(json.dumps(answer(output=1))) + 1)]


@pytest.mark.parametrize(
    ("usage", "total", "one_hour"),
    [
        ({"cache_creation_input_tokens": 30}, "30", ""),
        ({"cache_creation": {"ephemeral_5m_input_tokens": 4}}, "4", "0"),
        ({"cache_creation_input_tokens": 9, "cache_creation": {"ephemeral_1h_input_tokens": 9}}, "9", "9"),
        ({}, "", ""),
    ],
)
def test_cache_writes_split_only_where_the_record_splits_them(usage: dict[str, Any], total: str, one_hour: str) -> None:
    (row,) = Read(answer(message={"usage": usage})).messages
    assert (row["cache_creation_tokens"], row["cache_creation_1h_tokens"]) == (total, one_hour)


def test_what_an_advisor_used_is_an_answer_of_its_own() -> None:
    advice = {"type": "advisor_message", "model": "claude-opus-5-5", "input_tokens": 900, "output_tokens": 90}
    line = answer(output=7, message={"model": "claude-sonnet-5"}, advisorModel="claude-opus-4-8")
    own = {"type": "message", "model": "claude-sonnet-5", "output_tokens": 7}
    line["message"]["usage"]["iterations"] = [
        own,
        advice,
        own | {"model": "claude-opus-5"},
        {"type": "advisor_message"},
    ]
    read = Read(line)
    found = [(row["message_id"], row["model"], row["input_tokens"], row["output_tokens"]) for row in read.messages]
    assert found == [
        ("msg_1", "claude-sonnet-5", "10", "7"),
        ("msg_1:advisor:1", "claude-opus-5-5", "900", "90"),
        ("msg_1:advisor:2", "claude-opus-5", "", "7"),
        ("msg_1:advisor:3", "claude-opus-4-8", "", ""),
    ]
    assert [row["record_index"] for row in read.messages] == ["0", "1", "2", "3"]
    assert read.models == {"claude-sonnet-5", "claude-opus-5-5", "claude-opus-5", "claude-opus-4-8"}


def test_iterations_of_a_wrong_type_are_noted() -> None:
    line = answer()
    line["message"]["usage"]["iterations"] = {"type": "advisor_message"}
    assert Read(line).unreadable_lines[0]["reason"] == "usage.iterations is an object"
    line["message"]["usage"]["iterations"] = [5]
    assert Read(line).unreadable_lines[0]["reason"] == "an entry of usage.iterations is a number"


def test_a_tools_result_for_a_sub_agent_is_of_the_sub_agent() -> None:
    result = {"type": "user", "message": {"role": "user", "content": [{"type": "tool_result", "content": "ok"}]}}
    (event,) = Read(record("progress", data={"agentId": "a1", "message": result})).events
    assert (event["kind"], event["agent_id"], event["is_sidechain"]) == ("tool_result", "a1", "True")
    (event,) = Read(record("progress", data={"agentId": "a1", "message": {"type": "user"}})).events
    assert (event["kind"], event["agent_id"]) == ("progress", "")


def test_usage_without_a_message_id_is_kept_by_request_then_uuid() -> None:
    read = Read(answer(message={"id": None}), answer(message={"id": None}) | {"requestId": None})
    assert [row["message_id"] for row in read.messages] == ["req_1", "aaaaaaaa-0000-4000-8000-000000000001"]


def test_synthetic_answers_gateway_models_and_old_costs_are_kept_as_they_stand() -> None:
    read = Read(
        answer(message={"model": "<synthetic>"}, isApiErrorMessage=True),
        answer(message={"model": "vendor/model-9:free"}, costUSD=0.1234567),
    )
    assert [row["model"] for row in read.messages] == ["<synthetic>", "vendor/model-9:free"]
    assert [row["is_api_error"] for row in read.messages] == ["True", "False"]
    assert float(read.messages[1]["line_cost_usd"]) == 0.1234567


def test_usage_within_progress_lines_is_a_sub_agents_answer() -> None:
    nested = {"type": "assistant", "timestamp": "2026-11-02T09:00:01.000Z", "uuid": "n1"}
    nested |= {"message": answer("msg_sub", 55)["message"]}
    read = Read(record("progress", data={"type": "agent_progress", "agentId": "a7", "message": nested}))
    (row,) = read.messages
    assert (row["message_id"], row["agent_id"], row["is_sidechain"]) == ("msg_sub", "a7", "True")
    assert (row["record_index"], row["uuid"], row["answered_at"]) == ("1", "n1", "2026-11-02T09:00:01.000Z")
    assert [(event["kind"], event["record_index"]) for event in read.events] == [("progress", "0")]


def test_a_tasks_totals_in_its_result_are_no_usage() -> None:
    result = user([{"type": "tool_result", "content": "ok"}], toolUseResult={"usage": {"output_tokens": 9}})
    assert not Read(result).messages


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (user("do it"), "prompt"),
        (answer(), "answer"),
        (user([{"type": "tool_result", "content": "x"}]), "tool_result"),
        (record("progress", data={"type": "hook_progress"}), "progress"),
        (record("system", subtype="turn_duration"), "other"),
        (record("from-the-future", anything=[1]), "other"),
        (user("meta", isMeta=True), "other"),
    ],
)
def test_every_timestamped_record_is_an_event_of_its_kind(line: dict[str, Any], kind: str) -> None:
    assert [event["kind"] for event in Read(line).events] == [kind]


def test_a_record_without_timestamp_is_no_event_and_no_fault() -> None:
    read = Read({"type": "summary", "summary": "s", "leafUuid": "x"}, {"type": "custom-title", "customTitle": "t"})
    assert not read.events
    assert not read.unreadable_lines


@pytest.mark.parametrize(
    "line",
    [
        user("hello", isMeta=True),
        user("hello", isSidechain=True),
        user("hello", agentId="a1"),
        user("hello", isCompactSummary=True),
        user("hello", isVisibleInTranscriptOnly=True),
        user("hello", origin={"kind": "task-notification"}),
        user("continue", origin={"kind": "auto-continuation"}),
        user("from another session", origin={"kind": "peer"}),
        user("of a release to come", origin={"kind": "unheard-of"}),
        user("goal set", promptSource="system"),
        user("<cross-session-message from='x'>rebase</cross-session-message>"),
        record(
            "attachment",
            attachment={"type": "queued_command", "prompt": "go on", "origin": {"kind": "auto-continuation"}},
        ),
        user("<local-command-stdout>x</local-command-stdout>"),
        user("<bash-input>ls</bash-input>"),
        user("<system-reminder>x</system-reminder>"),
        user("<task-notification>\n<task-id>1</task-id></task-notification>"),
        user([{"type": "text", "text": "[Request interrupted by user for tool use]"}]),
        user([{"type": "text", "text": "<ide_opened_file>The user opened x</ide_opened_file>"}]),
        user([{"type": "tool_result", "content": "x"}, {"type": "text", "text": "and"}]),
        user("   "),
        record("queue-operation", operation="enqueue", content="queued, and perhaps taken back"),
        record("queue-operation", operation="popAll", content="taken back"),
        record("system", subtype="local_command", content="<command-name>/clear</command-name>"),
    ],
)
def test_what_the_tool_writes_in_the_persons_name_is_no_prompt(line: dict[str, Any]) -> None:
    assert not Read(line).prompts


@pytest.mark.parametrize(
    "marks", [{"origin": {"kind": "human"}}, {"origin": None}, {"origin": {}}, {"promptSource": "typed"}]
)
def test_marks_of_a_person_make_a_prompt(marks: dict[str, Any]) -> None:
    queued = record("attachment", attachment={"type": "queued_command", "prompt": "and this", **marks})
    assert [row["prompt_text"] for row in Read(user("hello", **marks), queued).prompts] == ["hello", "and this"]


def test_no_prompt_comes_from_a_sub_agents_file() -> None:
    assert not Read(user("You are a sub-agent", isSidechain=...), path=f"p/{SESSION}/subagents/agent-a1.jsonl").prompts


def test_a_persons_words_beside_the_tools_are_a_prompt() -> None:
    note = "<ide_opened_file>The user opened x</ide_opened_file>"
    image = {"type": "image", "source": {"data": "…"}}
    read = Read(
        user([{"type": "text", "text": note}, image, {"type": "text", "text": "what is this?"}]),
        user(f"{note}and this?"),
        keep=True,
    )
    assert [row["prompt_text"] for row in read.prompts] == ["what is this?", "and this?"]
    assert [row["has_image"] for row in read.prompts] == ["True", "False"]


def test_slash_commands_are_prompts_as_typed() -> None:
    text = "<command-message>fix is running…</command-message>\n<command-name>/fix</command-name>"
    read = Read(user(text + "\n<command-args>CON-76 now</command-args>"))
    assert [(row["kind"], row["prompt_text"]) for row in read.prompts] == [("slash_command", "/fix CON-76 now")]


def test_queued_commands_are_prompts_unless_the_tool_queued_them() -> None:
    def attachment(**fields: object) -> dict[str, Any]:
        return record("attachment", attachment={"type": "queued_command", "prompt": "check again", **fields})

    read = Read(
        attachment(commandMode="prompt", source_uuid="u-9"),
        attachment(commandMode="task-notification"),
        attachment(isMeta=True),
        attachment(prompt=[{"type": "text", "text": "as blocks"}]),
        record("queue-operation", operation="enqueue", content="check again", uuid=...),
    )
    assert [(row["kind"], row["prompt_text"]) for row in read.prompts] == [
        ("queued_command", "check again"),
        ("queued_command", "as blocks"),
    ]
    assert read.prompts[0]["uuid"] == "u-9"
    assert [event["kind"] for event in read.events] == ["prompt", "other", "other", "prompt", "other"]


def test_tickets_come_from_prompts_branches_and_links() -> None:
    read = Read(
        user("see CON-76, UTF-8 and con-9", gitBranch="feature/web-12-login"),
        answer(gitBranch="feature/web-12-login"),
        record("pr-link", prUrl="https://example.com/pull/1", prTitle="OPS-3: fix", gitBranch=...),
        answer(gitBranch="feature/WEB-13"),
    )
    found = [(row["origin"], row["ticket_key"]) for row in read.ticket_mentions]
    assert found == [
        ("prompt", "CON-76"),
        ("prompt", "UTF-8"),
        ("branch", "WEB-12"),
        ("pr_link", "OPS-3"),
        ("branch", "WEB-13"),
    ]
    assert json.loads(read.prompts[0]["ticket_keys"]) == ["CON-76", "UTF-8"]


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("CON-76/CON-76_x (AB2-1)", ["CON-76", "AB2-1"]),
        ("XCON-0 a-1 1A-2 CON-76a é", []),
        ("805e777b-8363-4702-B779-BE58FE30FCF2", []),
    ],
)
def test_keys_stand_alone(text: str, keys: list[str]) -> None:
    assert ticket_keys(text) == keys


def test_branch_names_are_read_in_any_case() -> None:
    assert branch_ticket_keys("fix/con-76_and_CON-76-b") == ["CON-76"]


def test_tools_land_with_their_input() -> None:
    content = [
        {"type": "text", "text": "I run it."},
        {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": 'echo "a\u0000b"\nls', "n": [1, None]}},
        {"type": "server_tool_use", "id": "t2", "name": "web_search", "input": {}},
    ]
    read = Read(answer(content=content))
    assert [(row["tool_name"], row["tool_use_id"], row["block_index"]) for row in read.tool_calls] == [
        ("Bash", "t1", "1"),
        ("web_search", "t2", "2"),
    ]
    assert json.loads(read.tool_calls[0]["tool_input"]) == {"command": 'echo "ab"\nls', "n": [1, None]}


def test_without_texts_nothing_of_them_lands_but_what_was_taken_before() -> None:
    content = [{"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}}]
    image = {"type": "image", "source": {}}
    lines = (user([image, {"type": "text", "text": "see CON-76"}]), answer(content=content), answer(), b"{broken")
    read = Read(*lines, keep=False)
    assert [(row["prompt_text"], row["has_image"], row["ticket_keys"]) for row in read.prompts] == [
        ("", "True", '["CON-76"]')
    ]
    assert {row["response_text"] for row in read.messages} == {""}
    assert [(row["tool_name"], row["tool_input"]) for row in read.tool_calls] == [("Bash", "")]
    assert [row["sample"] for row in read.unreadable_lines] == [""]


def test_forks_are_marked() -> None:
    read = Read(answer(forkedFrom={"sessionId": "s", "messageUuid": "u"}), answer())
    assert [row["is_forked"] for row in read.messages] == ["True", "False"]


@pytest.mark.parametrize(
    ("path", "session_id", "agent_id"),
    [
        ("proj/abc.jsonl", "abc", None),
        ("proj/abc/subagents/agent-a1.jsonl", "abc", "a1"),
        ("proj/abc/subagents/workflows/w1/agent-a2.jsonl", "abc", "a2"),
        ("proj/agent-a3.jsonl", "agent-a3", "a3"),
        ("proj/.jsonl", ".jsonl", None),
        ("C:\\claude\\abc\\subagents\\agent-a1.jsonl", "abc", "a1"),
    ],
)
def test_session_and_agent_are_read_from_the_path(path: str, session_id: str, agent_id: str | None) -> None:
    place = place_of("f", 0, path)
    assert (place.session_id, place.agent_id) == (session_id, agent_id)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-11-02T09:00:00.123Z", "2026-11-02T09:00:00.123Z"),
        ("2026-11-02T09:00:00+05:30", "2026-11-02T03:30:00+00:00"),
        ("2026-11-02 09:00:00", "2026-11-02T09:00:00+00:00"),
        ("2026-11-02T09:00:00.123456789Z", "2026-11-02T09:00:00.123456+00:00"),
        ("2026-W45-1T09:00:00.000Z", "2026-11-02T09:00:00+00:00"),
        ("2026-13-02T09:00:00.123Z", None),
        ("yesterday", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("0001-01-01T00:00:00.000Z", None),
        ("9999-12-31T23:59:59.999Z", None),
        (1762074000000, None),
        (None, None),
    ],
)
def test_timestamps_of_any_offset_and_garbage(written: object, read: str | None) -> None:
    assert parse_timestamp(written) == read


# --- damage ----------------------------------------------------------------------------------------------------


def test_two_records_on_one_line_are_two() -> None:
    line = json.dumps(answer("msg_1")).encode() + json.dumps(answer("msg_2")).encode()
    read = Read(line)
    assert [(row["message_id"], row["line_offset"], row["record_index"]) for row in read.messages] == [
        ("msg_1", "0", "0"),
        ("msg_2", "0", "1"),
    ]
    assert not read.unreadable_lines


def test_a_record_behind_a_cut_one_on_the_same_line_is_saved() -> None:
    read = Read(json.dumps(answer("msg_1")).encode()[:150] + json.dumps(answer("msg_2")).encode())
    assert [row["message_id"] for row in read.messages] == ["msg_2"]
    (fault,) = read.unreadable_lines
    assert fault["reason"].startswith("not JSON")


def test_what_a_cut_record_holds_is_not_taken_for_a_record() -> None:
    nested = json.dumps(record("progress", data={"message": answer("inner")}))
    read = Read(nested[:-1].encode())
    assert not read.messages
    assert len(read.unreadable_lines) == 1


def test_noise_is_one_fault_and_a_record_behind_it_is_saved() -> None:
    read = Read(b"1 2 3 [4] " * 1000 + json.dumps(answer("msg_2")).encode())
    assert [row["message_id"] for row in read.messages] == ["msg_2"]
    assert [row["reason"] for row in read.unreadable_lines] == ["a number instead of an object"]


def test_blank_lines_and_comments_are_passed_over() -> None:
    read = Read(b"", b"   \r", b"// Source: somewhere", b"\xef\xbb\xbf" + json.dumps(answer()).encode())
    assert not read.unreadable_lines
    assert len(read.messages) == 1


def test_invalid_utf8_is_replaced() -> None:
    read = Read(json.dumps(user("caf?")).encode().replace(b"caf?", b"caf\xe9"))
    assert [row["prompt_text"] for row in read.prompts] == ["caf�"]


def test_raw_control_characters_and_lone_surrogates_are_read() -> None:
    raw = json.dumps(user("a?b")).encode().replace(b"a?b", b"a\tb\x01")
    read = Read(raw, b'{"type":"user","timestamp":"2026-11-02T09:00:00.000Z","message":{"content":"x\\ud800y"}}')
    assert [row["prompt_text"] for row in read.prompts] == ["a\tb\x01", "x?y"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"type":"user","mess', "not JSON"),
        (b"not json at all", "not JSON"),
        (b"[1, 2]", "a list instead of an object"),
        (b"null", "missing instead of an object"),
        (b"\0\0\0", "the line holds NUL characters alone"),
        (b"[" * 100_000, "not JSON"),
        (json.dumps(answer(message={"usage": "many"})).encode(), "message.usage is text"),
        (json.dumps(answer(message={"usage": {"input_tokens": "12"}})).encode(), "usage input_tokens is text"),
        (json.dumps(answer(message={"usage": {"output_tokens": -1}})).encode(), "usage output_tokens is out of range"),
        (json.dumps(answer(message={"usage": {"output_tokens": 10**30}})).encode(), "usage output_tokens is"),
        (
            json.dumps(answer(message={"usage": {"output_tokens": 2**40}})).encode(),
            "usage output_tokens is out of range",
        ),
        (json.dumps(record("assistant", message="hi")).encode(), "message is text"),
        (json.dumps(user(17)).encode(), "message.content is a number"),
        (json.dumps(user("x", timestamp=17)).encode(), "timestamp is a number"),
        (json.dumps(user("x", timestamp="noon")).encode(), "timestamp is no date and time"),
        (json.dumps(user("x", cwd=["/"])).encode(), "cwd is a list"),
        (json.dumps(user("x", sessionId={})).encode(), "sessionId is an object"),
        (json.dumps(user("x", isSidechain="no")).encode(), "isSidechain is text"),
        (json.dumps(record(17)).encode(), "type is a number"),  # type: ignore[arg-type]
        (b"{}", "type is missing"),
        (json.dumps(answer(content=[7])).encode(), "a content block is a number"),
        (json.dumps(answer(costUSD="cheap")).encode(), "costUSD is no amount"),
        (json.dumps(answer(costUSD=10**6)).encode(), "costUSD is no amount"),
        (json.dumps(record("progress", data="x")).encode(), "data is text"),
        (json.dumps(record("attachment", attachment=[])).encode(), "attachment is a list"),
    ],
)
def test_what_makes_no_sense_is_noted_with_its_reason(line: bytes, reason: str) -> None:
    (fault,) = Read(b"{}", line).unreadable_lines[1:]
    assert fault["reason"].startswith(reason)
    assert (fault["line_offset"], fault["byte_length"]) == ("3", str(len(line)))
    assert fault["path"] == f"project/{SESSION}.jsonl"


def test_a_field_of_a_wrong_type_costs_only_itself() -> None:
    (row,) = Read(answer(cwd=5, message={"usage": {"input_tokens": "x", "output_tokens": 3.0}})).messages
    assert (row["cwd"], row["input_tokens"], row["output_tokens"]) == ("", "", "3")


def test_a_record_without_a_session_takes_that_of_its_file() -> None:
    read = Read(answer(sessionId=...), path=f"p/{SESSION}/subagents/agent-a1.jsonl")
    assert [(row["session_id"], row["agent_id"], row["is_sidechain"]) for row in read.messages] == [
        (SESSION, "a1", "False")
    ]


def test_a_session_may_be_named_in_either_spelling() -> None:
    read = Read(answer(sessionId=..., session_id="other"), answer(session_id="other"), answer(sessionId=...))
    assert [row["session_id"] for row in read.messages] == ["other", SESSION, SESSION]


@pytest.mark.parametrize("session_id", [..., "", "\0"])
def test_a_record_is_never_without_a_session(session_id: object) -> None:
    read = Read(answer(sessionId=session_id), path="p/agent-a1.jsonl")
    assert [(row["session_id"], row["agent_id"]) for row in read.messages] == [("agent-a1", "a1")]


@pytest.mark.parametrize("letter", ["x", "é", "𝕏"])
def test_a_name_too_long_for_an_index_is_cut_and_stays_itself(letter: str) -> None:
    names = [letter * 5000, letter * 5000 + "y", letter * 5000]
    lines = [
        answer(name, message={"model": name}, sessionId=name, cwd=name, gitBranch=name, uuid=name, promptId=name)
        for name in names
    ]
    read = Read(*lines)
    for column in ("message_id", "model", "session_id", "cwd", "git_branch", "uuid"):
        first, second, again = (row[column] for row in read.messages)
        assert first == again != second
        assert first.startswith(letter * 100)
        assert len(first.encode()) <= LONGEST_NAME
    for fault in read.unreadable_lines:
        for name in ("sessionId", "cwd", "gitBranch", "uuid", "promptId", "message.id", "message.model"):
            assert f"{name} is longer than 500 bytes" in fault["reason"]


def test_a_long_name_that_an_index_takes_stays_as_it_is() -> None:
    name = "é" * 250
    read = Read(answer(name, cwd=name, content=[{"type": "tool_use", "id": name, "name": name, "input": {}}]))
    assert [(row["message_id"], row["cwd"]) for row in read.messages] == [(name, name)]
    assert [(row["tool_use_id"], row["tool_name"]) for row in read.tool_calls] == [(name, name)]
    assert read.unreadable_lines == []
