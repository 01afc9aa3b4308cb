"""Troubles on the way: the same tables as without, or a quarantined record, or a refusal that leaves all as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dlt
import pytest

from tests.sources.tempo.tempo_world import Tempo, worklog

WORKLOGS = "/4/worklogs$"

PASSING = {
    "429 without Retry-After": {"kind": "status", "status": 429, "path": WORKLOGS, "nth": 2, "times": 2},
    "429 with Retry-After in seconds": {"kind": "status", "status": 429, "retry_after": 7, "path": WORKLOGS, "nth": 5},
    "5xx three times": {"kind": "status", "status": 503, "path": WORKLOGS, "nth": 7, "times": 3},
    "a proxy's page": {"kind": "html", "status": 502, "path": WORKLOGS, "nth": 11},
    "a proxy's page that says 200": {"kind": "html", "status": 200, "path": WORKLOGS, "nth": 13},
    "a cut body": {"kind": "truncate", "path": WORKLOGS, "nth": 14},
    "a cut body of the right length": {"kind": "truncate", "honest": True, "path": WORKLOGS, "nth": 15},
    "a connection that breaks off": {"kind": "disconnect", "path": WORKLOGS, "nth": 16},
    "the audit log out of order": {"kind": "status", "status": 500, "path": "papertrail", "times": 2},
    "the accounts out of order": {"kind": "html", "status": 503, "path": "accounts", "times": 2},
}


@pytest.fixture
def undisturbed(make_tempo: Callable[..., Tempo], small_pages: int) -> Callable[..., Tempo]:
    """A function that lands forty worklogs and then changes them, ready for the run in which something goes wrong."""

    def make(**options: Any) -> Tempo:
        tempo = make_tempo([worklog(number) for number in range(1, 41)], **options)
        tempo.run()
        fresh = [worklog(100 + number, updatedAt="2026-05-01T09:00:00Z") for number in range(15)]
        tempo.mutate("worklogs", insert=fresh, delete=["5"])
        return tempo

    return make


def test_passing_troubles_change_nothing(undisturbed: Callable[..., Tempo]) -> None:
    tempo = undisturbed()
    # Everything is read again from the beginning, so that the troubles meet a walk of several pages.
    forget(tempo)
    tempo.server.faults.add(PASSING.values())
    tempo.run()
    fired = {name: fault.fired for name, fault in zip(PASSING, tempo.server.faults.faults, strict=True)}
    assert all(fired.values()), fired
    assert tempo.landed() == tempo.truth()
    assert tempo.marks() == {5: "audit_log"}
    assert tempo.rows("select count(*) from quarantined_records") == [(0,)]
    assert 7.0 in tempo.waits


def forget(tempo: Tempo) -> None:
    """Make the next run a whole one."""
    import dlt

    pipeline = dlt.attach("tempo", pipelines_dir=str(tempo.pipelines))
    with pipeline.managed_state() as state:
        for resource in state["sources"]["tempo"]["resources"].values():
            resource.pop("whole_at", None)


MALFORMED: list[tuple[dict[str, Any], str]] = [
    ({"set": {"timeSpentSeconds": "much"}}, "timeSpentSeconds is no bigint"),
    ({"set": {"startDate": "31/12/2026"}}, "startDate is no date"),
    ({"unset": ["tempoWorklogId"]}, "tempoWorklogId is missing"),
    ({"set": {"author": ["nobody"]}}, "author.accountId is no text"),
]


def test_malformed_records_are_quarantined_and_the_rest_lands(
    make_tempo: Callable[..., Tempo], small_pages: int
) -> None:
    faults = [
        {"kind": "malform", "path": WORKLOGS, "index": 3, "nth": page, **spoilt}
        for page, (spoilt, _) in enumerate(MALFORMED, start=1)
    ]
    tempo = make_tempo([worklog(number) for number in range(1, 41)], faults=faults)
    tempo.run()
    assert len(tempo.landed()) == 36
    assert tempo.rows("select distinct table_name from quarantined_records") == [("worklogs",)]
    reasons = " | ".join(row[0] for row in tempo.rows("select reason from quarantined_records"))
    assert [words for _, words in MALFORMED if words not in reasons] == []
    # A record that is shown but does not fit is not deleted.
    tempo.run()
    assert tempo.marks() == {}


def test_a_spoilt_record_of_the_audit_log_marks_nothing(make_tempo: Callable[..., Tempo]) -> None:
    tempo = make_tempo([worklog(number) for number in range(1, 21)])
    tempo.run()
    tempo.mutate("worklogs", delete=["3", "4"])
    tempo.server.faults.add([{"kind": "malform", "path": "papertrail", "set": {"timestamp": "yesterday"}}])
    tempo.run()
    assert set(tempo.marks()) == {4}
    assert tempo.rows("select table_name from quarantined_records") == [("worklog_deletions",)]
    tempo.run()
    assert set(tempo.marks()) == {3, 4}


REFUSALS = {
    "out of order for good": (
        [{"kind": "status", "status": 500, "path": WORKLOGS, "nth": 2, "times": 0}],
        "failed 6 times",
    ),
    "a token of another region, or none": (
        [{"kind": "html", "status": 401, "path": "/4/", "times": 0}],
        "api.eu.tempo.io",
    ),
    "forbidden": ([{"kind": "html", "status": 403, "path": WORKLOGS, "times": 0}], "SOURCES__TEMPO__API_TOKEN"),
    "not found, which means forbidden": (
        [{"kind": "status", "status": 404, "path": WORKLOGS, "times": 0, "answer": {"errors": [{"message": "no"}]}}],
        "may not read this list",
    ),
    "a next link to another host": (
        [
            {
                "kind": "status",
                "status": 200,
                "path": WORKLOGS,
                "answer": {
                    "self": "",
                    "metadata": {
                        "count": 0,
                        "offset": 0,
                        "limit": 10,
                        "next": "https://evil.example/4/worklogs?offset=10",
                    },
                    "results": [],
                },
            }
        ],
        "refused to follow a link",
    ),
    "an answer of another kind": (
        [{"kind": "status", "status": 200, "path": WORKLOGS, "answer": {"hello": "world"}}],
        "no list of results",
    ),
    "accounts out of order for good, after the worklogs were read": (
        [{"kind": "status", "status": 502, "path": "accounts", "times": 0}],
        "failed 6 times",
    ),
}


def test_giving_up_takes_one_sentence_and_leaves_all_as_it_was(undisturbed: Callable[..., Tempo]) -> None:
    tempo = undisturbed()
    everything, state = tempo.everything(), tempo.state()
    for name, (faults, words) in REFUSALS.items():
        tempo.server.faults.add(faults)
        sentence = tempo.refusal()
        tempo.server.faults.clear()
        assert words in sentence, name
        assert "\n" not in sentence, name
        assert "sandbox-tempo-token" not in sentence, name
        assert (tempo.everything(), tempo.state()) == (everything, state), name
    tempo.run()
    assert tempo.landed() == tempo.truth()
    assert tempo.marks() == {5: "audit_log"}


def test_a_first_run_that_breaks_off_lands_nothing(make_tempo: Callable[..., Tempo], small_pages: int) -> None:
    fault = {"kind": "status", "status": 500, "path": WORKLOGS, "nth": 3, "times": 0}
    tempo = make_tempo([worklog(number) for number in range(1, 41)], faults=[fault])
    tempo.refusal()
    assert tempo.landed() == {}
    tempo.server.faults.clear()
    tempo.run()
    assert tempo.landed() == tempo.truth()


def test_another_site_is_refused_before_anything_of_it_lands(make_tempo: Callable[..., Tempo]) -> None:
    tempo = make_tempo([worklog(number) for number in range(1, 4)])
    tempo.run()
    everything, state = tempo.everything(), tempo.state()
    elsewhere = {"self": "https://other.example/rest/api/2/user?accountId=1", "accountId": "712020:a"}
    changed = {"author": elsewhere, "updatedAt": "2026-04-02T00:00:00Z", "timeSpentSeconds": 1}
    tempo.mutate("worklogs", update={str(number): changed for number in range(1, 4)})
    assert "that of site site.example, but the settings lead to other.example" in tempo.refusal()
    assert (tempo.everything(), tempo.state()) == (everything, state)
    # As an earlier version left it: what landed tells the site.
    pipeline = dlt.attach("tempo", pipelines_dir=str(tempo.pipelines))
    with pipeline.managed_state() as kept:
        del kept["sources"]["tempo"]["account"]
    tempo.refusal()
    assert (tempo.everything(), tempo.state()) == (everything, state)
    # Nothing but deletions to tell of: their ids must not meet the landed ones.
    calm = {"author": elsewhere, "updatedAt": worklog(1)["updatedAt"], "timeSpentSeconds": 1}
    tempo.mutate("worklogs", update={"1": calm}, delete=["2", "3"])
    tempo.mutate("accounts", delete=["1"])
    tempo.refusal()
    assert (tempo.everything(), tempo.state()) == (everything, state)
