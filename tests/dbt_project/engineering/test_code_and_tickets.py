"""Commits, pull requests and issues over several loads: identifiers that stay, people, moves, an equal full refresh."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.dbt_project.conftest import DbtProject

AT = datetime(2026, 5, 4, 10, tzinfo=UTC)
REPOSITORIES = [
    {"id": 7, "full_name": "acme/site", "name": "site", "owner_login": "acme", "is_fork": False},
    {"id": 8, "full_name": "someone/site", "name": "site", "owner_login": "someone", "is_fork": True},
]
ADA = {"author_name": "Ada", "author_email": "ada@example.com", "author_login": "adal"}
MARTS = ("commits", "commit_authors", "pull_requests", "jira_issues", "jira_transitions")


def _commit(sha: str, repository: int = 7, **others: Any) -> dict[str, Any]:
    return {
        "sha": sha,
        "repository_id": repository,
        "message": "Work",
        "authored_at": AT,
        "committed_at": AT,
        "parent_count": 1,
        "is_reachable": True,
        **ADA,
        **others,
    }


def _pull_request(github_id: int, repository: int, number: int, **others: Any) -> dict[str, Any]:
    return {
        "id": github_id,
        "repository_id": repository,
        "number": number,
        "state": "OPEN",
        "author_login": "adal",
        "created_at": AT,
        **others,
    }


COMMITS = [
    _commit("a5bd90e7b0000000"),
    _commit("a5bd90e7b0000000", 8),
    _commit("a5bd90e7c0000000", message="CON-2: pair\n\nCo-authored-by: Bob <bob@example.com>"),
    _commit("b1000000c0000000", author_email="ada@elsewhere.example"),
    _commit("b2000000c0000000", author_email="stranger@elsewhere.example", author_login="stranger"),
]
PULL_REQUESTS = [_pull_request(1, 7, 42), _pull_request(2, 8, 42)]


@pytest.fixture(scope="module")
def first_load(dbt_project: DbtProject) -> DbtProject:
    dbt_project.load(
        {
            "reference.agency": [{"legal_name": "Agency", "timezone": "Europe/Berlin"}],
            "reference.developers": [
                {"email": "ada@example.com", "name": "Ada", "timezone": "UTC", "status": "active"},
                {
                    "email": "bob@example.com",
                    "name": "Bob",
                    "timezone": "UTC",
                    "status": "active",
                    "jira_account_id": "j1",
                },
            ],
            "reference.clients": [{"client": "Acme", "company_name": "Acme", "status": "active"}],
            "reference.projects": [{"project": "Site", "status": "active", "jira_project_key": "CON"}],
            "reference.repo_mappings": [{"repo": "Acme/Site", "client": "Acme"}],
            "clockify.clients": [{"id": "c1", "name": "Acme"}],
            "clockify.projects": [{"id": "p1", "client_id": "c1", "name": "Site"}],
            "github.repositories": REPOSITORIES,
            "github.commits": COMMITS,
            "github.pull_requests": PULL_REQUESTS,
            "jira.issues": [
                {
                    "id": "1",
                    "key": "CON-1",
                    "project_key": "CON",
                    "assignee_id": "j1",
                    "created_at": AT,
                    "updated_at": AT,
                },
                {
                    "id": "2",
                    "key": "CON-2",
                    "project_key": "CON",
                    "assignee_id": "j9",
                    "created_at": AT,
                    "updated_at": AT,
                },
            ],
        }
    )
    _build(dbt_project)
    return dbt_project


def _build(dbt_project: DbtProject, *arguments: str) -> None:
    dbt_project.dbt(
        "build",
        "--exclude-resource-type",
        "unit_test",
        "--exclude-resource-type",
        "test",
        "--select",
        "+developers",
        *[f"+{mart}" for mart in MARTS],
        *arguments,
        as_of="2026-05-31",
    )


def _commits(dbt_project: DbtProject) -> dict[str, dict[str, Any]]:
    return {row["sha"]: row for row in dbt_project.rows("select * from marts.commits")}


def test_commit_in_a_fork_too_is_one_of_the_origin(first_load: DbtProject) -> None:
    commits = _commits(first_load)

    assert len(commits) == 4
    assert commits["a5bd90e7b0000000"]["repo"] == "acme/site"
    assert commits["a5bd90e7b0000000"]["client_id"] == "CLI-c1"


def test_shas_that_share_8_digits_differ(first_load: DbtProject) -> None:
    commits = _commits(first_load)

    assert commits["a5bd90e7b0000000"]["id"] == "CMT-a5bd90e7"
    assert commits["a5bd90e7c0000000"]["id"] == "CMT-a5bd90e7c"


def test_login_that_commits_under_a_developers_address_is_that_developer_everywhere(first_load: DbtProject) -> None:
    commits = _commits(first_load)
    [ada] = first_load.rows("select id from marts.developers where email = 'ada@example.com'")

    assert commits["b1000000c0000000"]["developer_id"] == ada["id"]
    assert commits["b2000000c0000000"]["developer_id"] is None
    assert {row["developer_id"] for row in first_load.rows("select * from marts.pull_requests")} == {ada["id"]}


def test_pull_requests_of_two_repositories_of_one_name_differ(first_load: DbtProject) -> None:
    ids = {row["github_id"]: row["id"] for row in first_load.rows("select * from marts.pull_requests")}

    assert ids == {1: "PR-site-42", 2: "PR-someone-site-42"}


def test_what_belongs_to_nobody_is_counted_and_named(first_load: DbtProject) -> None:
    first_load.dbt(
        "build", "--exclude-resource-type", "unit_test", "--exclude-resource-type", "test", "--select", "+unresolved"
    )
    found = first_load.rows(
        "select source, native_id, reason, row_count from reports.unresolved order by source, native_id"
    )

    assert [tuple(row.values()) for row in found] == [
        ("github", "someone/site", "no_client", 1),
        ("github", "stranger", "no_developer", 1),
        ("jira", "j9", "no_developer", 1),
    ]


def test_later_load_renames_nothing(first_load: DbtProject) -> None:
    before = _commits(first_load)
    first_load.load(
        {
            "github.repositories": [
                # Renamed; and one whose name sorts before the others'.
                {**REPOSITORIES[0], "full_name": "acme/website", "name": "website"},
                REPOSITORIES[1],
                {"id": 1, "full_name": "aaa/site", "name": "site", "owner_login": "aaa"},
            ],
            "github.commits": [*COMMITS, _commit("a5bd90e7a0000000", 1), _commit("c0000000a0000000", 1)],
            "github.pull_requests": [*PULL_REQUESTS, _pull_request(3, 1, 42), _pull_request(4, 7, 43)],
        }
    )
    _build(first_load)
    after = _commits(first_load)
    ids = {row["github_id"]: row["id"] for row in first_load.rows("select * from marts.pull_requests")}

    assert {sha: after[sha]["id"] for sha in before} == {sha: row["id"] for sha, row in before.items()}
    assert after["a5bd90e7a0000000"]["id"] == "CMT-a5bd90e7a0"
    assert after["a5bd90e7b0000000"]["repo"] == "acme/website"
    assert ids == {1: "PR-site-42", 2: "PR-someone-site-42", 3: "PR-aaa-site-42", 4: "PR-site-43"}


def test_moved_issue_keeps_its_id_and_is_found_by_its_former_key(first_load: DbtProject) -> None:
    first_load.load(
        {
            "jira.issues": [
                {
                    "id": "1",
                    "key": "CON-1",
                    "project_key": "CON",
                    "assignee_id": "j1",
                    "created_at": AT,
                    "updated_at": AT,
                },
                {"id": "2", "key": "NEW-9", "project_key": "NEW", "created_at": AT, "updated_at": AT},
            ],
            "jira.projects": [{"id": "5", "key": "NEW", "name": "New"}],
            "jira.transitions": [
                {
                    "id": "77",
                    "issue_id": "2",
                    "created_at": AT,
                    "items": [{"field": "Key", "fromString": "CON-2", "toString": "NEW-9"}],
                }
            ],
        }
    )
    _build(first_load)

    assert first_load.rows("select id, key, former_keys from marts.jira_issues where id = '2'") == [
        {"id": "2", "key": "NEW-9", "former_keys": ["CON-2"]}
    ]
    assert _commits(first_load)["a5bd90e7c0000000"]["issue_keys"] == ["NEW-9"]


def test_full_refresh_gives_the_same_tables(first_load: DbtProject) -> None:
    before = {mart: sorted(map(str, first_load.rows(f"select * from marts.{mart}"))) for mart in MARTS}
    _build(first_load, "--full-refresh")

    assert {mart: sorted(map(str, first_load.rows(f"select * from marts.{mart}"))) for mart in MARTS} == before
    assert all(before[mart] for mart in MARTS if mart != "jira_transitions")
