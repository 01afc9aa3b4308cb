"""The server misbehaves exactly as it was told, and logs what was asked."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from sandbox.__main__ import main
from sandbox.faults import FaultError, parse_fault
from sandbox.server import SandboxServer
from tests.sandbox.sandbox_client import ENTRIES, ask, clockify
from tests.sandbox.sandbox_world import entry

Serve = Callable[..., SandboxServer]


def test_429_with_and_without_retry_after(serve: Serve) -> None:
    fault = {"kind": "status", "status": 429, "path": "/tags$"}
    server = serve(faults=[{**fault, "retry_after": 2}, {**fault, "nth": 2}])
    first, second, third = (clockify(server, "/workspaces/w1/tags") for _ in range(3))
    assert (first.status, first.headers["retry-after"]) == (429, "2")
    assert second.status == 429
    assert "retry-after" not in second.headers
    assert third.status == 200


def test_a_fault_meets_only_what_it_names(serve: Serve) -> None:
    server = serve(faults=[{"kind": "html", "vendor": "clockify", "query": {"page": "2"}, "nth": 2, "times": 2}])
    statuses = [clockify(server, f"{ENTRIES}?page-size=2&page={page}").status for page in (1, 2, 2, 1, 2, 2)]
    assert statuses == [200, 200, 502, 200, 502, 200]


def test_an_html_body_may_come_with_200(serve: Serve) -> None:
    answer = clockify(serve(faults=[{"kind": "html", "status": 200}]), "/workspaces")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html")


def test_a_cut_body(serve: Serve) -> None:
    server = serve(
        faults=[{"kind": "truncate", "keep": 0.5}, {"kind": "truncate", "keep": 0.5, "nth": 2, "honest": True}]
    )
    with pytest.raises(http.client.IncompleteRead):
        clockify(server, ENTRIES)
    with pytest.raises(orjson.JSONDecodeError):
        clockify(server, ENTRIES).json()
    assert len(clockify(server, ENTRIES).json()) == 5


def test_a_connection_that_breaks_off(serve: Serve) -> None:
    server = serve(faults=[{"kind": "disconnect"}])
    with pytest.raises(http.client.RemoteDisconnected):
        clockify(server, "/workspaces")
    assert server.requests[0].status == 0


def test_a_spoiled_record_leaves_its_neighbours(serve: Serve) -> None:
    fault = {"kind": "malform", "index": 1, "set": {"timeInterval": "broken"}, "unset": ["userId"]}
    rows = clockify(serve(faults=[fault]), ENTRIES).json()
    assert rows[1]["timeInterval"] == "broken"
    assert "userId" not in rows[1]
    assert [row["id"] for row in rows] == ["e5", "e4", "e3", "e2", "e1"]


def test_an_emptied_list_a_lost_page_and_fewer_rights(serve: Serve) -> None:
    ids = [row["id"] for row in clockify(serve(), ENTRIES).json()]
    paged = {"kind": "drop", "path": "/time-entries$"}
    server = serve(
        faults=[
            {**paged, "last": True},
            {**paged, "nth": 2, "index": 1, "count": 2},
            {"kind": "hide", "ids": [ids[0]], "nth": 3, "times": 0},
        ]
    )
    emptied = clockify(server, f"{ENTRIES}?page-size=2")
    assert (emptied.json(), emptied.headers["last-page"]) == ([], "true")
    assert [row["id"] for row in clockify(server, ENTRIES).json()] == [ids[0], *ids[3:]]
    assert [row["id"] for row in clockify(server, ENTRIES).json()] == ids[1:]
    assert clockify(server, f"/workspaces/w1/time-entries/{ids[0]}").status == 403
    assert clockify(server, f"/workspaces/w1/time-entries/{ids[1]}").status == 200


def test_a_new_first_entry_between_two_pages_repeats_a_row(serve: Serve) -> None:
    change = {"collection": "time_entries", "insert": [entry("e9", "2026-03-09T10:00:00Z")]}
    server = serve(faults=[{"kind": "mutate", "query": {"page": "2"}, "changes": [change]}])
    pages = [clockify(server, f"{ENTRIES}?page-size=2&page={page}").ids() for page in (1, 2, 3)]
    assert pages == [["e5", "e4"], ["e4", "e3"], ["e2", "e1"]]


def test_a_slow_answer(serve: Serve) -> None:
    server = serve(faults=[{"kind": "slow", "seconds": 0.3}])
    began = time.monotonic()
    clockify(server, "/workspaces")
    assert time.monotonic() - began >= 0.3


def test_faults_come_and_go_while_it_serves(serve: Serve) -> None:
    server = serve()
    ask(server, "/_sandbox/faults", method="POST", body=b'[{"kind": "html", "times": 0}]')
    assert [clockify(server, "/workspaces").status for _ in range(3)] == [502, 502, 502]
    assert ask(server, "/_sandbox/faults").json()[0]["fired"] == 3
    ask(server, "/_sandbox/faults", method="DELETE")
    assert clockify(server, "/workspaces").status == 200
    assert [row["status"] for row in ask(server, "/_sandbox/requests").json()] == [502, 502, 502, 200]


def test_the_log_keeps_what_was_asked(serve: Serve) -> None:
    server = serve()
    clockify(server, f"{ENTRIES}?page=3&page-size=7")
    request = server.requests[-1]
    assert (request.vendor, request.method, request.path) == ("clockify", "GET", f"/api/v1{ENTRIES}")
    assert (request.one("page"), request.one("page-size")) == ("3", "7")
    assert request.headers["x-api-key"] == "sandbox-clockify-key"


def test_an_unknown_fault_is_refused_in_one_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FaultError, match="Unknown kind of fault 'melt'"):
        parse_fault({"kind": "melt"})
    with pytest.raises(FaultError, match="Unknown key 'colour'"):
        parse_fault({"kind": "slow", "colour": "red"})
    faults = folder / "faults.json"
    faults.write_text('{"faults": "none"}')
    assert main(["serve", str(folder), "--faults", str(faults)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_one_connection_serves_many_requests(serve: Serve) -> None:
    server = serve()
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    for page in range(1, 4):
        connection.request(
            "GET", f"/clockify/api/v1{ENTRIES}?page={page}", headers={"X-Api-Key": "sandbox-clockify-key"}
        )
        assert connection.getresponse().read()
    connection.close()
    assert len(server.requests) == 3


def test_a_path_of_no_vendor_names_the_vendors(serve: Serve) -> None:
    answer = ask(serve(), "/nobody/here")
    assert answer.status == 404
    assert "/clockify" in answer.json()["error"]


def ask_again(connection: http.client.HTTPConnection) -> bytes:
    connection.request("GET", "/_sandbox/health")
    return connection.getresponse().read()


def test_a_stopped_server_hangs_up_on_connections_kept_alive(folder: Path) -> None:
    server = SandboxServer(folder).start()
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    assert ask_again(connection)
    server.stop()
    # The reset may show while asking or while listening.
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask_again(connection)


def test_the_command_serves_until_it_is_stopped(folder: Path, tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "sandbox", "serve", str(folder), "--ready-file", str(ready)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    try:
        for _ in range(200):
            if ready.exists():
                break
            time.sleep(0.05)
        said = orjson.loads(ready.read_bytes())
        connection = http.client.HTTPConnection(said["url"].removeprefix("http://"), timeout=5)
        assert orjson.loads(ask_again(connection))["folder"] == str(folder.resolve())
        assert said["pid"] == process.pid
    finally:
        process.terminate()
    assert process.wait(timeout=10) == 0


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", str(tmp_path / "nowhere")]) == 1
    assert "nowhere" in capsys.readouterr().err


def test_a_taken_port_is_named(serve: Serve, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = serve().url.rpartition(":")[2]
    assert main(["serve", str(folder), "--port", port]) == 1
    assert capsys.readouterr().err.startswith(f"Port {port} cannot be used")
