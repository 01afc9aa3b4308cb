"""The Clockify source against the sandbox: first load, unchanged re-run, edits and deletions between runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.sources.clockify.clockify_world import WORKSPACE, Clockify, entry, text


def test_first_load_equals_the_vendor(clockify: Clockify) -> None:
    clockify.run()
    clockify.assert_equal_to_vendor()
    assert clockify.query("select count(*) from raw_clockify.time_entries where user_id = 'u5'") == [(120,)]
    assert clockify.query("select id, currency_code, hourly_rate_amount from raw_clockify.workspaces") == [
        (WORKSPACE, "EUR", 9000)
    ]
    assert clockify.query("select hourly_rate_amount, hourly_rate_currency from raw_clockify.projects order by id") == [
        (12500, "USD"),
        (None, None),
        (None, None),
    ]
    assert clockify.query("select id from raw_clockify.projects where archived") == [("p3",)]
    assert clockify.query("select id, name, timezone from raw_clockify.users where id in ('u3', 'u4') order by id") == [
        ("u3", "Person u3", None),
        ("u4", None, "Europe/Berlin"),
    ]


def test_unchanged_run_writes_no_row_and_reads_no_entry(clockify: Clockify) -> None:
    first = clockify.run()
    before, loads = clockify.versions(), "select count(*) from raw_clockify._dlt_loads"
    loaded = clockify.query(loads)
    second = clockify.run()
    assert clockify.versions() == before
    assert clockify.query(loads) == loaded, "nothing to load, not even state"
    assert not second.keys() & {"workspaces", "users", "clients", "projects", "tags", "time_entries"}
    assert not any("/user/" in request.path for request in clockify.server.requests[first["requests"] :])


def test_what_changed_between_two_runs_is_what_changes(clockify: Clockify) -> None:
    now = clockify.now
    running = entry(9001, "u1", now - timedelta(hours=3))
    running["timeInterval"] |= {"end": None, "duration": None}
    clockify.mutate("time_entries", insert=[running])
    clockify.run()
    ids = list(clockify.truth("time_entries"))
    recent, old, moved, redated, handed_over, of_inactive = ids[0], ids[-2], ids[2], ids[3], ids[6], ids[4]
    deleted = {ids[10], ids[-12], ids[-13]}
    before = clockify.versions()
    same_start = now - timedelta(days=100)
    far = now + timedelta(days=400)
    clockify.mutate(
        "time_entries",
        insert=[
            entry(9002, "u2", now - timedelta(hours=1)),
            entry(9003, "u2", now - timedelta(days=100)) | {"id": f"{int(now.timestamp()):08x}{9003:016x}"},
            entry(9004, "u3", far) | {"id": f"{int(now.timestamp()):08x}{9004:016x}"},
            *[
                entry(9010 + i, "u1", same_start) | {"id": f"{int(now.timestamp()):08x}{9010 + i:016x}"}
                for i in range(60)
            ],
            entry(9005, "u4", now - timedelta(days=1), projectId=None, tagIds=None, description=None),
            entry(9006, "u6", now - timedelta(hours=2)),
        ],
        update={
            recent: {"description": "corrected"},
            old: {"billable": False, "isLocked": True},
            moved: {"projectId": "p2"},
            redated: {
                "timeInterval": {
                    "start": text(now - timedelta(days=150)),
                    "end": text(now - timedelta(days=150) + timedelta(minutes=30)),
                    "duration": "PT30M",
                }
            },
            handed_over: {"userId": "u5"},
            of_inactive: {"description": "corrected after leaving"},
            running["id"]: {
                "timeInterval": {
                    "start": text(now - timedelta(hours=3)),
                    "end": text(now - timedelta(hours=2)),
                    "duration": "PT1H",
                }
            },
        },
        delete=deleted,
    )
    clockify.mutate("users", insert=[{"id": "u6", "email": "u6@example.com", "name": "New", "status": "ACTIVE"}])
    clockify.mutate("clients", update={"c1": {"name": "Client One"}})
    clockify.mutate(
        "projects", update={"p2": {"archived": True}, "p1": {"hourlyRate": {"amount": 13000, "currency": "USD"}}}
    )
    clockify.mutate("projects", delete=["p3"])
    clockify.mutate("tags", delete=["t1"])
    clockify.run()
    clockify.assert_equal_to_vendor()
    assert clockify.deleted("time_entries") == deleted
    assert clockify.deleted("projects") == {"p3"}
    assert clockify.deleted("tags") == {"t1"}
    assert clockify.deleted("users") == clockify.deleted("clients") == set()
    # What was deleted keeps its old values.
    assert clockify.query("select name, archived from raw_clockify.projects where is_deleted") == [("Project 3", True)]
    # Nothing else was touched.
    written = {row for row, _ in clockify.versions()["time_entries"] - before["time_entries"]}
    assert len(written) == 65 + 7 + 3


def test_a_restored_entry_is_alive_again(clockify: Clockify) -> None:
    clockify.run()
    gone = dict(list(clockify.truth("time_entries").items())[:2])
    clockify.mutate("time_entries", delete=list(gone))
    clockify.run()
    assert clockify.deleted("time_entries") == set(gone)
    clockify.mutate("time_entries", insert=list(gone.values())[:1])
    clockify.run()
    clockify.assert_equal_to_vendor()
    assert clockify.deleted("time_entries") == set(list(gone)[1:])
    assert clockify.query(
        "select count(*) from raw_clockify.time_entries where not is_deleted and deleted_at is not null"
    ) == [(0,)]


def test_deletion_of_an_entry_that_the_feed_never_lists_is_found(clockify: Clockify) -> None:
    """Created, landed and deleted within one window of the feed: the vendor tells of it nowhere."""
    clockify.run()
    new = entry(9100, "u1", clockify.now - timedelta(days=3)) | {"id": "made-by-hand"}
    clockify.mutate("time_entries", insert=[new])
    clockify.run()
    assert "made-by-hand" in clockify.landed("time_entries")
    clockify.mutate("time_entries", delete=["made-by-hand"])
    clockify.run()
    clockify.assert_equal_to_vendor()
    assert clockify.deleted("time_entries") == {"made-by-hand"}


def test_created_and_deleted_between_two_runs_leaves_nothing(clockify: Clockify) -> None:
    clockify.run()
    clockify.mutate("time_entries", insert=[entry(9200, "u1", clockify.now)])
    clockify.mutate("time_entries", delete=[entry(9200, "u1", clockify.now)["id"]])
    clockify.run()
    clockify.assert_equal_to_vendor()
    assert clockify.deleted("time_entries") == set()


def test_sweep_finds_what_the_feeds_missed(clockify: Clockify) -> None:
    clockify.run()
    ids = list(clockify.truth("time_entries"))
    long_ago = clockify.now - timedelta(days=40)
    clockify.mutate("time_entries", delete=[ids[-1]], update={ids[-2]: {"description": "late"}}, at=long_ago)
    clockify.run()
    assert clockify.deleted("time_entries") == set()
    clockify.settings = {"sweep_days": 0}
    clockify.run()
    clockify.assert_equal_to_vendor()
    assert clockify.deleted("time_entries") == {ids[-1]}


def test_without_change_feeds_the_look_back_finds_edits_and_deletions(clockify: Clockify, caplog: Any) -> None:
    clockify.run()
    clockify.server.faults.add(
        [{"kind": "status", "vendor": "clockify", "path": "/entities/", "status": 403, "times": 0}]
    )
    ids = list(clockify.truth("time_entries"))
    back_dated = entry(9300, "u3", clockify.now - timedelta(days=50))
    redated = {"timeInterval": entry(0, "u1", clockify.now - timedelta(days=200))["timeInterval"]}
    clockify.mutate(
        "time_entries",
        insert=[back_dated],
        delete=[ids[5], ids[100]],
        update={ids[7]: {"projectId": "p2"}, ids[8]: redated},
    )
    clockify.run()
    clockify.assert_equal_to_vendor()
    assert clockify.deleted("time_entries") == {ids[5], ids[100]}
    assert "has no change feeds" in caplog.text


def test_running_timer_is_read_until_it_stops_without_feeds(clockify: Clockify) -> None:
    running = entry(9400, "u1", clockify.now - timedelta(days=90))
    running["timeInterval"] |= {"end": None, "duration": None}
    clockify.mutate("time_entries", insert=[running])
    clockify.run()
    assert clockify.query("select count(*) from raw_clockify.time_entries where end_time is null") == [(1,)]
    clockify.server.faults.add(
        [{"kind": "status", "vendor": "clockify", "path": "/entities/", "status": 404, "times": 0}]
    )
    stopped = entry(9400, "u1", clockify.now - timedelta(days=90))["timeInterval"]
    clockify.mutate("time_entries", update={running["id"]: {"timeInterval": stopped}})
    clockify.run()
    clockify.assert_equal_to_vendor()


def test_entries_of_a_member_who_was_removed_stay(clockify: Clockify) -> None:
    clockify.run()
    clockify.mutate("users", delete=["u5"])
    clockify.settings = {"sweep_days": 0}
    clockify.run()
    assert clockify.deleted("users") == {"u5"}
    assert clockify.deleted("time_entries") == set()
    assert clockify.query("select count(*) from raw_clockify.time_entries where user_id = 'u5'") == [(120,)]


def test_dropping_the_tables_brings_everything_back(clockify: Clockify) -> None:
    clockify.run()
    with clockify.warehouse.connect("loader") as connection:
        connection.execute("drop schema raw_clockify cascade")
    clockify.run()
    clockify.assert_equal_to_vendor()


def test_several_workspaces_bare_entries_and_the_other_shape_of_the_feed(clockify: Clockify) -> None:
    """The vendor's texts show deletions as an envelope too; entries may lack every key that is not needed."""
    second = "64a687e29ae1f428e7ebe304"
    clockify.mutate("workspaces", insert=[{"id": second, "name": "Other", "_sandbox": {"deleted_feed": "envelope"}}])
    bare = {
        key: {
            "id": key,
            "workspaceId": second,
            "userId": "u1",
            "timeInterval": entry(0, "u1", clockify.now - timedelta(days=days))["timeInterval"],
        }
        for key, days in (("e1", 3), ("e2", 100), ("e3", 0))
    }
    clockify.mutate("time_entries", insert=[bare["e1"], bare["e2"]])
    clockify.run()
    clockify.assert_equal_to_vendor(but_users=True)
    later = {"timeInterval": entry(0, "u1", clockify.now - timedelta(days=120))["timeInterval"]}
    clockify.mutate("time_entries", insert=[bare["e3"]], update={"e2": later}, delete=["e1"])
    clockify.run()
    clockify.assert_equal_to_vendor(but_users=True)
    assert clockify.deleted("time_entries") == {"e1"}
    assert clockify.query(f"select count(*) from raw_clockify.users where workspace_id = '{second}'") == [(5,)]
