"""The GitHub source against the sandbox: mutations between runs, faults in the middle of a walk, limits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed
from graphql import build_schema, parse, validate

from orchestration.warehouse.connection import Warehouse
from sandbox.server import SandboxServer
from sources.github import queries
from sources.github.client import GitHubClient
from sources.github.resources import github
from sources.kit import destination
from sources.kit.errors import readable

START = datetime(2026, 1, 1, tzinfo=UTC)
ADA = {"login": "ada", "id": 11, "type": "User"}
BOT = {"login": "dependabot[bot]", "id": 12, "type": "Bot"}


def repository(number: int, full_name: str, **changes: Any) -> dict[str, Any]:
    organization, _, name = full_name.partition("/")
    return {
        "id": number,
        "name": name,
        "full_name": full_name,
        "owner": {"login": organization, "id": 1, "type": "Organization"},
        "private": True,
        "fork": False,
        "archived": False,
        "default_branch": "main",
        "created_at": "2025-01-01T00:00:00Z",
    } | changes


def commit(number: int, full_name: str = "acme/shop", **changes: Any) -> dict[str, Any]:
    sha = f"{number:040x}"
    moment = (START + timedelta(hours=number)).isoformat().replace("+00:00", "Z")
    person = {"name": "Ada", "email": "ada@acme.example", "date": changes.pop("date", moment)}
    return {
        "sha": sha,
        "url": f"https://github.example/repos/{full_name}/commits/{sha}",
        "commit": {
            "author": {**person, "date": changes.pop("authored", person["date"])},
            "committer": person,
            "message": changes.pop("message", f"Change {number}"),
        },
        "author": ADA,
        "committer": ADA,
        "parents": [{"sha": f"{number - 1:040x}"}],
        "stats": {"additions": number, "deletions": 1, "total": number + 1},
        "files": [],
    } | changes


def pull(number: int, full_name: str = "acme/shop", **changes: Any) -> dict[str, Any]:
    updated = (START + timedelta(hours=number)).isoformat().replace("+00:00", "Z")
    return {
        "id": 5_000_000_000 + number,
        "number": number,
        "url": f"https://github.example/repos/{full_name}/pulls/{number}",
        "title": f"Pull {number}",
        "state": "open",
        "draft": False,
        "user": ADA,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": updated,
        "closed_at": None,
        "merged_at": None,
        "merge_commit_sha": "f" * 40,
        "base": {"ref": "main", "repo": {"full_name": full_name}},
        "head": {"ref": f"topic-{number}"},
        "commits": 300,
        "additions": 10,
        "deletions": 2,
        "changed_files": 3,
        "_sandbox": {"reviews": [{"submittedAt": updated, "state": "APPROVED", "login": "bob"}]},
    } | changes


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    path = folder / "github" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxServer]:
    """Three repositories: 450 commits and 230 pull requests, 3 commits, and an empty one."""
    folder = tmp_path / "dataset"
    names = {1: "acme/shop", 2: "acme/site", 3: "acme/empty"}
    write(folder, "repositories", [repository(number, name) for number, name in names.items()])
    write(
        folder,
        "commits",
        [*map(commit, range(1, 451)), *(commit(number, "acme/site") for number in range(1, 4))],
    )
    write(folder, "pull_requests", list(map(pull, range(1, 231))))
    monkeypatch.setattr(GitHubClient.__init__, "__kwdefaults__", {"sleep": lambda _seconds: None})
    with SandboxServer(folder, remember=False) as server:
        yield server


@pytest.fixture
def land(hub: SandboxServer, fresh_database: Warehouse, tmp_path: Path) -> Callable[..., Any]:
    """A function that runs the source into the test's own warehouse."""

    def run(token: str = "sandbox-github-token", repositories: str = "") -> Any:
        dlt.secrets["sources.github.token"] = token
        dlt.config["sources.github.base_url"] = f"{hub.url}/github/api/v3"
        dlt.config["sources.github.organizations"] = "" if repositories else "acme"
        dlt.config["sources.github.repositories"] = repositories
        pipeline = destination.pipeline("github", fresh_database.dsn("loader"), "raw_github", tmp_path / "dlt")
        return pipeline.run(github())

    return run


