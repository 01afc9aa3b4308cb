"""What happens in Jira between two runs arrives in raw: after the second run raw equals the sandbox's truth.

A deletion that is not marked fails, a mark on what is not deleted fails too.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import dlt
import pytest

from tests.sources.jira.jira_world import FIELDS, Jira, field_, history, issue, user

Change = Callable[[Jira], None]
BOTH = pytest.mark.parametrize("deployment", ["cloud", "data_center"])


def later(seconds: int = 0) -> str:
    """A moment after every change of the tests' issues, as Jira writes it for a viewer in Sydney."""
    moment = datetime(2026, 6, 1, 23, tzinfo=UTC) + timedelta(hours=10, seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000+1000")


def edit(number: int, **fields: Any) -> Change:
    return lambda jira: jira.change(number, **{"updated": later(), **fields})


def add(*issues: dict[str, Any]) -> Change:
    return lambda jira: jira.mutate("issues", insert=issues)


def delete(*numbers: int) -> Change:
    return lambda jira: jira.mutate("issues", delete=[str(1000 + number) for number in numbers])


def rekey_project(jira: Jira) -> None:
    """HD becomes HELP: every key changes, no issue's `updated` does."""
    jira.mutate("projects", update={"20": {"key": "HELP"}})
    for number in (21, 22, 23):
        place = {"id": "20", "key": "HELP", "name": "Project HELP"}
        # Changed long ago as far as the index knows: nothing but the key tells.
        jira.change(number, key=f"HELP-{number}", project=place, at=datetime(2026, 1, 1, tzinfo=UTC))


CHANGES: dict[str, Change] = {
    "new": add(issue(101, created=later(), updated=later())),
    "new in another project": add(issue(102, "HD", "20", created=later(), updated=later())),
    "edited": edit(1, summary="edited"),
    "done": edit(2, status={"id": "5", "name": "Done", "statusCategory": {"key": "done"}}, resolutiondate=later()),
    "unassigned": edit(4, assignee=None),
    "description gone": edit(5, description=None),
    "points in the other field": edit(6, customfield_10016=8.0, customfield_10026=None),
    "imported with an old date": add(issue(103, created="2019-02-28T10:00:00.000+0000", updated=later())),
    "dated in the future": edit(7, updated="2033-01-01T00:00:00.000+0000"),
    "moved to another project": edit(
        8, key="HD-800", project={"id": "20", "key": "HD", "name": "Project HD"}, summary="moved"
    ),
    "deleted": delete(9),
    "several deleted": delete(10, 11, 12),
    "edited and deleted": lambda jira: (edit(13, summary="gone")(jira), delete(13)(jira))[0],
    "the project's key changed": rekey_project,
    "eight with one timestamp, across a page's border": add(
        *(issue(200 + number, created=later(), updated=later()) for number in range(8))
    ),
    "text that Postgres would refuse": edit(14, summary="a\x00b"),
    "changelog grown": lambda jira: jira.mutate("changelogs", insert=[history(900 + number, 1) for number in range(6)]),
}


def seed() -> list[dict[str, Any]]:
    return [issue(number) for number in range(1, 21)] + [issue(number, "HD", "20") for number in range(21, 24)]


def assert_truth(jira: Jira) -> None:
    shown = {key: tuple(str(part).replace("\x00", "") for part in row) for key, row in jira.truth().items()}
    assert jira.landed() == shown


@BOTH
def test_first_run_lands_everything(make_jira: Callable[..., Jira], small_pages: None, deployment: str) -> None:
    jira = make_jira(seed(), [history(number, 1 + number % 9) for number in range(1, 40)], deployment=deployment)
    jira.run()
    assert_truth(jira)
    assert len(jira.histories()) == 39
    assert jira.marks() == {}
    assert jira.rows("select story_points, assignee_id, description_text from issues where id = '1004'") == [
        (3, "712020:1", "Text 4")
    ]
    assert jira.rows("select count(*) from users") == [(2,)]
    assert jira.rows("select count(*) from projects where state = 'live'") == [(2,)]
    assert {row[0] for row in jira.rows("select id from fields where is_story_points")} == {
        "customfield_10016",
        "customfield_10026",
    }


@BOTH
def test_every_change_between_two_runs_arrives(
    make_jira: Callable[..., Jira], small_pages: None, deployment: str
) -> None:
    jira = make_jira(seed(), [history(number, 1 + number % 9) for number in range(1, 40)], deployment=deployment)
    jira.run()
    before = jira.truth()
    for change in CHANGES.values():
        change(jira)
    jira.run()
    assert_truth(jira)
    assert jira.marks() == dict.fromkeys(before.keys() - jira.truth().keys(), "deleted")
    assert len(jira.histories()) == 45
    assert jira.rows("select story_points from issues where id = '1006'") == [(8,)]
    assert jira.rows("select count(*) from quarantined_records") == [(0,)]


@pytest.mark.parametrize("name", ["deleted", "moved to another project", "the project's key changed", "new"])
def test_a_change_alone_arrives(make_jira: Callable[..., Jira], name: str) -> None:
    jira = make_jira(seed())
    jira.run()
    before = jira.truth()
    CHANGES[name](jira)
    jira.run()
    assert_truth(jira)
    assert jira.marks() == dict.fromkeys(before.keys() - jira.truth().keys(), "deleted")


@BOTH
def test_a_deleted_issue_that_comes_back_loses_its_mark(make_jira: Callable[..., Jira], deployment: str) -> None:
    jira = make_jira(seed(), deployment=deployment)
    jira.run()
    delete(3)(jira)
    jira.run()
    assert jira.marks() == {"1003": "deleted"}
    deleted_at = jira.rows("select deleted_at from issue_deletions")
    jira.run()
    assert jira.rows("select deleted_at from issue_deletions") == deleted_at
    jira.mutate("issues", insert=[issue(3, summary="back")], at=datetime(2026, 1, 1, tzinfo=UTC))
    jira.run()
    assert jira.marks() == {}
    assert_truth(jira)


@BOTH
def test_a_lost_permission_is_no_deletion_and_what_comes_into_sight_again_is_read(
    make_jira: Callable[..., Jira], deployment: str
) -> None:
    jira = make_jira(seed(), [history(number, 21) for number in range(1, 5)], deployment=deployment)
    jira.run()
    jira.mutate("projects", update={"20": {"_sandbox": {"owner": "somebody-else"}}})
    delete(9)(jira)
    jira.run()
    assert jira.marks() == {"1009": "deleted", "1021": "not_visible", "1022": "not_visible", "1023": "not_visible"}
    assert jira.rows("select id from issue_deletions where is_deleted") == [("1009",)]
    assert jira.rows("select state, is_deleted from projects where id = '20'") == [("not_visible", False)]
    # Meanwhile the issue changed; its `updated` lies before the cursor by the time it is in sight again.
    jira.change(21, summary="changed out of sight", at=datetime(2026, 1, 1, tzinfo=UTC))
    jira.mutate("changelogs", insert=[history(5, 21)])
    jira.mutate("projects", update={"20": {"_sandbox": {}}})
    jira.run()
    assert jira.marks() == {"1009": "deleted"}
    assert jira.rows("select state from projects where id = '20'") == [("live",)]
    assert jira.rows("select summary from issues where id = '1021'") == [("changed out of sight",)]
    assert len(jira.histories()) == 5


def test_a_project_that_may_be_seen_but_not_browsed_is_no_deletion_either(make_jira: Callable[..., Jira]) -> None:
    jira = make_jira(seed())
    jira.run()
    jira.mutate("projects", update={"20": {"_sandbox": {"browse": False}}})
    jira.run()
    assert set(jira.marks().values()) == {"not_visible"}
    assert len(jira.marks()) == 3


def test_issues_share_the_fate_of_their_project(make_jira: Callable[..., Jira]) -> None:
    jira = make_jira(seed())
    jira.run()
    jira.mutate("projects", update={"20": {"archived": True}})
    jira.run()
    assert jira.marks() == {"1021": "archived", "1022": "archived", "1023": "archived"}
    assert jira.rows("select id from issue_deletions where is_deleted") == []
    date = "2026-05-30T10:00:00.000Z"
    jira.mutate("projects", update={"20": {"archived": False, "deleted": True, "deletedDate": date}})
    jira.run()
    assert set(jira.marks().values()) == {"deleted"}
    assert jira.rows("select distinct deleted_at from issue_deletions") == [(datetime(2026, 5, 30, 10, tzinfo=UTC),)]
    assert jira.rows("select state, is_deleted from projects where id = '20'") == [("deleted", True)]
    jira.mutate("projects", update={"20": {"deleted": False}})
    jira.run()
    assert jira.marks() == {}


def test_an_account_that_sees_nothing_any_more_marks_nothing(make_jira: Callable[..., Jira]) -> None:
    jira = make_jira(seed())
    jira.run()
    everything, state = jira.everything(), jira.state()
    hidden = {"_sandbox": {"owner": "somebody-else"}}
    jira.mutate("projects", update={"10": hidden, "20": hidden})
    assert "sees no project" in jira.refusal()
    assert (jira.everything(), jira.state()) == (everything, state)


@BOTH
def test_issues_touched_while_pages_are_read_are_neither_lost_nor_stale(
    make_jira: Callable[..., Jira], small_pages: None, deployment: str
) -> None:
    first = issue(1)
    touched = {"1001": {"fields": {**first["fields"], "summary": "touched", "updated": later()}}}
    changes = [
        {"collection": "issues", "update": touched},
        {"collection": "issues", "delete": ["1002", "1003", "1004"]},
        {"collection": "issues", "insert": [issue(300, created=later(), updated=later())]},
    ]
    jira = make_jira(
        [first, *seed()[1:]],
        deployment=deployment,
        faults=[{"kind": "mutate", "path": "/search", "body": "created", "nth": 2, "changes": changes}],
    )
    jira.run()
    assert jira.truth().items() <= jira.landed().items()
    jira.run()
    assert_truth(jira)
    assert jira.marks() == dict.fromkeys(jira.marks(), "deleted")


def test_an_update_that_the_index_does_not_know_yet_is_found_later(make_jira: Callable[..., Jira]) -> None:
    """The cursor moves to what was seen, never past it, and the look-back covers the index's lag."""
    jira = make_jira(seed())
    jira.run()
    hidden = {"indexed_from": (datetime.now(UTC) + timedelta(minutes=5)).isoformat()}
    add(issue(400, created=later(), updated=later(), _sandbox=hidden))(jira)
    edit(2, updated=later(60))(jira)
    jira.run()
    assert "1400" not in jira.landed()
    jira.server.advance(minutes=6)
    jira.run()
    assert_truth(jira)


def test_changelogs_are_whole_whatever_their_dates_look_like(make_jira: Callable[..., Jira], small_pages: None) -> None:
    """One issue's entries straddle pages, and `created` comes as text, as seconds and as milliseconds."""
    histories = [history(number, 1) for number in range(1, 12)]
    histories[3]["_sandbox"] = {"created_as": "seconds"}
    histories[4]["_sandbox"] = {"created_as": "milliseconds"}
    jira = make_jira(seed(), histories)
    jira.run()
    assert jira.rows("select id, created_at from transitions where id in ('4', '5', '6') order by id") == [
        ("4", datetime(2026, 5, 5, 4, 4, tzinfo=UTC)),
        ("5", datetime(2026, 5, 6, 5, 5, tzinfo=UTC)),
        ("6", datetime(2026, 5, 7, 6, 6, tzinfo=UTC)),
    ]
    assert len(jira.histories()) == 11


@BOTH
def test_an_unchanged_run_writes_nothing_at_all(
    make_jira: Callable[..., Jira], monkeypatch: pytest.MonkeyPatch, deployment: str
) -> None:
    monkeypatch.setattr("sources.jira.client.ISSUE_PAGE", 5)
    monkeypatch.setattr("sources.jira.client.OFFSET_PAGE", 5)
    issues = [issue(number, updated=later(-7200 * number), created=later(-7200 * number)) for number in range(1, 601)]
    jira = make_jira(issues, [history(number, number) for number in range(1, 20)], deployment=deployment)
    jira.run()
    everything, state, asked = jira.everything(), jira.state(), len(jira.server.requests)
    loaded = jira.rows("select max(loaded_at) from issues")
    information = jira.run()
    assert information.loads_ids == []
    assert (jira.everything(), jira.state()) == (everything, state)
    assert jira.rows("select max(loaded_at) from issues") == loaded
    assert len(jira.server.requests) - asked <= asked // 10


def test_a_small_change_costs_little(make_jira: Callable[..., Jira], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sources.jira.client.ISSUE_PAGE", 5)
    issues = [issue(number, updated=later(-7200 * number), created=later(-7200 * number)) for number in range(1, 601)]
    jira = make_jira(issues)
    jira.run()
    asked, loaded = len(jira.server.requests), jira.rows("select max(loaded_at) from issues")
    for number in range(1, 7):
        jira.change(number * 50, summary="changed", updated=later(number))
    jira.run()
    assert len(jira.server.requests) - asked <= asked * 0.15
    assert jira.rows(f"select count(*) from issues where loaded_at > '{loaded[0][0].isoformat()}'") == [(6,)]
    assert_truth(jira)


def test_story_points_are_read_again_when_the_site_gets_another_field_for_them(make_jira: Callable[..., Jira]) -> None:
    kind = "com.atlassian.jira.plugin.system.customfieldtypes:float"
    jira = make_jira([issue(1, customfield_10026=None, customfield_10099=13), issue(2)], fields=FIELDS)
    jira.run()
    assert jira.rows("select id, story_points from issues order by id") == [("1001", None), ("1002", 3)]
    jira.mutate("fields", insert=[field_("customfield_10099", "story Points", "number", kind)])
    jira.run()
    assert jira.rows("select id, story_points from issues order by id") == [("1001", 13), ("1002", 3)]


def test_lists_that_are_read_whole_mark_what_they_do_not_show_any_more(make_jira: Callable[..., Jira]) -> None:
    jira = make_jira(seed(), users=[user(number) for number in range(1, 5)])
    jira.run()
    jira.mutate("users", delete=["712020:3"], update={"712020:2": {"active": False, "displayName": "Renamed"}})
    jira.mutate("fields", delete=["customfield_10014"])
    jira.run()
    assert jira.rows("select account_id from users where is_deleted") == [("712020:3",)]
    assert jira.rows("select name, is_active from users where account_id = '712020:2'") == [("Renamed", False)]
    # Jira knows no way to ask for one field.
    assert jira.rows("select id, is_deleted from fields where not_visible_since is not null") == [
        ("customfield_10014", False)
    ]
    jira.mutate("users", insert=[user(3)])
    jira.run()
    assert jira.rows("select account_id from users where is_deleted") == []


@BOTH
def test_an_emptied_list_a_lost_page_or_fewer_rights_delete_nothing(
    make_jira: Callable[..., Jira], deployment: str
) -> None:
    jira = make_jira(
        seed(), users=[user(number, key=f"712020:{number}") for number in range(1, 5)], deployment=deployment
    )
    jira.run()
    everything = jira.everything()
    users = "users/search|user/search"
    jira.server.faults.add([{"kind": "drop", "path": users, "count": 2, "times": 2}])
    # The census lacks a page of four; the walk through what changed comes before it.
    census = {"path": "rest/api/./search", "body": '"fields": ?."id", ?"key"'}
    jira.server.faults.add([{"kind": "drop", **census, "count": 4}])
    jira.run()
    assert jira.server.faults.faults[-1].fired == 1
    assert jira.everything() == everything
    jira.server.faults.add([{"kind": "hide", "ids": ["712020:3"], "times": 0}])
    jira.run()
    assert jira.rows("select account_id, is_deleted from users where not_visible_since is not null") == [
        ("712020:3", False)
    ]
    jira.server.faults.clear()
    jira.run()
    assert jira.everything() == everything
    jira.server.faults.add([{"kind": "drop", **census, "times": 0, "last": True}])
    assert "issues of projects that are shown are no longer shown, so nothing was loaded" in jira.refusal()
    assert jira.everything() == everything


def test_epics_are_parents_whichever_field_names_them(make_jira: Callable[..., Jira]) -> None:
    parent = {"id": "1001", "key": "CON-1"}
    jira = make_jira([issue(1), issue(2, parent=parent), issue(3, customfield_10014="CON-1")])
    jira.run()
    assert jira.rows("select id, parent_key from issues order by id") == [
        ("1001", None),
        ("1002", "CON-1"),
        ("1003", "CON-1"),
    ]


def test_once_a_week_everything_is_read_again(make_jira: Callable[..., Jira]) -> None:
    jira = make_jira(seed(), [history(1, 1)])
    jira.run()
    # A renamed status changes no issue's `updated`.
    renamed = {"id": "3", "name": "Doing", "statusCategory": {"key": "indeterminate"}}
    for number in range(1, 21):
        jira.change(number, status=renamed, at=datetime(2026, 1, 1, tzinfo=UTC))
    jira.run()
    assert jira.rows("select count(*) from issues where status = 'Doing'")[0][0] < 20
    pipeline = dlt.attach("jira", pipelines_dir=str(jira.pipelines))
    with pipeline.managed_state() as state:
        moment = (datetime.now(UTC) - timedelta(days=8)).isoformat()
        state["sources"]["jira"]["resources"]["issues"]["whole_at"] = moment
    jira.run()
    assert jira.rows("select count(*) from issues where status = 'Doing'") == [(20,)]


def test_one_table_alone_can_be_landed(make_jira: Callable[..., Jira]) -> None:
    jira = make_jira(seed(), [history(number, number) for number in range(1, 10)])
    jira.run("transitions")
    assert len(jira.histories()) == 9
    edit(1, summary="edited")(jira)
    jira.mutate("changelogs", insert=[history(50, 1)])
    jira.run("issues")
    assert len(jira.histories()) == 9
    jira.run("transitions")
    assert len(jira.histories()) == 10
    jira.run()
    assert_truth(jira)
