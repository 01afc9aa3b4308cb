"""Clockify with the oddities of vendors 1.8, and its answers against the vendor's OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft4Validator

from sandbox.agency import Agency
from sandbox.dataset import format_time
from sandbox.server import SandboxServer
from tests.sandbox.sandbox_client import ENTRIES, ask, clockify, feed
from tests.sandbox.sandbox_world import entry, write_collection

Serve = Callable[..., SandboxServer]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 1000),
        ({"Authorization": "Bearer sandbox-clockify-key"}, 1000),
        ({"X-Api-Key": "sandbox-clockify-key", "X-Addon-Token": "t"}, 1000),
        ({"X-Api-Key": "wrong"}, 4003),
        ({"X-Addon-Token": "wrong"}, 4017),
    ],
)
def test_credentials_are_refused_with_their_code(serve: Serve, headers: dict[str, str], code: int) -> None:
    answer = clockify(serve(), "/user", headers)
    assert (answer.status, answer.json()["code"]) == (401, code)


def test_pages_are_bare_arrays_counted_from_one_with_last_page(serve: Serve) -> None:
    server = serve()
    pages = [clockify(server, f"{ENTRIES}?page={page}&page-size=2") for page in (0, 1, 2, 3, 4)]
    assert [page.ids() for page in pages] == [["e5", "e4"], ["e5", "e4"], ["e3", "e2"], ["e1"], []]
    assert [page.headers["last-page"] for page in pages] == ["false", "false", "false", "true", "true"]


def test_some_routes_ignore_paging(folder: Path, serve: Serve) -> None:
    write_collection(folder, "clockify/holidays", [{"id": f"h{number}"} for number in range(5)])
    answer = clockify(serve(), "/workspaces/w1/holidays?page=9&page-size=2")
    assert len(answer.json()) == 5
    assert "last-page" not in answer.headers


@pytest.mark.parametrize("path", ["/projects/p9", "/clients/c9", "/tags/t9", "/time-entries/e9"])
def test_what_is_missing_answers_400_with_code_501(serve: Serve, path: str) -> None:
    answer = clockify(serve(), f"/workspaces/w1{path}")
    assert (answer.status, answer.json()["code"]) == (400, 501)


def test_another_workspace_answers_as_if_it_were_missing(serve: Serve) -> None:
    assert clockify(serve(), "/workspaces/w2/projects").json()["code"] == 501


def test_window_edges_are_read_as_wall_clock_of_the_configured_zone(folder: Path, serve: Serve) -> None:
    write_collection(folder, "clockify/workspaces", [{"id": "w1", "_sandbox": {"window_zone": "America/New_York"}}])
    rows = [
        entry("early", "2026-03-02T04:59:00Z"),
        entry("first", "2026-03-02T05:00:00Z"),
        entry("late", "2026-03-03T04:59:00Z"),
    ]
    write_collection(folder, "clockify/time_entries", rows)
    window = "?start=2026-03-02T00:00:00Z&end=2026-03-02T23:59:59Z"
    # A UTC day comes out as New York's local day.
    assert clockify(serve(), f"{ENTRIES}{window}").ids() == ["late", "first"]


def test_a_window_that_is_no_date_is_refused(serve: Serve) -> None:
    assert clockify(serve(), f"{ENTRIES}?start=yesterday").status == 400


def test_an_inactive_member_is_hidden_unless_asked_for(folder: Path, serve: Serve) -> None:
    def member(key: str, status: str) -> dict[str, Any]:
        membership = {"userId": key, "targetId": "w1", "membershipType": "WORKSPACE", "membershipStatus": status}
        return {"id": key, "name": key, "status": "ACTIVE", "memberships": [membership]}

    rows = [member("u1", "ACTIVE"), member("u2", "INACTIVE"), {"id": "u3", "name": None, "settings": None}]
    rows.append({"id": "u4", "name": "gone", "status": "DELETED"})
    rows.append({"id": "u5", "name": "left", "status": "INACTIVE"})
    write_collection(folder, "clockify/users", rows)
    server = serve()
    assert set(clockify(server, "/workspaces/w1/users").ids()) == {"u1", "u3"}
    assert set(clockify(server, "/workspaces/w1/users?status=INACTIVE").ids()) == {"u2", "u5"}
    assert set(clockify(server, "/workspaces/w1/users?status=ALL").ids()) == {"u1", "u2", "u3", "u5"}
    assert clockify(server, "/workspaces/w1/users?account-statuses=DELETED").ids() == ["u4"]


def test_memberships_are_shown_only_on_request(folder: Path, serve: Serve) -> None:
    membership = {"userId": "u1", "targetId": "w1", "membershipType": "WORKSPACE", "membershipStatus": "ACTIVE"}
    write_collection(folder, "clockify/users", [{"id": "u1", "memberships": [membership]}])
    server = serve()
    assert clockify(server, "/workspaces/w1/users").json()[0]["memberships"] == []
    assert clockify(server, "/workspaces/w1/users?memberships=WORKSPACE").json()[0]["memberships"] == [membership]


def test_only_archived_false_narrows(folder: Path, serve: Serve) -> None:
    write_collection(
        folder, "clockify/projects", [{"id": "p1", "name": "a"}, {"id": "p2", "name": "b", "archived": True}]
    )
    server = serve()
    assert clockify(server, "/workspaces/w1/projects").ids() == ["p1", "p2"]
    assert clockify(server, "/workspaces/w1/projects?archived=true").ids() == ["p1", "p2"]
    assert clockify(server, "/workspaces/w1/projects?archived=false").ids() == ["p1"]


def test_a_running_entry_is_in_progress_until_it_stops(serve: Serve) -> None:
    server = serve()
    running = entry("run", "2026-03-07T10:00:00Z", timeInterval={"start": "2026-03-07T10:00:00Z", "end": None})
    server.mutate("clockify", "time_entries", insert=[running])
    assert clockify(server, "/workspaces/w1/time-entries/status/in-progress").ids() == ["run"]
    stopped = {"start": "2026-03-07T10:00:00Z", "end": "2026-03-07T11:00:00Z", "duration": "PT1H"}
    server.mutate("clockify", "time_entries", update={"run": {"timeInterval": stopped}})
    assert clockify(server, "/workspaces/w1/time-entries/status/in-progress").json() == []
    assert clockify(server, f"{ENTRIES}?page-size=1").json()[0]["timeInterval"] == stopped


def test_deletions_show_about_a_minute_late(serve: Serve) -> None:
    server = serve()
    clockify(server, ENTRIES)
    server.mutate("clockify", "time_entries", delete=["e1"], at=server.now())
    assert clockify(server, ENTRIES).ids() == ["e5", "e4", "e3", "e2"]
    assert feed(server, "deleted") == []
    server.advance(seconds=61)
    assert feed(server, "deleted") == ["e1"]


def test_what_came_and_went_within_a_window_is_in_no_feed(serve: Serve) -> None:
    server = serve()
    clockify(server, ENTRIES)
    now = server.now()
    server.mutate("clockify", "time_entries", insert=[entry("x", "2026-03-08T10:00:00Z")], at=now - timedelta(hours=3))
    server.mutate("clockify", "time_entries", delete=["x"], at=now - timedelta(hours=1))

    def window(first: int, last: int) -> str:
        start, end = (format_time(now - timedelta(hours=hours)) for hours in (first, last))
        return f"&start={start}&end={end}"

    assert [feed(server, kind, window(4, 0)) for kind in ("created", "updated", "deleted")] == [[], [], []]
    assert feed(server, "deleted", window(2, 0)) == ["x"]


def test_what_came_and_changed_within_a_window_is_under_created_alone(serve: Serve) -> None:
    server = serve()
    clockify(server, ENTRIES)
    server.mutate("clockify", "time_entries", insert=[entry("x", "2026-03-08T10:00:00Z")])
    server.mutate("clockify", "time_entries", update={"x": {"description": "again"}})
    assert feed(server, "created") == ["x"]
    assert feed(server, "updated") == []


def test_a_restored_entry_leaves_the_bin_and_counts_as_updated(serve: Serve) -> None:
    server = serve()
    clockify(server, ENTRIES)
    server.mutate("clockify", "time_entries", delete=["e1"])
    server.mutate("clockify", "time_entries", insert=[entry("e1", "2026-03-01T10:00:00Z")])
    assert feed(server, "deleted") == []
    assert feed(server, "updated") == ["e1"]


def test_explicit_times_tell_of_an_entry_written_down_late(folder: Path, serve: Serve) -> None:
    now = datetime.now(UTC)
    row = entry("old", "2025-09-01T10:00:00Z", _sandbox={"created_at": format_time(now - timedelta(days=1))})
    write_collection(folder, "clockify/time_entries", [row, entry("older", "2025-09-01T10:00:00Z")])
    server = serve()
    assert feed(server, "created") == ["old"]


def test_rows_of_the_feeds_have_the_vendors_shape(serve: Serve) -> None:
    server = serve()
    clockify(server, ENTRIES)
    server.mutate("clockify", "time_entries", delete=["e1"], update={"e2": {"description": "new"}})
    updated = clockify(server, "/workspaces/w1/entities/updated?type=TIME_ENTRY").json()[0]
    assert updated["auditMetadata"]["createdAt"] == "2026-03-02T10:00:00Z"
    assert (updated["documentType"], updated["description"]) == ("TIME_ENTRY", "new")
    deleted = clockify(server, "/workspaces/w1/entities/deleted?type=TIME_ENTRY&type=CLIENTS").json()[0]
    assert deleted["document"] == entry("e1", "2026-03-01T10:00:00Z")
    assert deleted["documentType"] == "TIME_ENTRY"


def test_the_feed_of_deletions_has_two_shapes(folder: Path, serve: Serve) -> None:
    write_collection(folder, "clockify/workspaces", [{"id": "w1", "_sandbox": {"deleted_feed": "envelope"}}])
    assert clockify(serve(), "/workspaces/w1/entities/deleted?type=TAGS").json() == {"response": []}


def test_feeds_are_paged_by_limit(serve: Serve) -> None:
    server = serve()
    clockify(server, ENTRIES)
    server.mutate("clockify", "time_entries", delete=["e1", "e2", "e3"])
    pages = [
        clockify(server, f"/workspaces/w1/entities/deleted?type=TIME_ENTRY&limit=2&page={page}").ids()
        for page in (0, 1, 2, 3)
    ]
    assert pages == [["e1", "e2"], ["e1", "e2"], ["e3"], []]


def test_a_feed_wants_a_known_type(serve: Serve) -> None:
    server = serve()
    assert clockify(server, "/workspaces/w1/entities/created").status == 400
    assert clockify(server, "/workspaces/w1/entities/created?type=MOODS").status == 400


def test_fifty_thousand_entries_are_paged_without_a_gap(folder: Path, serve: Serve) -> None:
    beginning = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [entry(f"n{number:05}", format_time(beginning + timedelta(minutes=number))) for number in range(50_000)]
    write_collection(folder, "clockify/time_entries", rows)
    server = serve()
    found: list[str] = []
    for page in range(1, 12):
        answer = clockify(server, f"{ENTRIES}?page-size=5000&page={page}")
        found += answer.ids()
        if answer.headers["last-page"] == "true":
            break
    assert found == [row["id"] for row in reversed(rows)]


# Against the vendor's own document


@pytest.fixture(scope="session")
def clockify_document(shared_folder: Path) -> dict[str, Any]:
    text = (shared_folder / "specs" / "clockify-v1.yaml").read_text()
    document: dict[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    for name, schema in document["components"]["schemas"].items():
        # The vendor's generator writes an enumeration as an object that is a text as well, or as itself.
        if "oneOf" in schema:
            schema.pop("type")
            properties = schema.pop("properties")
            if schema["oneOf"] == [{"$ref": f"#/components/schemas/{name}"}]:
                schema["oneOf"] = [next(value for value in properties.values() if "enum" in value)]
    return document


def _without_nulls(value: Any) -> Any:
    """The document declares nothing nullable, though live answers hold nulls (vendors 1.2): they are left out."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def test_answers_over_the_generated_agency_validate(
    generated: tuple[Agency, Path], clockify_document: dict[str, Any]
) -> None:
    agency, folder = generated
    with SandboxServer(folder, remember=False) as server:
        workspace = clockify(server, "/workspaces").ids()[0]
        user = next(row.clockify_id for row in agency.developers if row.route == "clockify")
        root = "/v1/workspaces/{workspaceId}"
        project = clockify(server, f"/workspaces/{workspace}/projects").ids()[0]
        for template, query in {
            "/v1/user": "",
            "/v1/workspaces": "",
            root: "",
            f"{root}/clients": "",
            f"{root}/projects": "",
            f"{root}/projects/{{projectId}}": "",
            f"{root}/tags": "",
            f"{root}/users": "?status=ALL&memberships=ALL&include-roles=false",
            f"{root}/user/{{userId}}/time-entries": "?page-size=5000",
            f"{root}/time-entries/status/in-progress": "",
            f"{root}/entities/deleted": "?type=TIME_ENTRY",
        }.items():
            path = template.format(workspaceId=workspace, userId=user, projectId=project)
            answer = ask(server, f"/clockify/api{path}{query}", {"X-Api-Key": "sandbox-clockify-key"})
            assert answer.status == 200, path
            content = clockify_document["paths"][template]["get"]["responses"]["200"]["content"]
            schema = next(iter(content.values()))["schema"]
            value = _without_nulls(answer.json())
            if template.endswith("deleted"):
                # The document's own text shows a bare array where its schema says an object.
                value = {"response": value}
            document = {**schema, "components": clockify_document["components"]}
            errors = [error.message for error in Draft4Validator(document).iter_errors(value)]
            assert not errors, f"{path}: {errors[:3]}"


def test_the_validation_itself_refuses_a_wrong_answer(clockify_document: dict[str, Any]) -> None:
    schema = {"$ref": "#/components/schemas/TimeEntryWithRatesDtoV1", "components": clockify_document["components"]}
    assert not Draft4Validator(schema).is_valid({"timeInterval": {"start": 5}})