def query(warehouse: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    with warehouse.connect("loader") as connection:
        return connection.execute(sql).fetchall()


def truth(hub: SandboxServer) -> list[tuple[Any, ...]]:
    """What default branches hold, by the dataset's own lines."""
    data = hub.data("github")
    with data.lock:
        data.refresh()
        ids = {row.value["full_name"]: row.value["id"] for row in data.records("repositories")}
        found = []
        for row in data.records("commits"):
            full_name = row.value["url"].split("/repos/")[1].rsplit("/commits/")[0]
            if full_name in ids and "branch" not in row.marks:
                found.append((ids[full_name], row.value["sha"], row.value["stats"]["additions"]))
        return sorted(found)


REACHABLE = """
    select c.repository_id, c.sha, c.additions
    from raw_github.commits as c
    inner join raw_github.repositories as r on r.id = c.repository_id
    where c.is_reachable and not r.is_deleted
    order by 1, 2
"""
PULLS = "select number, title, state, updated_at from raw_github.pull_requests order by repository_id, number"


def pull_truth(hub: SandboxServer) -> list[tuple[Any, ...]]:
    data = hub.data("github")
    with data.lock:
        data.refresh()
        rows = [record.value for record in data.records("pull_requests")]
    return [
        (
            row["number"],
            row["title"],
            "MERGED" if row["merged_at"] else row["state"].upper(),
            datetime.fromisoformat(row["updated_at"]),
        )
        for row in sorted(rows, key=lambda row: (row["base"]["repo"]["full_name"], row["number"]))
    ]


@pytest.mark.parametrize("name", ["OVERVIEW", "COMMITS", "PULL_REQUESTS"])
def test_queries_are_valid_in_the_published_schema(name: str, shared_folder: Path) -> None:
    schema = build_schema((shared_folder / "specs" / "github.graphql").read_text(), assume_valid=True)
    assert validate(schema, parse(getattr(queries, name))) == []


def test_a_first_run_lands_commits_and_pull_requests_of_every_repository(
    hub: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    land()
    assert query(fresh_database, REACHABLE) == truth(hub)
    assert query(fresh_database, PULLS) == pull_truth(hub)
    assert query(
        fresh_database, "select commit_count, reviews -> 0 ->> 'state' from raw_github.pull_requests limit 1"
    ) == [(300, "APPROVED")]


def test_an_unchanged_run_writes_no_row_and_asks_little(
    hub: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    land()
    hub.requests.clear()
    versions = """
        select xmin::text, sha from raw_github.commits
        union all select xmin::text, id::text from raw_github.pull_requests
        union all select xmin::text, id::text from raw_github.repositories
        order by 2
    """
    before = query(fresh_database, versions)
    land()
    assert query(fresh_database, versions) == before
    # One list of repositories and one overview of each.
    assert len(hub.requests) == 4


def test_after_a_dozen_changes_the_tables_equal_github(
    hub: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    land()
    late = {"message": "Late\n\nCo-authored-by: Bob <bob@x.example>\nco-authored-by: Cy <cy@x.example>"}
    hub.mutate(
        "github",
        "commits",
        insert=[
            commit(451),
            commit(452, author=None, committer=None),  # an e-mail that maps to nobody
            commit(453, author={}, committer={}),
            commit(454, author=BOT),
            commit(455, date="2037-01-01T00:00:00Z"),  # a clock in the future
            commit(456, date="2025-12-30T00:00:00Z", **late),  # an old commit, pushed late
            commit(457, _sandbox={"branch": "topic"}),
            commit(600, "acme/site"),
        ],
    )
    hub.mutate(
        "github",
        "pull_requests",
        insert=[pull(231), pull(232, title="Duplicate moment", updated_at=pull(231)["updated_at"])],
        update={
            "5000000003": {"title": "Edited", "updated_at": "2026-02-01T00:00:00Z"},
            "5000000004": {
                "state": "closed",
                "merged_at": "2026-02-02T00:00:00Z",
                "closed_at": "2026-02-02T00:00:00Z",
                "updated_at": "2026-02-02T00:00:00Z",
            },
            "5000000005": {"user": None, "updated_at": "2026-02-03T00:00:00Z"},
            "5000000006": {"user": BOT, "updated_at": "2036-02-03T00:00:00Z"},
        },
    )
    land()
    assert query(fresh_database, REACHABLE) == truth(hub)
    assert query(fresh_database, PULLS) == pull_truth(hub)
    assert query(
        fresh_database, "select jsonb_array_length(authors) from raw_github.commits where message like 'Late%'"
    ) == [(3,)]
    # An update dated in the future must not hide the next one.
    hub.mutate(
        "github", "pull_requests", update={"5000000007": {"title": "After", "updated_at": "2026-11-01T00:00:00Z"}}
    )
    land()
    assert query(fresh_database, PULLS) == pull_truth(hub)


def test_rewritten_history_marks_what_is_no_longer_reachable(
    hub: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    land()
    hub.mutate("github", "commits", delete=[_key(450), _key(449)], insert=[commit(700), commit(701)])
    land()
    assert query(fresh_database, REACHABLE) == truth(hub)
    gone = query(fresh_database, "select sha from raw_github.commits where not is_reachable order by 1")
    assert gone == [(f"{449:040x}",), (f"{450:040x}",)]
    # A later push that brings one of them back.
    hub.mutate("github", "commits", insert=[commit(449), commit(702)])
    land()
    assert query(fresh_database, REACHABLE) == truth(hub)


def test_a_commit_dropped_from_the_middle_is_found(
    hub: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    land()
    hub.mutate("github", "commits", delete=[_key(7)], insert=[commit(800)])
    land()
    assert query(fresh_database, REACHABLE) == truth(hub)


def test_a_fast_forward_reads_one_page(hub: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse) -> None:
    land()
    hub.mutate("github", "commits", insert=[commit(900), commit(901)])
    hub.requests.clear()
    land()
    walks = [request for request in hub.requests if b"query Commits" in request.body]
    assert len(walks) == 1
    assert query(fresh_database, REACHABLE) == truth(hub)


def _key(number: int, full_name: str = "acme/shop") -> str:
    row = commit(number, full_name)
    return f"{row['sha']}/{row['url']}"


def test_renamed_lost_and_found_repositories_keep_their_id(
    hub: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    land(repositories="acme/shop acme/site acme/empty")
    marks = {"former_names": ["acme/shop"]}
    hub.mutate("github", "repositories", update={"1": {"full_name": "acme/store", "name": "store", "_sandbox": marks}})
    hub.mutate("github", "repositories", update={"2": {"_sandbox": {"blocked": True}}})
    land(repositories="acme/shop acme/site acme/empty")
    names = "select id, full_name, not_visible_since is not null from raw_github.repositories order by 1"
    assert query(fresh_database, names) == [(1, "acme/store", False), (2, "acme/site", True), (3, "acme/empty", False)]
    assert query(fresh_database, "select count(*) from raw_github.commits where is_reachable") == [(453,)]
    hub.mutate("github", "repositories", update={"2": {"_sandbox": {}}})
    land(repositories="acme/store acme/site acme/empty")
    assert query(fresh_database, f"{names} offset 1 limit 1") == [(2, "acme/site", False)]


def test_an_emptied_list_a_lost_page_or_fewer_rights_delete_nothing(
    hub: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    hub.mutate("github", "repositories", insert=[repository(4, "acme/open", private=False)])
    land()
    lost = """
        select id, is_deleted from raw_github.repositories
        where is_deleted or not_visible_since is not null order by 1
    """
    hub.faults.add([{"kind": "drop", "path": "/orgs/", "last": True}])
    land()
    assert query(fresh_database, lost) == []
    # GitHub answers 404 for a private repository that the token may not see; of a public one it means what it says.
    hub.faults.add([{"kind": "hide", "ids": [2], "path": "/orgs/|/repositories/", "status": 404, "times": 0}])
    hub.mutate("github", "repositories", delete=["4"])
    land()
    assert query(fresh_database, lost) == [(2, False), (4, True)]
    assert query(fresh_database, REACHABLE) == [*truth(hub)]
    hub.faults.clear()
    # A page of a rewritten history that never comes.
    hub.mutate("github", "commits", delete=[_key(450)], insert=[commit(700)])
    hub.faults.add([{"kind": "drop", "path": "graphql", "body": "query Commits", "list_name": "nodes", "nth": 2}])
    with pytest.raises(PipelineStepFailed) as failure:
        land()
    assert "the history of acme/shop has 450 commits, but only 350 came" in (readable(failure.value) or "")
    hub.mutate("github", "repositories", insert=[repository(number, f"acme/more-{number}") for number in range(10, 14)])
    land()
    hub.faults.add([{"kind": "drop", "path": "/orgs/", "times": 0, "last": True}])
    with pytest.raises(PipelineStepFailed) as failure:
        land()
    assert "7 of 7 repositories are no longer shown" in (readable(failure.value) or "")
    assert query(fresh_database, lost) == [(4, True)]


RESET = str(int(datetime.now(UTC).timestamp()) + 2)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 403, "headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": RESET}},
        {"kind": "status", "status": 403, "retry_after": 1},
        {"kind": "status", "status": 403, "answer": {"message": "You have exceeded a secondary rate limit"}},
        {"kind": "status", "status": 429, "retry_after": 1},
        {"kind": "status", "status": 429},
        {"kind": "status", "status": 200, "answer": {"errors": [{"type": "RATE_LIMITED", "message": "limit"}]}},
        {"kind": "status", "status": 200, "answer": {"errors": [{"type": "RATE_LIMIT", "message": "limit"}]}},
        {"kind": "status", "status": 502, "answer": {"message": "took too long"}, "times": 3},
        {"kind": "html", "status": 502},
        {"kind": "status", "status": 500},
        {"kind": "html", "status": 200},
        {"kind": "truncate"},
        {"kind": "disconnect"},
    ],
    ids=lambda fault: "-".join(str(fault.get(key)) for key in ("kind", "status", "retry_after", "answer"))[:60],
)
def test_a_passing_fault_in_the_middle_of_a_walk_changes_nothing(
    fault: dict[str, Any], hub: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    hub.faults.add([{"vendor": "github", "path": "graphql", "nth": 3, **fault}])
    hub.faults.add([{"vendor": "github", "path": "graphql", "nth": 9, **fault}])
    land()
    assert query(fresh_database, REACHABLE) == truth(hub)
    assert query(fresh_database, PULLS) == pull_truth(hub)


def test_a_time_out_shrinks_the_page(hub: SandboxServer, land: Callable[..., Any]) -> None:
    hub.faults.add([{"kind": "html", "status": 504, "vendor": "github", "body": "query Commits", "nth": 2, "times": 2}])
    land()
    sizes = [json.loads(row.body)["variables"]["first"] for row in hub.requests if b"query Commits" in row.body]
    assert sizes[:5] == [100, 100, 25, 6, 12]


def test_a_push_between_pages_is_read_by_the_next_run(
    hub: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    changes = [{"collection": "commits", "insert": [commit(950)]}]
    drift = {"kind": "mutate", "vendor": "github", "body": "query Commits", "nth": 2, "changes": changes}
    touched = {"5000000002": {"title": "Touched", "updated_at": "2026-03-01T00:00:00Z"}}
    moved = {**drift, "body": "query PullRequests", "changes": [{"collection": "pull_requests", "update": touched}]}
    hub.faults.add([drift, moved])
    land()
    land()
    assert query(fresh_database, REACHABLE) == truth(hub)
    assert query(fresh_database, PULLS) == pull_truth(hub)


def test_a_malformed_record_is_quarantined_and_its_page_lands(
    hub: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    hub.mutate(
        "github", "pull_requests", update={"5000000009": {"number": "nine", "updated_at": "2026-01-20T00:00:00Z"}}
    )
    land()
    assert query(fresh_database, "select count(*) from raw_github.pull_requests") == [(229,)]
    ((table, reason),) = query(fresh_database, "select table_name, reason from raw_github.quarantined_records")
    assert table == "pull_requests"
    assert "number" in reason


def test_giving_up_says_so_in_one_sentence_and_leaves_tables_as_they_were(
    hub: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    land()
    hub.mutate("github", "commits", insert=[commit(990), commit(991, "acme/site")])
    hub.faults.add(
        [{"kind": "status", "status": 503, "vendor": "github", "body": "query Commits", "nth": 2, "times": 0}]
    )
    with pytest.raises(PipelineStepFailed) as failure:
        land()
    assert "graphql failed 6 times, the last time with status 503" in str(failure.value)
    assert query(fresh_database, "select count(*) from raw_github.commits") == [(453,)]
    hub.faults.clear()
    land()
    assert query(fresh_database, REACHABLE) == truth(hub)


def test_a_wrong_token_is_named_by_its_setting(land: Callable[..., Any]) -> None:
    with pytest.raises(PipelineStepFailed, match="SOURCES__GITHUB__TOKEN"):
        land(token="wrong-token-wrong")


@pytest.mark.parametrize(
    ("second", "place"),
    [
        (pull(900, "acme/site", id=5_000_000_001), "repository_id 1 and number 1"),
        (pull(901, id=5_000_000_001), "repository_id 1 and number 1"),
    ],
    ids=["in another repository", "in the same repository"],
)
def test_of_two_pull_requests_with_one_id_the_second_is_set_aside(
    hub: SandboxServer,
    land: Callable[..., Any],
    fresh_database: Warehouse,
    second: dict[str, Any],
    place: str,
) -> None:
    land()
    before = query(fresh_database, PULLS)
    hub.mutate("github", "pull_requests", insert=[second])
    land()
    assert query(fresh_database, PULLS) == before
    reason = f"id 5000000001 is taken by the record with {place}; correct one of the two at the source"
    assert query(fresh_database, "select table_name, reason from raw_github.quarantined_records") == [
        ("pull_requests", reason)
    ]


def test_two_pull_requests_with_one_id_do_not_stop_a_first_load(
    hub: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    expected = pull_truth(hub)
    hub.mutate("github", "pull_requests", insert=[pull(900, "acme/site", id=5_000_000_001)])
    land()
    assert query(fresh_database, PULLS) == expected
    assert query(fresh_database, "select count(*) from raw_github.quarantined_records") == [(1,)]


def test_another_organization_is_refused_before_anything_of_it_lands(
    hub: SandboxServer, land: Callable[..., Any], fresh_database: Warehouse
) -> None:
    beta = {"login": "beta", "id": 2, "type": "Organization"}
    hub.mutate("github", "repositories", insert=[repository(9, "beta/shop", owner=beta)])
    land(repositories="acme/site")
    with pytest.raises(PipelineStepFailed) as failure:
        land(repositories="beta/shop")
    assert "that of owner acme (1), but the settings lead to beta (2)" in (readable(failure.value) or "")
    assert query(fresh_database, "select id from raw_github.repositories") == [(2,)]
    land(repositories="acme/site beta/shop")
    assert query(fresh_database, "select id from raw_github.repositories order by 1") == [(2,), (9,)]
