"""Troubles on the way: the same tables as without, or a quarantined record, or a refusal that leaves all as it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import dlt
import pytest

from sandbox.vendors.jira import EMAIL
from tests.sources.jira.jira_world import Jira, history, issue, project, user

SEARCH = "(3/search/jql|2/search)$"
LATER = "2026-06-02T09:00:00.000+0000"

PASSING = {
    "429 without Retry-After": {"kind": "status", "status": 429, "path": SEARCH, "nth": 2, "times": 2},
    "429 with Retry-After in seconds": {
        "kind": "status",
        "status": 429,
        "retry_after": 7,
        "headers": {"RateLimit-Reason": "jira-burst-based"},
        "path": SEARCH,
        "nth": 5,
    },
    "503 with Retry-After": {"kind": "status", "status": 503, "retry_after": 3, "path": SEARCH, "nth": 7, "times": 3},
    "a proxy's page": {"kind": "html", "status": 502, "path": SEARCH, "nth": 11},
    "a proxy's page that says 200": {"kind": "html", "status": 200, "path": SEARCH, "nth": 13},
    "a cut body": {"kind": "truncate", "path": SEARCH, "nth": 15},
    "a cut body of the right length": {"kind": "truncate", "honest": True, "path": SEARCH, "nth": 17},
    "a connection that breaks off": {"kind": "disconnect", "path": SEARCH, "nth": 19},
    "changelogs out of order": {
        "kind": "status",
        "status": 500,
        "path": "(changelog/bulk|2/search)",
        "body": "(issueIds|id in)",
        "times": 2,
    },
    "users and projects out of order": {"kind": "status", "status": 504, "path": "(user|project)", "times": 3},
}


def forget(jira: Jira) -> None:
    """Make the next run a whole one."""
    pipeline = dlt.attach("jira", pipelines_dir=str(jira.pipelines))
    with pipeline.managed_state() as state:
        for resource in state["sources"]["jira"]["resources"].values():
            resource.pop("whole_at", None)


@pytest.fixture
def undisturbed(make_jira: Callable[..., Jira], small_pages: None) -> Callable[..., Jira]:
    """A function that lands twenty issues and then changes them, ready for the run in which something goes wrong."""

    def make(**options: Any) -> Jira:
        jira = make_jira(
            [issue(number) for number in range(1, 21)], [history(number, number) for number in range(1, 15)], **options
        )
        jira.run()
        fresh = [issue(100 + number, updated=LATER, created=LATER) for number in range(12)]
        jira.mutate("issues", insert=fresh, delete=["1005"])
        return jira

    return make


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_passing_troubles_change_nothing(undisturbed: Callable[..., Jira], deployment: str) -> None:
    jira = undisturbed(deployment=deployment)
    # Everything is read again from the beginning, so that the troubles meet walks of several pages.
    forget(jira)
    jira.server.faults.add(PASSING.values())
    jira.run()
    fired = {name: fault.fired for name, fault in zip(PASSING, jira.server.faults.faults, strict=True)}
    assert all(fired.values()), fired
    assert jira.landed() == jira.truth()
    assert jira.marks() == {"1005": "deleted"}
    assert len(jira.histories()) == 14
    assert jira.rows("select count(*) from quarantined_records") == [(0,)]
    assert {7.0, 3.0} <= set(jira.waits)


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_a_limit_that_says_its_end_alone_is_waited_out(make_jira: Callable[..., Jira], deployment: str) -> None:
    end = (datetime.now(UTC) + timedelta(minutes=20)).strftime("%Y-%m-%dT%H:%MZ")
    limit = {"kind": "status", "status": 429, "headers": {"X-RateLimit-Reset": end}, "path": SEARCH}
    jira = make_jira([issue(1)], deployment=deployment, faults=[limit])
    jira.run()
    assert jira.landed() == jira.truth()
    (wait,) = jira.waits
    assert 1000 < wait <= 1200


def test_short_empty_and_repeated_pages_end_no_walk(make_jira: Callable[..., Jira], small_pages: None) -> None:
    issues = [issue(number) for number in range(1, 31)]
    for position, mark in ((4, "page_break"), (9, "empty_page"), (12, "page_break"), (17, "repeated_token")):
        issues[position]["_sandbox"] = {mark: True}
    jira = make_jira(issues)
    jira.run()
    assert jira.landed() == jira.truth()
    jira.run()
    assert jira.marks() == {}


def test_a_stale_token_begins_the_walk_again(make_jira: Callable[..., Jira], small_pages: None) -> None:
    message = {"errorMessages": ["The provided next page token is invalid or expired."], "errors": {}}
    fault = {"kind": "status", "status": 400, "answer": message, "path": SEARCH, "body": "nextPageToken", "nth": 3}
    jira = make_jira([issue(number) for number in range(1, 31)], faults=[fault])
    jira.run()
    assert jira.landed() == jira.truth()


MALFORMED: list[tuple[dict[str, Any], str]] = [
    ({"unset": ["fields"]}, "fields.updated is missing"),
    ({"set": {"fields": "none of your business"}}, "fields.project.id is no text"),
    ({"set": {"key": None}}, "key is missing"),
    ({"set": {"fields": {"updated": "yesterday"}}}, "fields.updated is no timestamp"),
]


def test_malformed_issues_are_quarantined_and_the_rest_lands(make_jira: Callable[..., Jira], small_pages: None) -> None:
    faults = [
        {"kind": "malform", "path": SEARCH, "index": 3, "nth": page, **spoilt}
        for page, (spoilt, _) in enumerate(MALFORMED, start=1)
    ]
    jira = make_jira([issue(number) for number in range(1, 26)], faults=faults)
    jira.run()
    assert len(jira.landed()) == 21
    assert jira.rows("select distinct table_name from quarantined_records") == [("issues",)]
    reasons = " | ".join(row[0] for row in jira.rows("select reason from quarantined_records"))
    assert [words for _, words in MALFORMED if words not in reasons] == []
    # The next census finds the issues, and this time they fit.
    jira.run()
    assert jira.landed() == jira.truth()
    assert jira.marks() == {}


def test_a_malformed_changelog_entry_is_quarantined_and_the_rest_lands(make_jira: Callable[..., Jira]) -> None:
    histories = [history(number, 1) for number in range(1, 8)]
    histories[2]["created"] = "the day before yesterday"
    histories[4]["created"] = None
    jira = make_jira([issue(1)], histories)
    jira.run()
    assert set(jira.histories()) == {"1", "2", "4", "6", "7"}
    reasons = {row[0] for row in jira.rows("select reason from quarantined_records where table_name = 'transitions'")}
    assert len(reasons) == 2


REFUSALS = {
    "out of order for good": (
        [{"kind": "status", "status": 500, "path": SEARCH, "nth": 2, "times": 0}],
        "failed 6 times",
    ),
    "bad credentials": (
        [{"kind": "status", "status": 401, "path": "myself", "times": 0}],
        "SOURCES__JIRA__EMAIL and SOURCES__JIRA__API_TOKEN",
    ),
    "the old search's end": ([{"kind": "status", "status": 410, "path": SEARCH, "times": 0}], "status 410"),
    "changelogs forbidden, after the issues were read": (
        [{"kind": "status", "status": 403, "path": "changelog", "times": 0}],
        "refused access",
    ),
    "a census that breaks off": (
        [{"kind": "status", "status": 503, "path": SEARCH, "body": "order by key", "nth": 2, "times": 0}],
        "failed 6 times",
    ),
    "an answer of another kind": (
        [{"kind": "status", "status": 200, "path": SEARCH, "answer": {"hello": "world"}}],
        "no list issues",
    ),
    "an end that says it is none": (
        [{"kind": "status", "status": 200, "path": SEARCH, "answer": {"issues": [], "isLast": False}, "times": 0}],
        "again and again",
    ),
    "no users": ([{"kind": "status", "status": 200, "path": "users/search", "answer": [], "times": 0}], "browse users"),
    "a token without end": (
        [
            {
                "kind": "status",
                "status": 200,
                "path": SEARCH,
                "answer": {"issues": [], "isLast": False, "nextPageToken": "same"},
                "times": 0,
            }
        ],
        "again and again",
    ),
}


def test_giving_up_takes_one_sentence_and_leaves_all_as_it_was(undisturbed: Callable[..., Jira]) -> None:
    jira = undisturbed()
    everything, state = jira.everything(), jira.state()
    for name, (faults, words) in REFUSALS.items():
        jira.server.faults.add(faults)
        sentence = jira.refusal()
        jira.server.faults.clear()
        assert words in sentence, name
        assert "\n" not in sentence, name
        assert "sandbox-jira-token" not in sentence, name
        assert (jira.everything(), jira.state()) == (everything, state), name
    jira.run()
    assert jira.landed() == jira.truth()
    assert jira.marks() == {"1005": "deleted"}


def test_data_center_reads_changelogs_one_by_one_where_the_search_refuses(make_jira: Callable[..., Jira]) -> None:
    refusal = {"errorMessages": ["An issue with key '1' does not exist for field 'id'."], "errors": {}}
    fault = {"kind": "status", "status": 400, "answer": refusal, "path": SEARCH, "body": "id in", "times": 0}
    issues = [issue(number) for number in range(1, 6)]
    jira = make_jira(issues, [history(number, 1) for number in range(1, 9)], deployment="data_center", faults=[fault])
    jira.run()
    assert len(jira.histories()) == 8


def test_settings_that_cannot_be_meant_are_refused_before_anything_is_asked(make_jira: Callable[..., Jira]) -> None:
    jira = make_jira([issue(1)], deployment="server")
    assert "must be cloud (the default) or data_center" in jira.refusal()
    assert jira.server.requests == []


def test_another_site_is_refused_before_anything_of_it_lands(make_jira: Callable[..., Jira]) -> None:
    def link(site: str) -> str:
        return f"https://{site}/rest/api/3/user?accountId=1"

    owner = user(1, emailAddress=EMAIL, self=link("acme.atlassian.net"))
    places = [project(10, "CON", self="https://acme.atlassian.net/rest/api/3/project/10"), project(20, "HD")]
    jira = make_jira([issue(1)], users=[owner, user(2)], projects=places)
    jira.run()
    everything = jira.everything()
    jira.mutate("users", update={"712020:1": {"self": link("other.atlassian.net")}})
    jira.change(1, summary="another site's issue of the same id", updated="2026-06-01T11:00:00.000+0000")
    for is_remembered in (True, False):
        if not is_remembered:
            pipeline = dlt.attach("jira", pipelines_dir=str(jira.pipelines))
            with pipeline.managed_state() as state:
                del state["sources"]["jira"]["account"]
        told = jira.refusal()
        assert "that of site acme.atlassian.net, but the settings lead to other.atlassian.net" in told
        assert jira.everything() == everything
    # A site that got another name is the same one if its owner says so.
    dlt.config["sources.jira.accept_account"] = "other.atlassian.net"
    try:
        jira.run()
    finally:
        dlt.config["sources.jira.accept_account"] = ""
    assert jira.rows("select summary from issues") == [("another site's issue of the same id",)]
