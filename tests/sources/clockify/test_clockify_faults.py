"""Faults in the middle of Clockify's walk: the same tables as without, or tables and state as they were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import dlt
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from sources.kit.errors import readable
from tests.sources.clockify.clockify_world import WORKSPACE, Clockify, entry

ENTRIES = r"/user/u2/time-entries"
PASSING = {
    "429 with Retry-After": {"kind": "status", "status": 429, "retry_after": 7, "times": 2},
    "429 without Retry-After": {"kind": "status", "status": 429, "times": 2},
    "503": {"kind": "status", "status": 503, "times": 3},
    "502 page of a proxy": {"kind": "html", "status": 502},
    "page of a proxy with status 200": {"kind": "html", "status": 200},
    "body cut short": {"kind": "truncate", "keep": 0.5},
    "body cut short, length adjusted": {"kind": "truncate", "keep": 0.5, "honest": True},
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_a_passing_fault_changes_nothing(clockify: Clockify, fault: dict[str, Any], waited: list[float]) -> None:
    clockify.server.faults.add(
        [
            {"vendor": "clockify", "path": ENTRIES, "nth": 2, **fault},
            {"vendor": "clockify", "path": "/projects", **fault},
        ]
    )
    clockify.run()
    assert all(fault.fired for fault in clockify.server.faults.faults)
    clockify.assert_equal_to_vendor()
    if fault.get("retry_after"):
        assert 7 in waited


def test_rows_added_and_deleted_while_paging_are_neither_lost_nor_doubled(clockify: Clockify) -> None:
    ids = [key for key, value in clockify.truth("time_entries").items() if value["userId"] == "u2"]
    added = entry(9500, "u2", clockify.now)
    clockify.server.faults.add(
        [
            {
                "kind": "mutate", "vendor": "clockify", "path": ENTRIES, "nth": 2, "times": 1,
                "changes": [{"collection": "time_entries", "insert": [added], "first": True}],
            },
            {
                "kind": "mutate", "vendor": "clockify", "path": ENTRIES, "nth": 3, "times": 1,
                "changes": [{"collection": "time_entries", "delete": ids[:3]}],
            },
        ]
    )  # fmt: skip
    clockify.run()
    assert all(fault.fired for fault in clockify.server.faults.faults)
    # What changed behind the reader's back may wait for the next run, nothing else may be missing.
    clockify.assert_equal_to_vendor(except_entries={added["id"], *ids[:3]})
    clockify.run()
    clockify.assert_equal_to_vendor()
    assert clockify.deleted("time_entries") <= set(ids[:3])


def test_a_list_that_shrinks_while_it_is_paged_loses_no_row(clockify: Clockify) -> None:
    clockify.mutate(
        "tags",
        insert=[
            {"id": f"tag{i:03}", "workspaceId": "64a687e29ae1f428e7ebe303", "name": f"tag {i:03}"} for i in range(120)
        ],
    )
    clockify.server.faults.add(
        [
            {
                "kind": "mutate", "vendor": "clockify", "path": "/tags", "nth": 2, "times": 1,
                "changes": [{"collection": "tags", "delete": ["tag000"]}],
            }
        ]
    )  # fmt: skip
    clockify.run()
    clockify.run()
    clockify.assert_equal_to_vendor()
    assert clockify.deleted("tags") == {"tag000"}


def test_a_malformed_record_is_quarantined_and_the_rest_lands(clockify: Clockify) -> None:
    ids = [key for key, value in clockify.truth("time_entries").items() if value["userId"] == "u2"]
    broken = {"timeInterval": {"start": "yesterday", "end": None, "duration": None}}
    clockify.mutate(
        "time_entries", update={ids[0]: broken, ids[1]: {"timeInterval": "gone"}, ids[2]: {"billable": "no"}}
    )
    clockify.run()
    clockify.assert_equal_to_vendor(except_entries=set(ids[:3]))
    rows = clockify.query("select native_id, table_name, reason from raw_clockify.quarantined_records order by 1")
    assert {row[0] for row in rows} == set(ids[:3])
    assert {row[1] for row in rows} == {"time_entries"}
    assert any("timeInterval.start is no timestamp" in row[2] and "yesterday" in row[2] for row in rows)


def test_a_malformed_record_is_never_taken_for_a_deletion(clockify: Clockify) -> None:
    clockify.run()
    ids = [key for key, value in clockify.truth("time_entries").items() if value["userId"] == "u2"]
    clockify.settings = {"sweep_days": 0}
    clockify.server.faults.add(
        [
            {"kind": "malform", "vendor": "clockify", "path": ENTRIES, "index": 0, "unset": ["id"], "times": 0},
            {"kind": "malform", "vendor": "clockify", "path": "/projects$", "index": 1, "unset": ["id"], "times": 0},
        ]
    )
    clockify.run()
    assert clockify.deleted("time_entries") == set()
    assert set(ids) <= set(clockify.landed("time_entries"))


def test_giving_up_says_so_and_leaves_tables_and_state_as_they_were(clockify: Clockify) -> None:
    clockify.run()
    before = clockify.versions()
    ids = list(clockify.truth("time_entries"))
    clockify.mutate("time_entries", delete=[ids[3]], insert=[entry(9600, "u1", clockify.now - timedelta(days=1))])
    clockify.server.faults.add(
        [{"kind": "status", "vendor": "clockify", "path": "/entities/deleted", "status": 500, "times": 0}]
    )
    with pytest.raises(Exception, match="step=extract") as failure:
        clockify.run()
    sentence = readable(failure.value)
    assert sentence is not None
    assert sentence.startswith("clockify: GET http://127.0.0.1:")
    assert "/entities/deleted failed 6 times, the last time with status 500" in sentence
    assert "sandbox-clockify-key" not in sentence
    assert clockify.versions() == before
    clockify.server.faults.clear()
    clockify.run()
    clockify.assert_equal_to_vendor()
    assert clockify.deleted("time_entries") == {ids[3]}


def test_a_wrong_key_is_named_by_its_setting(clockify: Clockify, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.sources.clockify.clockify_world.API_KEY", "not-the-key-at-all")
    with pytest.raises(Exception, match="step=extract") as failure:
        clockify.run()
    sentence = readable(failure.value) or ""
    assert "refused access with status 401" in sentence
    assert sentence.endswith("check SOURCES__CLOCKIFY__API_KEY")
    assert "not-the-key-at-all" not in sentence


def test_pages_that_repeat_without_end_stop_the_run(clockify: Clockify) -> None:
    page = [{"id": "t1", "workspaceId": "64a687e29ae1f428e7ebe303", "name": "x", "archived": False}]
    clockify.server.faults.add(
        [
            {
                "kind": "status", "vendor": "clockify", "path": "/tags", "status": 200, "times": 0,
                "answer": page, "headers": {"Last-Page": "false"},
            }
        ]
    )  # fmt: skip
    with pytest.raises(Exception, match="step=extract") as failure:
        clockify.run()
    assert "repeats its pages without end" in (readable(failure.value) or "")


def _lost(clockify: Clockify, table: str) -> list[tuple[Any, ...]]:
    return clockify.query(
        f"select id, is_deleted from raw_clockify.{table} where is_deleted or not_visible_since is not null order by id"
    )


NAMED = ("users", "clients", "projects", "tags")


def test_an_emptied_list_or_a_lost_page_deletes_nothing(clockify: Clockify) -> None:
    clockify.run()
    before = clockify.versions()
    lists = [f"/{name}$" for name in ("clients", "projects", "tags")]
    clockify.server.faults.add([{"kind": "drop", "path": path, "times": 0, "last": True} for path in lists])
    clockify.server.faults.add([{"kind": "drop", "path": "/users$", "index": 1, "count": 2, "times": 0}])
    clockify.run()
    assert [_lost(clockify, name) for name in NAMED] == [[], [], [], []]
    assert clockify.versions() == before
    # Entries: a page of fifty that never comes.
    clockify.server.faults.clear()
    clockify.settings = {"sweep_days": 0}
    clockify.server.faults.add([{"kind": "drop", "path": "user/u1/time-entries", "last": True}])
    clockify.run()
    assert _lost(clockify, "time_entries") == []
    clockify.assert_equal_to_vendor()


def test_fewer_rights_make_invisible_and_delete_nothing(clockify: Clockify) -> None:
    clockify.run()
    clockify.mutate("projects", delete=["p2"])
    clockify.server.faults.add([{"kind": "hide", "ids": ["p1", "c1", "u2"], "times": 0}])
    clockify.run()
    assert _lost(clockify, "projects") == [("p1", False), ("p2", True)]
    assert _lost(clockify, "clients") == [("c1", False)]
    assert _lost(clockify, "users") == [("u2", False)]
    assert clockify.query("select name, client_id, hourly_rate_amount from raw_clockify.projects where id = 'p1'") == [
        ("Project 1", "c2", 12500)
    ]
    before = clockify.versions()
    clockify.run()
    assert clockify.versions() == before, "what is known to be invisible is not written again"
    # Deleted behind the curtain: asked for again, Clockify says so.
    clockify.server.faults.clear()
    clockify.mutate("clients", delete=["c1"])
    clockify.run()
    assert (_lost(clockify, "projects"), _lost(clockify, "users")) == ([("p2", True)], [])
    assert _lost(clockify, "clients") == [("c1", True)]


def test_a_workspace_out_of_sight_stays_with_all_that_is_in_it(clockify: Clockify) -> None:
    second = "64a687e29ae1f428e7ebe304"
    clockify.mutate("workspaces", insert=[{"id": second, "name": "Other"}])
    clockify.mutate("projects", insert=[{"id": "p9", "workspaceId": second, "name": "Ninth"}])
    clockify.run()
    clockify.mutate("workspaces", delete=[second])
    clockify.run()
    assert _lost(clockify, "workspaces") == [(second, False)]
    assert _lost(clockify, "projects") == []


def test_a_walk_that_brings_far_less_is_refused_until_somebody_says_yes(clockify: Clockify) -> None:
    clockify.settings = {"sweep_days": 0}
    clockify.run()
    before, state = clockify.versions(), "select version_hash from raw_clockify._dlt_pipeline_state order by version"
    reached = clockify.query(state)
    for fault, sentence in (
        ({"path": "/users$"}, "5 of 5 users of workspace"),
        ({"path": "/time-entries$"}, "600 of 600 time entries of workspace"),
        ({"path": "user/u[123]/time-entries"}, "360 of 600 time entries of workspace"),
    ):
        clockify.server.faults.clear()
        clockify.server.faults.add([{"kind": "drop", "times": 0, "last": True, **fault}])
        requests = len(clockify.server.requests)
        with pytest.raises(PipelineStepFailed) as failure:
            clockify.run()
        told = readable(failure.value) or ""
        assert sentence in told
        assert "SOURCES__CLOCKIFY__ACCEPT_LOSS=" in told
        assert len(clockify.server.requests) - requests < 60, "nothing is asked for by id where far too much is missing"
        assert (clockify.versions(), clockify.query(state)) == (before, reached)
    # Said yes to, what is really gone is deleted, and what is still there is not.
    clockify.server.faults.clear()
    gone = [key for key, entry in clockify.truth("time_entries").items() if entry["userId"] in ("u1", "u2", "u3")]
    clockify.server.faults.add([{"kind": "status", "path": "/entities/", "status": 403, "times": 0}])
    clockify.mutate("time_entries", delete=gone)
    with pytest.raises(PipelineStepFailed):
        clockify.run()
    clockify.settings["accept_loss"] = datetime.now(UTC).date().isoformat()
    clockify.server.faults.add([{"kind": "drop", "path": "user/u4/time-entries", "times": 0, "last": True}])
    clockify.run()
    clockify.assert_equal_to_vendor()
    assert clockify.deleted("time_entries") == set(gone)


def test_confirming_questions_are_bounded_and_the_rest_is_asked_next_time(
    clockify: Clockify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sources.clockify.resources._MOST_ENTRY_QUESTIONS", 4)
    clockify.run()
    gone = list(clockify.truth("time_entries"))[20:30]
    clockify.mutate("time_entries", delete=gone)
    for expected in (4, 8, 10):
        clockify.run()
        assert len(clockify.deleted("time_entries")) == expected
    assert clockify.deleted("time_entries") == set(gone)


def test_another_workspace_is_refused_before_anything_of_it_lands(clockify: Clockify) -> None:
    second = "64a687e29ae1f428e7ebe304"
    clockify.run()
    before = clockify.versions()
    for is_remembered in (True, False):
        if not is_remembered:
            # As an earlier version left it: what landed tells the workspace.
            pipeline = dlt.attach("clockify", pipelines_dir=str(clockify.pipelines_dir))
            with pipeline.managed_state() as state:
                del state["sources"]["clockify"]["account"]
        clockify.mutate("workspaces", delete=[WORKSPACE], insert=[{"id": second, "name": "Other"}])
        with pytest.raises(PipelineStepFailed) as failure:
            clockify.run()
        told = readable(failure.value) or ""
        assert f"that of workspace Agency ({WORKSPACE}), but the settings lead to Other ({second})" in told
        assert clockify.versions() == before
        clockify.mutate("workspaces", insert=[{"id": WORKSPACE, "name": "Agency"}])
        clockify.mutate("workspaces", delete=[second])
        clockify.run()
        before = clockify.versions()
    # A second one beside the first is fine, and so is one that is named.
    clockify.mutate("workspaces", insert=[{"id": second, "name": "Other"}])
    clockify.run()
    third = "64a687e29ae1f428e7ebe305"
    clockify.mutate("workspaces", delete=[WORKSPACE], insert=[{"id": third, "name": "Third"}])
    with pytest.raises(PipelineStepFailed):
        clockify.run()
    clockify.settings = {"accept_account": third}
    clockify.run()
    assert {row[0] for row in clockify.query("select id from raw_clockify.workspaces")} == {WORKSPACE, second, third}
    assert _lost(clockify, "projects") == []


def test_a_key_without_any_workspace_is_told_in_one_sentence(clockify: Clockify) -> None:
    clockify.mutate("workspaces", delete=[WORKSPACE])
    with pytest.raises(PipelineStepFailed) as failure:
        clockify.run()
    assert readable(failure.value) == (
        "clockify: Clockify answers, but the API key can read no workspace; invite its owner into one, or give "
        "SOURCES__CLOCKIFY__API_KEY the key of somebody who is in it"
    )
