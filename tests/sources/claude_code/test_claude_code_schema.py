"""Rows are written by position, so the columns' order is part of the contract between schema and reader."""

from sources.claude_code.client import Cursor
from sources.claude_code.schema import FILES, ROW_TABLES, TABLES
from sources.clockify.schema import TABLES as OTHERS
from tests.sources.claude_code.claude_code_world import SESSION, Read, answer, user


def test_values_are_under_their_own_columns() -> None:
    call = {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}}
    read = Read(user("see CON-1"), answer(content=[call]), b"{broken")
    samples = {
        "messages": {"message_id": "msg_1", "loaded_at": "2026-11-21T00:00:00+00:00", "version": "2.1.181"},
        "events": {"occurred_at": "2026-11-02T09:00:00.000Z", "git_branch": "main"},
        "prompts": {"prompt_text": "see CON-1", "is_forked": "False"},
        "tool_calls": {"tool_input": '{"command":"ls"}', "called_at": "2026-11-02T09:00:00.000Z"},
        "ticket_mentions": {"ticket_key": "CON-1", "origin": "prompt", "session_id": SESSION},
        "unreadable_lines": {"byte_length": "7", "sample": "{broken"},
    }
    assert set(samples) == {table.name for table in ROW_TABLES}
    for name, expected in samples.items():
        row = getattr(read, name)[0]
        assert row | expected == row


def test_every_column_is_described_and_every_key_is_required() -> None:
    for table in TABLES:
        assert table.description
        assert all(column.description for column in table.columns)
        assert table.all_columns == table.columns
        hints = table.dlt_hints()["columns"]
        assert not any(hints[name]["nullable"] for name in table.key)


def test_other_sources_keep_their_technical_columns() -> None:
    assert OTHERS[0].all_columns != OTHERS[0].columns


def test_a_cursor_fills_its_columns_of_files() -> None:
    names = [column.name for column in FILES.columns]
    assert len(names[names.index("generation") : -1]) == len(Cursor().values())
    assert names[names.index("generation") + 2] == "read_offset"
