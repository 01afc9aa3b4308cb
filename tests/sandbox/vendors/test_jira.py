"""Jira with the oddities of vendors 2.9: against the vendor's OpenAPI document and a third-party client."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from jsonschema import Draft4Validator

from sandbox.agency import Agency
from sandbox.server import SandboxServer
from sandbox.vendors.jira import EMAIL, TOKEN
from tests.sandbox.sandbox_world import write_collection

Serve = Callable[..., SandboxServer]
SEARCH = "/3/search/jql"


def ask(
    server: SandboxServer, path: str, body: Any = None, *, bearer: bool = False, token: str = TOKEN
) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if bearer else {}
    with requests.Session() as session:
        session.trust_env = False
        session.headers.update(headers)
        session.auth = None if bearer else (EMAIL, token)
        url = f"{server.url}/jira/rest/api{path}"
        return session.get(url, timeout=30) if body is None else session.post(url, json=body, timeout=30)


def keys(answer: requests.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [issue["key"] for issue in answer.json()["issues"]]


def search(server: SandboxServer, jql: str, **body: Any) -> list[str]:
    return keys(ask(server, SEARCH, {"jql": jql, "fields": ["key"], "maxResults": 5000, **body}))


def issue(number: int, project: str = "CON", **fields: Any) -> dict[str, Any]:
    moment = f"2026-03-{number:02}T09:00:00.000+0000"
    marks = {"_sandbox": fields.pop("_sandbox")} if "_sandbox" in fields else {}
    content = {
        "summary": f"Issue {number}",
        "description": {
            "type": "doc",
            "version": 1,
            "content": [{"type": "paragraph", "content": [{"type": "text", "text": "Hello"}]}],
        },
        "project": {"id": "10" if project == "CON" else "20", "key": project, "name": project},
        "status": {
            "name": "Done" if number % 2 else "To Do",
            "statusCategory": {"key": "done" if number % 2 else "new"},
        },
        "assignee": {"accountId": "a1", "displayName": "Ada"} if number % 2 else None,
        "labels": ["desk"] if number < 3 else [],
        "created": moment,
        "updated": moment,
        "customfield_10026": float(number),
    }
    return {"id": str(100 + number), "key": f"{project}-{number}", "fields": {**content, **fields}, **marks}


def history(number: int, issue_number: int, **values: Any) -> dict[str, Any]:
    created = f"2026-03-{number:02}T10:00:00.000+0000"
    items = [{"field": "status", "fieldId": "status", "fromString": "To Do", "toString": "Done"}]
    return {"id": str(number), "issueId": str(100 + issue_number), "created": created, "items": items, **values}


@pytest.fixture
def jira(folder: Path, serve: Serve) -> Callable[..., SandboxServer]:
    """A function that serves five issues, the fifth last updated, for a reader in Sydney."""

    def start(
        issues: list[dict[str, Any]] | None = None, histories: list[dict[str, Any]] | None = None
    ) -> SandboxServer:
        rows = issues if issues is not None else [*(issue(number) for number in range(1, 5)), issue(5, "HD")]
        write_collection(folder, "jira/issues", rows)
        write_collection(folder, "jira/changelogs", histories or [])
        write_collection(folder, "jira/projects", [{"id": "10", "key": "CON"}, {"id": "20", "key": "HD"}])
        reader = {"accountId": "a1", "emailAddress": EMAIL, "displayName": "Ada", "timeZone": "Australia/Sydney"}
        write_collection(folder, "jira/users", [reader])
        return serve(remember=False)

    return start


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def test_bad_credentials_are_refused(jira: Callable[..., SandboxServer]) -> None:
    server = jira()
    assert ask(server, "/3/myself", token="wrong").status_code == 401
    assert ask(server, "/2/myself", bearer=True, token="wrong").status_code == 401


def test_fields_come_on_request_alone(jira: Callable[..., SandboxServer]) -> None:
    server = jira()
    bare = ask(server, SEARCH, {"jql": "key = CON-1"}).json()["issues"]
    assert bare == [{"id": "101"}]
    named = ask(server, SEARCH, {"jql": "key = CON-1", "fields": ["summary", "labels"]}).json()["issues"][0]
    assert (named["key"], named["fields"]) == ("CON-1", {"summary": "Issue 1", "labels": ["desk"]})
    everything = ask(server, SEARCH, {"jql": "key = CON-1", "fields": ["*all", "-description"]}).json()["issues"][0]
    assert "customfield_10026" in everything["fields"]
    assert "description" not in everything["fields"]


@pytest.mark.parametrize(
    ("jql", "found"),
    [
        ("project in (CON, 20) order by key asc", ["CON-1", "CON-2", "CON-3", "CON-4", "HD-5"]),
        ("project = HD", ["HD-5"]),
        ("updated >= 1741000000000 order by updated desc", ["HD-5", "CON-4", "CON-3", "CON-2", "CON-1"]),
        (f"updated >= {epoch('2026-03-03T09:00:00Z')} order by updated asc", ["CON-3", "CON-4", "HD-5"]),
        (f"updated >= {epoch('2026-03-03T09:00:00.001Z')} order by updated asc", ["CON-4", "HD-5"]),
        # Read in Sydney, eleven hours ahead: 20:00 there is 09:00 in UTC.
        ('updated >= "2026-03-03 20:00" order by updated asc', ["CON-3", "CON-4", "HD-5"]),
        ('updated >= "2026-03-03 20:01" order by updated asc', ["CON-4", "HD-5"]),
        ("updated > 0 and status = Done and not project = HD order by key", ["CON-1", "CON-3"]),
        ("statusCategory != done and created > 0 order by key", ["CON-2", "CON-4"]),
        ("labels = desk or key = CON-4 order by key", ["CON-1", "CON-2", "CON-4"]),
        ("assignee is EMPTY order by key", ["CON-2", "CON-4"]),
        ("assignee = currentUser() and (key in (CON-1, CON-2) or key = CON-3) order by key", ["CON-1", "CON-3"]),
        ("project = CON and key >= CON-3 order by key", ["CON-3", "CON-4"]),
        ('summary ~ "issue 2"', ["CON-2"]),
        ("created < -1d order by key desc", ["HD-5", "CON-4", "CON-3", "CON-2", "CON-1"]),
        ("customfield_10026 > 3 order by key", ["CON-4", "HD-5"]),
    ],
)
def test_queries_find_what_jira_would_find(jira: Callable[..., SandboxServer], jql: str, found: list[str]) -> None:
    assert search(jira(), jql) == found


@pytest.mark.parametrize(
    ("jql", "words"),
    [
        ("order by updated", "Unbounded"),
        ("", "Unbounded"),
        ("project = NOPE", "does not exist"),
        ("updated >= yesterday", "is invalid"),
        ("key = CON-1 and", "ends too early"),
        ("key = CON-1 order by " + ", ".join(["key"] * 8), "maximum number of fields"),
        ("nonsense(", "Error in the JQL"),
    ],
)
def test_queries_that_jira_refuses_are_refused(jira: Callable[..., SandboxServer], jql: str, words: str) -> None:
    answer = ask(jira(), SEARCH, {"jql": jql})
    assert answer.status_code == 400
    assert words in answer.json()["errorMessages"][0]


def test_tokens_lead_through_pages_without_a_total(jira: Callable[..., SandboxServer]) -> None:
    server = jira()
    body: dict[str, Any] = {"jql": "updated > 0 order by updated asc", "fields": ["key"], "maxResults": 2}
    seen = []
    while True:
        answer = ask(server, SEARCH, body).json()
        assert answer.keys() <= {"issues", "isLast", "nextPageToken"}
        seen += [row["key"] for row in answer["issues"]]
        if answer["isLast"]:
            break
        body["nextPageToken"] = answer["nextPageToken"]
    assert seen == ["CON-1", "CON-2", "CON-3", "CON-4", "HD-5"]
    assert "nextPageToken" not in answer


def test_an_issue_touched_between_pages_is_seen_twice(jira: Callable[..., SandboxServer]) -> None:
    server = jira()
    body = {"jql": "updated > 0 order by updated asc", "fields": ["key"], "maxResults": 3}
    first = ask(server, SEARCH, body).json()
    touched = issue(1, updated="2026-04-01T09:00:00.000+0000")["fields"]
    server.mutate("jira", "issues", update={"101": {"fields": touched}})
    rest = ask(server, SEARCH, {**body, "nextPageToken": first["nextPageToken"]})
    assert keys(rest) == ["CON-4", "HD-5", "CON-1"]


def test_a_token_belongs_to_its_query_and_goes_stale(jira: Callable[..., SandboxServer]) -> None:
    server = jira()
    body = {"jql": "updated > 0 order by key", "fields": ["key"], "maxResults": 2}
    token = ask(server, SEARCH, body).json()["nextPageToken"]
    assert ask(server, SEARCH, {**body, "jql": "created > 0", "nextPageToken": token}).status_code == 400
    assert ask(server, SEARCH, {**body, "nextPageToken": "nonsense"}).status_code == 400
    assert ask(server, SEARCH, {**body, "nextPageToken": token}).status_code == 200
    server.advance(days=8)
    assert ask(server, SEARCH, {**body, "nextPageToken": token}).status_code == 400


def test_the_index_lags_unless_an_issue_is_reconciled(jira: Callable[..., SandboxServer]) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    server = jira([issue(1), issue(2, _sandbox={"indexed_from": later})])
    assert search(server, "updated > 0 order by key") == ["CON-1"]
    assert search(server, "updated > 0 order by key", reconcileIssues=[102]) == ["CON-1", "CON-2"]
    assert ask(server, "/3/issue/CON-2").status_code == 200
    server.advance(hours=2)
    assert search(server, "updated > 0 order by key") == ["CON-1", "CON-2"]


def test_the_old_search_is_gone_from_the_cloud(jira: Callable[..., SandboxServer]) -> None:
    server = jira()
    assert ask(server, "/3/search?jql=project=CON").status_code == 410
    assert ask(server, "/2/search", {"jql": "project = CON"}).status_code == 410


def test_bulk_changelogs_go_by_date_so_that_one_issue_straddles_pages(jira: Callable[..., SandboxServer]) -> None:
    histories = [history(1, 1), history(2, 2), history(3, 1), history(4, 1, _sandbox={"created_as": "seconds"})]
    server = jira(histories=histories)
    body: dict[str, Any] = {"issueIdsOrKeys": ["101", "CON-2", "999"], "maxResults": 2}
    first = ask(server, "/3/changelog/bulkfetch", body).json()
    second = ask(server, "/3/changelog/bulkfetch", {**body, "nextPageToken": first["nextPageToken"]}).json()
    pages = [
        {group["issueId"]: [entry["id"] for entry in group["changeHistories"]] for group in page["issueChangeLogs"]}
        for page in (first, second)
    ]
    assert pages == [{"101": ["1"], "102": ["2"]}, {"101": ["3", "4"]}]
    assert "nextPageToken" not in second
    assert second["issueChangeLogs"][0]["changeHistories"][1]["created"] == epoch("2026-03-04T10:00:00Z") // 1000
    assert ask(server, "/3/changelog/bulkfetch", {"issueIdsOrKeys": []}).status_code == 400


def test_bulk_issues_name_those_that_are_not_to_be_had_and_find_moved_ones(jira: Callable[..., SandboxServer]) -> None:
    moved = history(1, 1, items=[{"field": "Key", "fromString": "OLD-7", "toString": "CON-1"}])
    server = jira(histories=[moved])
    server.mutate("jira", "issues", delete=["103"])
    answer = ask(server, "/3/issue/bulkfetch", {"issueIdsOrKeys": ["104", "103", "old-7"], "fields": ["key"]}).json()
    assert [row["key"] for row in answer["issues"]] == ["CON-1", "CON-4"]
    assert [row["id"] for row in answer["issueErrors"]] == ["103"]


def test_archived_projects_are_out_of_the_search_and_deleted_ones_out_of_everything(
    jira: Callable[..., SandboxServer],
) -> None:
    server = jira()
    server.mutate("jira", "projects", update={"20": {"archived": True}})
    assert search(server, "key = HD-5") == []
    assert ask(server, "/3/issue/105").status_code == 200
    states = {
        state: [row["key"] for row in ask(server, f"/3/project/search?status={state}").json()["values"]]
        for state in ("live", "archived", "deleted")
    }
    assert states == {"live": ["CON"], "archived": ["HD"], "deleted": []}
    server.mutate("jira", "projects", update={"20": {"deleted": True}})
    assert ask(server, "/3/issue/105").status_code == 404


def test_hidden_users_make_short_windows(folder: Path, serve: Serve) -> None:
    hidden = {"owner": "somebody-else"}
    rows: list[dict[str, Any]] = [{"accountId": f"u{number}"} for number in range(6)]
    rows[1]["_sandbox"] = rows[2]["_sandbox"] = hidden
    write_collection(folder, "jira/users", rows)
    server = serve(remember=False)
    windows = [ask(server, f"/3/users/search?startAt={start}&maxResults=3").json() for start in (0, 3, 6)]
    assert [[row["accountId"] for row in window] for window in windows] == [["u0"], ["u3", "u4", "u5"], []]


def test_data_center_pages_by_offset_in_plain_text_and_names_people_by_key(jira: Callable[..., SandboxServer]) -> None:
    server = jira(histories=[history(1, 1)])
    body = {"jql": "key = CON-1 or key = CON-3 order by key", "maxResults": 1, "expand": ["changelog"]}
    answer = ask(server, "/2/search", body, bearer=True).json()
    assert (answer["total"], answer["startAt"], answer["maxResults"]) == (2, 0, 1)
    [row] = answer["issues"]
    assert row["fields"]["description"] == "Hello\n"
    assert row["fields"]["assignee"]["key"] == "a1"
    assert "accountId" not in json.dumps(row)
    assert [entry["id"] for entry in row["changelog"]["histories"]] == ["1"]
    assert ask(server, "/3/myself", bearer=True).status_code == 404
    assert ask(server, "/2/search/jql", {"jql": "key = CON-1"}, bearer=True).status_code == 404
    assert ask(server, "/2/myself", bearer=True).json()["key"] == "a1"


@pytest.fixture
def agency_server(generated: tuple[Agency, Path]) -> Any:
    """The generated agency, served."""
    with SandboxServer(generated[1], remember=False) as server:
        yield server


def test_answers_fit_the_vendors_openapi_document(agency_server: SandboxServer, shared_folder: Path) -> None:
    document = json.loads((shared_folder / "specs" / "jira-cloud-v3.json").read_bytes())
    everything = {
        "jql": "updated >= 0 order by key",
        "fields": ["*all"],
        "expand": "names,changelog",
        "maxResults": 100,
    }
    found = ask(agency_server, SEARCH, everything)
    some = [row["id"] for row in found.json()["issues"]]
    answers = {
        "SearchAndReconcileResults": found,
        "BulkChangelogResponseBean": ask(agency_server, "/3/changelog/bulkfetch", {"issueIdsOrKeys": some}),
        "BulkIssueResults": ask(agency_server, "/3/issue/bulkfetch", {"issueIdsOrKeys": [*some[:3], "1"]}),
        "IssueBean": ask(agency_server, f"/3/issue/{some[0]}?expand=changelog"),
        "PageBeanChangelog": ask(agency_server, f"/3/issue/{some[1]}/changelog"),
        "PageBeanProject": ask(agency_server, "/3/project/search?status=live&status=archived"),
        "JQLCountResultsBean": ask(agency_server, "/3/search/approximate-count", {"jql": "updated > 0"}),
        "User": ask(agency_server, "/3/myself"),
        "ErrorCollection": ask(agency_server, SEARCH, {"jql": ""}),
    }
    lists = {
        "FieldDetails": ask(agency_server, "/3/field"),
        "User": ask(agency_server, "/3/users/search?maxResults=1000"),
        "Project": ask(agency_server, "/3/project"),
    }
    checked = [(name, [answer.json()]) for name, answer in answers.items()]
    checked += [(name, answer.json()) for name, answer in lists.items()]
    for name, values in checked:
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        validator = Draft4Validator(schema)
        problems = [problem.message for value in values for problem in validator.iter_errors(value)]
        assert problems == [], name
        assert values, name


def test_the_agencys_issues_have_the_oddities_of_real_ones(agency_server: SandboxServer) -> None:
    body = {"jql": "updated >= 0 order by key", "fields": ["*all"], "maxResults": 100}
    fields = [row["fields"] for row in ask(agency_server, SEARCH, body).json()["issues"]]
    assert any(row["assignee"] is None for row in fields)
    assert any(row["description"] is None for row in fields)
    assert any("constellationBoard" in json.dumps(row["description"]) for row in fields)
    assert {
        name for row in fields for name in ("customfield_10016", "customfield_10026") if row.get(name) is not None
    } == {
        "customfield_10016",
        "customfield_10026",
    }
    assert all(row["updated"][-5] in "+-" and ":" not in row["updated"][-5:] for row in fields)
    assert any("emailAddress" not in row["reporter"] for row in fields)


@pytest.mark.parametrize("bearer", [False, True])
def test_a_third_party_client_reads_the_agency(agency_server: SandboxServer, bearer: bool) -> None:
    module = pytest.importorskip("jira")
    credentials: dict[str, Any] = {"token_auth": TOKEN} if bearer else {"basic_auth": (EMAIL, TOKEN)}
    client = module.JIRA(f"{agency_server.url}/jira", max_retries=0, get_server_info=True, **credentials)
    assert client.myself()["displayName"]
    query = {"jql_str": "updated >= 0 order by key asc", "maxResults": False, "fields": "summary,status,updated"}
    issues = client.search_issues(**query) if bearer else client.enhanced_search_issues(**query)
    shown = agency_server.data("jira").collections["issues"].records
    assert 0 < len(issues) <= len(shown)
    assert issues[0].fields.status.name
    one = client.issue(issues[0].key, expand="changelog")
    assert one.id == issues[0].id
    assert client.projects()
    assert client.fields()


def test_without_users_the_account_sees_itself(folder: Path, serve: Serve) -> None:
    write_collection(folder, "jira/users", [])
    server = serve()

    [shown] = ask(server, "/3/users/search").json()
    assert shown["accountId"] == ask(server, "/3/myself").json()["accountId"]
    assert ask(server, "/3/users/search?startAt=1").json() == []
