"""The dataset folder: what is read, what is hidden, what is noticed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sandbox.dataset import DatasetError, VendorData, format_time
from sandbox.server import SandboxServer
from tests.sandbox.sandbox_client import ENTRIES, clockify, feed
from tests.sandbox.sandbox_world import entry, write_collection

Serve = Callable[..., SandboxServer]


def test_an_absent_file_is_an_empty_collection(serve: Serve) -> None:
    answer = clockify(serve(), "/workspaces/w1/clients")
    assert (answer.status, answer.json()) == (200, [])


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"id": "x"', "line 2: not valid JSON"),
        ('["x"]', "line 2: expected a JSON object"),
        ('{"name": "x"}', "line 2: the key 'id' is missing"),
        ('{"id": null}', "line 2: the key 'id' is missing"),
        ('{"id": ""}', "line 2: the key 'id' is missing"),
        ('{"id": {"a": 1}}', "line 2: the key 'id' must be text or a whole number"),
        ('{"id": "x"}{"id": "y"}', "line 2: not valid JSON"),
        ('{"id": "x", "_sandbox": {"deleted_at": 5}}', "line 2: `deleted_at` in `_sandbox` must be text"),
        ('{"id": "x", "_sandbox": true}', "line 2: `_sandbox` must be an object"),
        ('{"id": "x", "_sandbox": {"deleted_at": "soon"}}', "line 2: a time in `_sandbox` is not ISO"),
    ],
)
def test_a_bad_line_is_named_with_file_and_line(folder: Path, serve: Serve, line: str, complaint: str) -> None:
    (folder / "clockify" / "clients.jsonl").write_text('{"id": "c1"}\n' + line + "\n")
    answer = clockify(serve(), "/workspaces/w1/clients")
    assert answer.status == 500
    assert "clients.jsonl" in answer.json()["sandbox_error"]
    assert complaint in answer.json()["sandbox_error"]


def test_a_line_in_another_encoding_is_named_with_file_and_line(folder: Path, serve: Serve) -> None:
    (folder / "clockify" / "clients.jsonl").write_bytes(b'{"id": "c1"}\n\n{"id": "c2", "name": "M\xfcller"}\n')
    said = clockify(serve(), "/workspaces/w1/clients").json()["sandbox_error"]
    assert said.endswith("clients.jsonl, line 3: not UTF-8 (byte 24 of the line); save the file as UTF-8.")


def test_a_byte_order_mark_is_no_part_of_the_first_line(folder: Path, serve: Serve) -> None:
    (folder / "clockify" / "clients.jsonl").write_bytes(b'\xef\xbb\xbf{"id": "c1", "name": "A"}\n')
    assert clockify(serve(), "/workspaces/w1/clients").ids() == ["c1"]


def test_a_bad_line_of_any_vendor_is_found_before_anyone_asks_for_it(folder: Path, serve: Serve) -> None:
    server = serve()
    server.check_dataset()
    (folder / "plaid").mkdir(exist_ok=True)
    (folder / "plaid" / "accounts.jsonl").write_text('{"account_id": "a"}\n[]\n')
    with pytest.raises(DatasetError, match=r"accounts\.jsonl, line 2: expected a JSON object, found list"):
        server.check_dataset()


def test_unknown_keys_are_served_and_the_sandbox_key_is_not(folder: Path, serve: Serve) -> None:
    write_collection(folder, "clockify/tags", [{"id": "t1", "name": "a", "extra": {"b": 1}, "_sandbox": {"note": "x"}}])
    assert clockify(serve(), "/workspaces/w1/tags").json() == [{"id": "t1", "name": "a", "extra": {"b": 1}}]


def test_a_record_is_there_from_visible_from_until_deleted_at(folder: Path, serve: Serve) -> None:
    now = datetime.now(UTC)
    later, much_later = format_time(now + timedelta(hours=1)), format_time(now + timedelta(hours=2))
    write_collection(
        folder, "clockify/tags", [{"id": "t1", "_sandbox": {"visible_from": later, "deleted_at": much_later}}]
    )
    server = serve()
    assert clockify(server, "/workspaces/w1/tags").json() == []
    server.advance(minutes=61)
    assert clockify(server, "/workspaces/w1/tags").ids() == ["t1"]
    server.advance(minutes=60)
    assert clockify(server, "/workspaces/w1/tags").json() == []


def test_an_owner_is_a_credential_and_sees_what_is_its_own_or_nobodys(folder: Path, serve: Serve) -> None:
    write_collection(
        folder,
        "clockify/tags",
        [{"id": "t1", "_sandbox": {"owner": "key-a"}}, {"id": "t2", "_sandbox": {"owner": "key-b"}}, {"id": "t3"}],
    )
    server = serve()
    assert clockify(server, "/workspaces/w1/tags", {"X-Api-Key": "key-a"}).ids() == ["t1", "t3"]
    assert clockify(server, "/workspaces/w1/tags").ids() == ["t3"]
    assert clockify(server, "/workspaces/w1/tags", {"X-Api-Key": "key-c"}).status == 401


def test_edits_by_hand_are_seen_at_once_and_reported_by_the_feeds(folder: Path, serve: Serve) -> None:
    server = serve()
    assert clockify(server, ENTRIES).ids() == ["e5", "e4", "e3", "e2", "e1"]
    rows = [entry(f"e{day}", f"2026-03-0{day}T10:00:00Z") for day in (1, 2, 3, 6)]
    rows[1]["description"] = "changed"
    write_collection(folder, "clockify/time_entries", rows)
    assert clockify(server, ENTRIES).ids() == ["e6", "e3", "e2", "e1"]
    assert feed(server, "created") == ["e6"]
    assert feed(server, "updated") == ["e2"]
    assert feed(server, "deleted") == ["e4", "e5"]


def test_an_edit_made_while_no_server_ran_is_reported_too(folder: Path, serve: Serve) -> None:
    clockify(serve(), ENTRIES)
    write_collection(folder, "clockify/time_entries", [entry("e1", "2026-03-01T10:00:00Z", description="changed")])
    server = serve()
    assert feed(server, "updated") == ["e1"]
    assert feed(server, "deleted") == ["e2", "e3", "e4", "e5"]
    assert feed(serve(), "deleted") == ["e2", "e3", "e4", "e5"]


def test_a_line_rewritten_with_the_same_content_is_no_change(folder: Path, serve: Serve) -> None:
    server = serve()
    clockify(server, ENTRIES)
    path = folder / "clockify" / "time_entries.jsonl"
    path.write_text(path.read_text().replace('","', '", "'))
    clockify(server, ENTRIES)
    assert feed(server, "updated") == []


def test_a_key_that_appears_twice_is_no_change_by_itself(folder: Path, serve: Serve) -> None:
    rows = [entry("e1", "2026-03-01T10:00:00Z"), entry("e1", "2026-03-01T10:00:00Z", description="twice")]
    write_collection(folder, "clockify/time_entries", rows)
    server = serve()
    assert clockify(server, ENTRIES).ids() == ["e1", "e1"]
    write_collection(folder, "clockify/time_entries", [*rows, entry("e2", "2026-03-02T10:00:00Z")])
    assert [feed(server, kind) for kind in ("created", "updated", "deleted")] == [["e2"], [], []]


def test_edit_writes_the_file_and_keeps_the_sandbox_key(tmp_path: Path) -> None:
    rows = [{"id": "a", "n": 1, "_sandbox": {"owner": "me"}}, {"id": "b", "n": 2}, {"id": "c", "n": 3}]
    path = write_collection(tmp_path, "clockify/tags", rows)
    data = VendorData(tmp_path, "clockify", {"tags": "id"}, lambda: datetime.now(UTC))
    data.edit("tags", insert=[{"id": "d"}], update={"a": {"n": 9}}, delete=["b"], first=True)
    assert path.read_text().splitlines() == [
        '{"id":"d"}',
        '{"id":"a","n":9,"_sandbox":{"owner":"me"}}',
        '{"id":"c","n":3}',
    ]
    assert [(change.kind, change.key) for change in data.changes("tags")] == [
        ("created", "d"),
        ("updated", "a"),
        ("deleted", "b"),
    ]
    with pytest.raises(DatasetError, match=r"tags\.jsonl: no line has the id z"):
        data.edit("tags", delete=["z"])


def test_a_read_only_folder_is_served(folder: Path, serve: Serve) -> None:
    (folder / ".sandbox").write_text("a file where the journal would be")
    server = serve()
    assert clockify(server, ENTRIES).status == 200
    write_collection(folder, "clockify/time_entries", [])
    assert feed(server, "deleted") == ["e1", "e2", "e3", "e4", "e5"]
