"""What happens in Tempo between two runs arrives in raw: after the second run raw equals the sandbox's truth.

A deletion that is not marked fails, a mark on what is not deleted fails too.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from tests.sources.tempo.tempo_world import Tempo, account, worklog

Change = Callable[[Tempo], None]


def later(seconds: int = 0) -> str:
    """A moment after every worklog of the tests was written, as Tempo writes it."""
    return (datetime(2026, 5, 1, 9, tzinfo=UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def edit(number: int, **changes: Any) -> Change:
    return lambda tempo: tempo.mutate("worklogs", update={str(number): changes})


def add(*worklogs: dict[str, Any]) -> Change:
    return lambda tempo: tempo.mutate("worklogs", insert=worklogs)


def delete(*numbers: int) -> Change:
    return lambda tempo: tempo.mutate("worklogs", delete=[str(number) for number in numbers])


CHANGES: dict[str, Change] = {
    "new": add(worklog(101, createdAt=later(), updatedAt=later())),
    "new, beyond 32 bits": add(worklog(2**31 + 7, createdAt=later(), updatedAt=later())),
    "edited": edit(3, timeSpentSeconds=60, updatedAt=later()),
    "edited long after the day that was worked": edit(4, startDate="2026-01-02", updatedAt=later(5)),
    "back-dated": add(worklog(102, startDate="2020-02-29", createdAt=later(), updatedAt=later())),
    "future-dated": add(worklog(103, startDate="2031-01-01", createdAt=later(), updatedAt=later())),
    "updated by a clock that runs years ahead": edit(5, description="ahead", updatedAt="2033-01-01T00:00:00Z"),
    "updated a second before it was created": add(worklog(104, createdAt=later(10), updatedAt=later(9))),
    "moved to another issue": edit(
        6, issue={"self": "https://site.example/rest/api/2/issue/777", "id": 777}, updatedAt=later()
    ),
    "lost its issue's id": edit(7, issue={"self": "https://site.example/rest/api/2/issue/778"}, updatedAt=later()),
    "billable seconds withdrawn": edit(8, billableSeconds=None, updatedAt=later()),
    "another author": edit(9, author={"accountId": "712020:b", "self": "https://site.example/b"}, updatedAt=later()),
    "attributes set": edit(
        10, attributes={"self": "x", "values": [{"key": "_Account_", "value": "ACC-1"}]}, updatedAt=later()
    ),
    "text that Postgres would refuse": edit(11, description="a\x00b", updatedAt=later()),
    "deleted": delete(12),
    "several deleted": delete(13, 14, 15),
    "deleted and another with equal times": lambda tempo: (
        delete(16)(tempo),
        add(worklog(105, updatedAt=later()))(tempo),
    )[0],
    "edited and deleted": lambda tempo: (edit(17, timeSpentSeconds=1, updatedAt=later())(tempo), delete(17)(tempo))[0],
    "written and deleted between the runs": lambda tempo: (
        add(worklog(106, createdAt=later(), updatedAt=later()))(tempo),
        delete(106)(tempo),
    )[0],
    "twelve with one timestamp, across a page's border": add(
        *(worklog(200 + number, createdAt=later(), updatedAt=later()) for number in range(12))
    ),
    "the line edited without a new updatedAt": edit(18, description="quietly"),
}


def expected_marks(tempo: Tempo, before: dict[int, dict[str, Any]]) -> dict[int, str]:
    return dict.fromkeys(before.keys() - tempo.truth().keys(), "audit_log")


def clean(rows: dict[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Worklogs as Postgres can hold them."""
    text = orjson.dumps([[number, row] for number, row in rows.items()]).decode().replace("\\u0000", "")
    return dict(orjson.loads(text))


def test_every_change_between_two_runs_arrives(make_tempo: Callable[..., Tempo], small_pages: int) -> None:
    tempo = make_tempo([worklog(number) for number in range(1, 41)])
    tempo.run()
    before = tempo.truth()
    for change in CHANGES.values():
        change(tempo)
    tempo.run()
    # Changed without a trace, which the real Tempo never does: its line counts as changed, so it is read anyway.
    assert tempo.landed() == clean(tempo.truth())
    assert tempo.marks() == expected_marks(tempo, before)
    assert tempo.rows("select count(*) from quarantined_records") == [(0,)]
    typed = tempo.rows("select duration_seconds, issue_id, started_at, billable_seconds from worklogs where id = 3")
    assert typed == [(60, 503, datetime(2026, 3, 4, 11, 3, tzinfo=UTC), 1800)]


@pytest.mark.parametrize("name", ["deleted", "edited", "twelve with one timestamp, across a page's border"])
def test_a_change_alone_arrives(make_tempo: Callable[..., Tempo], small_pages: int, name: str) -> None:
    tempo = make_tempo([worklog(number) for number in range(1, 26)])
    tempo.run()
    before = tempo.truth()
    CHANGES[name](tempo)
    tempo.run()
    assert tempo.landed() == tempo.truth()
    assert tempo.marks() == expected_marks(tempo, before)


