"""Tempo with the oddities of vendors 3.5: against the vendor's OpenAPI document and a third-party client."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from jsonschema import Draft4Validator

from sandbox.agency import Agency
from sandbox.server import SandboxServer
from sandbox.vendors.tempo import TOKEN
from tests.sandbox.sandbox_world import write_collection

Serve = Callable[..., SandboxServer]
TODAY = datetime.now(UTC).replace(microsecond=0)


def ask(server: SandboxServer, path: str, body: Any = None, *, token: str | None = TOKEN) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = path if "://" in path else f"{server.url}/tempo{path}"
    with requests.Session() as session:
        session.trust_env = False
        if body is None:
            return session.get(url, headers=headers, timeout=30)
        return session.post(url, json=body, headers=headers, timeout=30)


def ids(answer: requests.Response) -> list[int]:
    return [row["tempoWorklogId"] for row in answer.json()["results"]]


def worklog(number: int, **values: Any) -> dict[str, Any]:
    moment = f"2026-03-{number:02}T09:00:00Z"
    row = {"tempoWorklogId": number, "startDate": moment[:10], "startTime": "09:00:00", "updatedAt": moment}
    return {**row, "createdAt": moment, "issue": {"id": 7, "self": "x"}, "author": {"accountId": "a"}, **values}


@pytest.fixture
def small(folder: Path, serve: Serve) -> SandboxServer:
    """Five worklogs, the fifth last updated."""
    write_collection(folder, "tempo/worklogs", [worklog(number) for number in range(1, 6)])
    return serve(remember=False)


@pytest.mark.parametrize("token", [None, "wrong"])
def test_a_bad_token_is_refused_with_a_page(small: SandboxServer, token: str | None) -> None:
    answer = ask(small, "/4/worklogs", token=token)
    assert answer.status_code == 401
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.startswith("<html>")


def test_next_is_a_whole_link_with_every_filter_and_absent_at_the_end(small: SandboxServer) -> None:
    answer = ask(small, "/4/worklogs?orderBy=UPDATED&limit=2&updatedFrom=2026-03-02&issueId=7")
    seen = ids(answer)
    while link := answer.json()["metadata"].get("next"):
        assert link.startswith(f"{small.url}/tempo/4/worklogs?")
        assert "updatedFrom=2026-03-02" in link
        assert "issueId=7" in link
        answer = ask(small, link)
        seen += ids(answer)
    assert seen == [5, 4, 3, 2]


def test_order_is_ascending_by_start_unless_asked_for_and_descending_when_asked_for(small: SandboxServer) -> None:
    assert ids(ask(small, "/4/worklogs")) == [1, 2, 3, 4, 5]
    for order in ("ID", "START_DATE_TIME", "UPDATED"):
        assert ids(ask(small, f"/4/worklogs?orderBy={order}")) == [5, 4, 3, 2, 1]
    assert ask(small, "/4/worklogs?orderBy=NAME").status_code == 400


@pytest.mark.parametrize(
    ("since", "expected"),
    [("2026-03-04", [5, 4]), ("2026-03-04T09:00:00Z", [5, 4]), ("2026-03-04T09:00:01Z", [5])],
)
def test_updated_from_takes_days_and_seconds_and_includes_them(
    small: SandboxServer, since: str, expected: list[int]
) -> None:
    assert ids(ask(small, f"/4/worklogs?orderBy=UPDATED&updatedFrom={since}")) == expected
    assert sorted(ids(ask(small, f"/4/worklogs?updatedFrom={since}"))) == sorted(expected)


def test_an_edited_line_counts_as_updated(small: SandboxServer) -> None:
    small.mutate("tempo", "worklogs", update={"2": {"description": "quietly"}})
    since = (TODAY - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert ids(ask(small, f"/4/worklogs?orderBy=UPDATED&updatedFrom={since}")) == [2]
    assert ids(ask(small, "/4/worklogs?orderBy=UPDATED"))[0] == 2


def test_the_audit_log_lists_deletions_page_by_page(folder: Path, serve: Serve) -> None:
    at = (TODAY - timedelta(days=3)).isoformat()
    marked = worklog(6, _sandbox={"deleted_at": at, "deleted_by": "boss"})
    write_collection(folder, "tempo/worklogs", [*(worklog(number) for number in range(1, 6)), marked])
    server = serve(remember=False)
    ask(server, "/4/worklogs")
    server.mutate("tempo", "worklogs", delete=["1", "2"])
    wanted = {
        "from": (TODAY - timedelta(days=10)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "entityType": ["worklog"],
        "action": ["Deleted"],
    }
    answer = ask(server, "/4/papertrail/search?limit=2", wanted).json()
    token = answer["metadata"]["nextPageToken"]
    rest = ask(server, f"/4/papertrail/search?limit=2&nextPageToken={token}", wanted).json()
    rows = answer["results"] + rest["results"]
    assert [(row["entityId"], row["author"]) for row in rows] == [("6", "boss"), ("1", "a"), ("2", "a")]
    assert "nextPageToken" not in rest["metadata"]
    assert ask(server, "/4/worklogs/6").status_code == 404


def test_the_audit_log_remembers_180_days(small: SandboxServer) -> None:
    old = (TODAY - timedelta(days=181)).strftime("%Y-%m-%dT%H:%M:%SZ")
    refusal = ask(small, "/4/papertrail/search", {"from": old})
    assert refusal.status_code == 400
    assert "180 days" in refusal.json()["errors"][0]["message"]
    assert ask(small, "/4/papertrail/search", {}).status_code == 400


def test_the_old_feed_of_deletions_has_ids_as_text(small: SandboxServer) -> None:
    ask(small, "/4/worklogs")
    small.mutate("tempo", "worklogs", delete=["3"])
    since = (TODAY - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    answer = ask(small, f"/papertrail/1/events/deleted/types/worklog?updatedFrom={since}").json()
    assert [row["tempoWorklogId"] for row in answer["results"]] == ["3"]


def test_unknown_ids_are_left_out_of_the_mapping(small: SandboxServer) -> None:
    rows = ask(small, "/4/worklogs/tempo-to-jira", {"tempoWorklogIds": [1, 999]}).json()["results"]
    assert [row["tempoWorklogId"] for row in rows] == [1]
    back = ask(small, "/4/worklogs/jira-to-tempo", {"jiraWorklogIds": [rows[0]["jiraWorklogId"]]}).json()["results"]
    assert back == rows


def test_the_plain_list_of_accounts_leaves_archived_ones_out(folder: Path, serve: Serve) -> None:
    rows = [{"id": number, "key": f"A{number}", "status": status} for number, status in enumerate(("OPEN", "ARCHIVED"))]
    write_collection(folder, "tempo/accounts", rows)
    server = serve(remember=False)
    assert [row["key"] for row in ask(server, "/4/accounts").json()["results"]] == ["A0"]
    found = ask(server, "/4/accounts/search", {"statuses": ["OPEN", "CLOSED", "ARCHIVED"]}).json()["results"]
    assert [row["key"] for row in found] == ["A0", "A1"]


@pytest.fixture
def agency_server(generated: tuple[Agency, Path]) -> Any:
    """The generated agency, served."""
    with SandboxServer(generated[1], remember=False) as server:
        yield server


def test_answers_fit_the_vendors_openapi_document(agency_server: SandboxServer, shared_folder: Path) -> None:
    document = yaml.load((shared_folder / "specs" / "tempo-v4.yaml").read_bytes(), Loader=yaml.CSafeLoader)
    since = (TODAY - timedelta(days=170)).strftime("%Y-%m-%dT%H:%M:%SZ")
    [first] = ids(ask(agency_server, "/4/worklogs?limit=1"))
    answers = {
        "PageableWorklog": ask(agency_server, "/4/worklogs?limit=5000&orderBy=UPDATED"),
        "Worklog": ask(agency_server, f"/4/worklogs/{first}"),
        "PageableAccount": ask(agency_server, "/4/accounts/search", {"statuses": ["OPEN", "ARCHIVED"]}),
        "PageableAuditLogEvent": ask(agency_server, "/4/papertrail/search?limit=1000", {"from": since}),
        "PageableWorkAttribute": ask(agency_server, "/4/work-attributes"),
        "PageableWorklogIdMapper": ask(agency_server, "/4/worklogs/tempo-to-jira", {"tempoWorklogIds": [first]}),
    }
    for name, answer in answers.items():
        assert answer.status_code == 200
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        problems = [problem.message for problem in Draft4Validator(schema).iter_errors(answer.json())]
        assert problems == [], name
        assert answer.json().get("results", [1]), name


def test_the_agencys_worklogs_have_the_oddities_of_real_ones(agency_server: SandboxServer) -> None:
    rows = ask(agency_server, "/4/worklogs?limit=5000").json()["results"]
    assert any(row["tempoWorklogId"] > 2**31 for row in rows)
    assert any(row["updatedAt"] < row["createdAt"] for row in rows)
    assert any("startDateTimeUtc" not in row for row in rows)
    assert all(isinstance(row["issue"].get("id", 1), int) for row in rows)
    assert json.dumps(rows).count("_Account_") > 0


def test_a_third_party_client_reads_the_agency(agency_server: SandboxServer) -> None:
    client_module = pytest.importorskip("tempoapiclient.client_v4")
    client = client_module.Tempo(TOKEN, base_url=f"{agency_server.url}/tempo/4", limit=7)
    worklogs = client.get_worklogs(dateFrom="2000-01-01", dateTo="2030-01-01")
    assert len(worklogs) == len(agency_server.data("tempo").collections["worklogs"].records)
    assert client.get_accounts()