def test_a_worklog_that_comes_back_loses_its_mark(make_tempo: Callable[..., Tempo]) -> None:
    tempo = make_tempo([worklog(number) for number in range(1, 6)])
    tempo.run()
    delete(2)(tempo)
    tempo.run()
    assert tempo.marks() == {2: "audit_log"}
    add(worklog(2))(tempo)
    tempo.run()
    assert tempo.marks() == {}
    assert tempo.landed() == tempo.truth()
    # The audit log goes on telling of the deletion; it is history by now.
    tempo.run()
    assert tempo.marks() == {}


def test_rows_touched_while_pages_are_read_are_neither_lost_nor_stale(
    make_tempo: Callable[..., Tempo], small_pages: int
) -> None:
    first, last = worklog(1), worklog(30)
    touches = [
        {"collection": "worklogs", "update": {"1": {"description": "touched unread", "updatedAt": later(1)}}},
        {"collection": "worklogs", "update": {"30": {"description": "touched when read", "updatedAt": later(2)}}},
        {"collection": "worklogs", "insert": [worklog(300, createdAt=later(3), updatedAt=later(3))]},
    ]
    tempo = make_tempo(
        [first, *(worklog(number) for number in range(2, 30)), last],
        faults=[{"kind": "mutate", "path": "/4/worklogs$", "nth": 2, "changes": touches}],
    )
    tempo.run()
    assert tempo.landed() == tempo.truth()
    assert {tempo.landed()[number]["description"] for number in (1, 30)} == {"touched unread", "touched when read"}


def test_a_deletion_while_pages_are_read_pulls_no_row_past_the_border(
    make_tempo: Callable[..., Tempo], small_pages: int
) -> None:
    newest = sorted(range(1, 41), key=lambda number: (worklog(number)["updatedAt"], number), reverse=True)
    gone = [str(number) for number in newest[:5]]
    tempo = make_tempo(
        [worklog(number) for number in range(1, 41)],
        faults=[
            {
                "kind": "mutate",
                "path": "/4/worklogs$",
                "nth": 2,
                "changes": [{"collection": "worklogs", "delete": gone}],
            }
        ],
    )
    tempo.run()
    assert tempo.truth().items() <= tempo.landed().items()
    # What was read before it went is marked by the next run.
    tempo.run()
    assert tempo.landed() == tempo.truth()
    assert tempo.marks() == {int(number): "audit_log" for number in gone}


def test_an_unchanged_run_writes_nothing_at_all(
    make_tempo: Callable[..., Tempo], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sources.tempo.client.PAGE_SIZE", 100)
    tempo = make_tempo([worklog(number, updatedAt=later(-2400 * number)) for number in range(1, 3001)])
    tempo.run()
    everything, state, asked = tempo.everything(), tempo.state(), len(tempo.server.requests)
    loaded = tempo.rows("select max(loaded_at) from worklogs")
    information = tempo.run()
    assert information.loads_ids == []
    assert (tempo.everything(), tempo.state()) == (everything, state)
    assert tempo.rows("select max(loaded_at) from worklogs") == loaded
    assert len(tempo.server.requests) - asked <= asked // 10


def test_a_small_change_costs_little(make_tempo: Callable[..., Tempo], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sources.tempo.client.PAGE_SIZE", 100)
    tempo = make_tempo([worklog(number, updatedAt=later(-2400 * number)) for number in range(1, 3001)])
    tempo.run()
    asked, started = len(tempo.server.requests), tempo.rows("select max(loaded_at) from worklogs")
    tempo.mutate(
        "worklogs", update={str(number): {"timeSpentSeconds": 5, "updatedAt": later()} for number in range(1, 31)}
    )
    tempo.run()
    assert len(tempo.server.requests) - asked <= asked * 0.15
    assert tempo.rows(f"select count(*) from worklogs where loaded_at > '{started[0][0].isoformat()}'") == [(30,)]
    assert tempo.landed() == tempo.truth()


def test_accounts_are_followed_through_their_lives(make_tempo: Callable[..., Tempo]) -> None:
    accounts = [account(number) for number in range(1, 5)] + [account(5, status="ARCHIVED")]
    tempo = make_tempo([worklog(1)], accounts)
    tempo.run()
    assert len(tempo.rows("select id from accounts where not is_deleted")) == 5
    tempo.mutate("accounts", update={"1": {"status": "CLOSED"}, "2": {"key": "NEW-KEY"}}, delete=["3"])
    tempo.run()
    assert tempo.rows("select id, key, status, is_deleted, deleted_at is not null from accounts order by id") == [
        (1, "ACC-1", "CLOSED", False, False),
        (2, "NEW-KEY", "OPEN", False, False),
        (3, "ACC-3", "OPEN", True, True),
        (4, "ACC-4", "OPEN", False, False),
        (5, "ACC-5", "ARCHIVED", False, False),
    ]
    tempo.mutate("accounts", insert=[account(3)])
    tempo.run()
    assert tempo.rows("select is_deleted, deleted_at from accounts where id = 3") == [(False, None)]


def test_an_emptied_list_a_lost_page_or_fewer_rights_delete_nothing(make_tempo: Callable[..., Tempo]) -> None:
    tempo = make_tempo([worklog(number) for number in range(1, 31)], [account(number) for number in range(1, 10)])
    tempo.run()
    everything, state = tempo.everything(), tempo.state()
    accounts = {"path": "accounts/search", "times": 0}
    tempo.server.faults.add([{"kind": "drop", **accounts, "count": 2}])
    tempo.run()
    assert tempo.everything() == everything
    tempo.server.faults.clear()
    tempo.server.faults.add([{"kind": "drop", **accounts}])
    assert "9 of 9 accounts are no longer shown, so nothing was loaded or marked" in tempo.refusal()
    assert (tempo.everything(), tempo.state()) == (everything, state)
    tempo.server.faults.clear()
    tempo.server.faults.add([{"kind": "hide", "ids": [3], "times": 0}])
    tempo.run()
    assert tempo.rows("select id, is_deleted from accounts where not_visible_since is not null") == [(3, False)]
    tempo.server.faults.clear()
    tempo.run()
    assert tempo.everything() == everything
    # Worklogs: the weekly whole read is answered by an empty list.
    week_ago = datetime.now(UTC) - timedelta(days=8)
    age_state(tempo, "worklog_deletions", whole_at=week_ago)
    age_state(tempo, "worklogs", whole_at=week_ago)
    tempo.server.faults.add([{"kind": "drop", "path": "4/worklogs$", "times": 0, "last": True}])
    assert "30 of 30 worklogs are no longer shown" in tempo.refusal()
    assert tempo.everything() == everything


# Where the audit log does not reach


def test_without_audit_permission_deletions_are_found_by_reading_everything(
    make_tempo: Callable[..., Tempo], small_pages: int, caplog: pytest.LogCaptureFixture
) -> None:
    tempo = make_tempo([worklog(number) for number in range(1, 31)])
    tempo.run()
    tempo.server.faults.add([{"kind": "html", "status": 403, "path": "papertrail", "times": 0}])
    delete(4, 9)(tempo)
    edit(5, description="changed", updatedAt=later())(tempo)
    tempo.run()
    assert "audit log" in caplog.text
    assert tempo.marks() == {4: "not_found", 9: "not_found"}
    assert tempo.landed() == tempo.truth()
    information = tempo.run()
    assert information.loads_ids == []


def test_after_more_than_180_days_deletions_are_found_by_reading_everything(make_tempo: Callable[..., Tempo]) -> None:
    tempo = make_tempo([worklog(number) for number in range(1, 31)])
    tempo.run()
    age_state(tempo, "worklog_deletions", audited_until=datetime.now(UTC) - timedelta(days=200))
    delete(4)(tempo)
    tempo.mutate("worklogs", delete=["9"], at=datetime.now(UTC) - timedelta(days=190))
    tempo.run()
    assert tempo.marks() == {4: "audit_log", 9: "not_found"}
    assert all(request.status == 200 for request in tempo.server.requests if "papertrail" in request.path)


def test_a_missed_worklog_that_the_audit_log_does_not_call_deleted_is_only_out_of_sight(
    make_tempo: Callable[..., Tempo],
) -> None:
    tempo = make_tempo([worklog(number) for number in range(1, 31)])
    tempo.run()
    tempo.mutate("worklogs", update={"4": {"_sandbox": {"owner": "somebody-else"}}})
    age_state(tempo, "worklog_deletions", whole_at=datetime.now(UTC) - timedelta(days=8))
    tempo.run()
    assert tempo.marks() == {}
    assert tempo.rows("select id, reason from worklog_deletions") == [(4, "not_visible")]


def test_a_lost_permission_is_no_deletion(make_tempo: Callable[..., Tempo]) -> None:
    """Without the right to view all worklogs Tempo shows one's own alone, and says nothing of it."""
    tempo = make_tempo([worklog(number) for number in range(1, 41)])
    tempo.run()
    everything, state = tempo.everything(), tempo.state()
    hidden = {str(number): {"_sandbox": {"owner": "somebody-else"}} for number in range(1, 31)}
    tempo.mutate("worklogs", update=hidden)
    tempo.server.faults.add([{"kind": "html", "status": 403, "path": "papertrail", "times": 0}])
    assert "30 of 40 worklogs are no longer shown" in tempo.refusal()
    assert (tempo.everything(), tempo.state()) == (everything, state)


def age_state(tempo: Tempo, resource: str, **moments: datetime) -> None:
    """Put moments of a resource's state into the past, as if the pipeline had not run since."""
    import dlt

    pipeline = dlt.attach("tempo", pipelines_dir=str(tempo.pipelines))
    with pipeline.managed_state() as state:
        values = state["sources"]["tempo"]["resources"][resource]
        values |= {name: moment.isoformat() for name, moment in moments.items()}
