"""What a list lacks: when it is refused, who is asked for it, and what the answers mean."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dlt
import pytest

from sources.kit.census import LEAST_LOSS, MOST_QUESTIONS, Answer, accepts_loss, judge, refuse_loss
from sources.kit.errors import SourceError

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def accept() -> Iterator[None]:
    """The user says yes, today."""
    dlt.config["sources.census.accept_loss"] = datetime.now(UTC).date().isoformat()
    yield
    dlt.config["sources.census.accept_loss"] = ""


@pytest.mark.parametrize(("lost", "known"), [(0, 0), (4, 4), (LEAST_LOSS, 15), (33, 100), (333, 1000)])
def test_what_people_delete_between_two_runs_is_believed(lost: int, known: int) -> None:
    refuse_loss("census", "projects", lost, known)


@pytest.mark.parametrize(("lost", "known"), [(5, 5), (LEAST_LOSS, 14), (34, 100), (1000, 1000)])
def test_a_list_that_lacks_more_than_a_third_is_refused_and_says_how_to_say_yes(lost: int, known: int) -> None:
    today = datetime.now(UTC).date().isoformat()
    with pytest.raises(SourceError) as refusal:
        refuse_loss("census", "projects", lost, known)
    assert str(refusal.value) == (
        f"census: {lost:,} of {known:,} projects are no longer shown, so nothing was loaded or marked; check the "
        f"rights of the credentials and run again, or if they are really gone, set "
        f"SOURCES__CENSUS__ACCEPT_LOSS={today} (it counts on that day alone)"
    )


def test_a_yes_counts_on_its_day_alone(accept: None) -> None:
    assert accepts_loss("census")
    refuse_loss("census", "projects", 1000, 1000)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    dlt.config["sources.census.accept_loss"] = yesterday
    with pytest.raises(SourceError):
        refuse_loss("census", "projects", 1000, 1000)


def test_only_the_vendors_own_word_is_a_deletion() -> None:
    said = {1: Answer.GONE, 2: Answer.THERE, 3: Answer.UNSAID, 4: Answer.GONE, 5: Answer.THERE, 6: Answer.UNSAID}
    verdict = judge("census", dict.fromkeys((1, 2, 3), False) | dict.fromkeys((4, 5, 6), True), said.__getitem__, NOW)
    assert (verdict.gone, verdict.unseen, verdict.back) == ([1, 4], [3], [5])
    nobody_to_ask = judge("census", dict.fromkeys((1, 2, 3), False), None, NOW)
    assert (nobody_to_ask.gone, nobody_to_ask.unseen) == ([], [1, 2, 3])


def test_what_the_user_calls_gone_is_gone_unless_the_vendor_shows_it(accept: None) -> None:
    said = {1: Answer.THERE, 2: Answer.UNSAID}
    verdict = judge("census", {1: False, 2: True}, said.__getitem__, NOW)
    assert (verdict.gone, verdict.unseen) == ([2], [])


def test_questions_are_bounded_and_everything_unseen_has_its_turn() -> None:
    asked: list[int] = []

    def asker(key: int) -> Answer:
        asked.append(key)
        return Answer.UNSAID

    new = range(1000, 1000 + MOST_QUESTIONS - 10)
    suspects = dict.fromkeys(range(100), True) | dict.fromkeys(new, False)
    for run in range(20):
        judge("census", suspects, asker, NOW + timedelta(minutes=15 * run))
    assert len(asked) == 20 * MOST_QUESTIONS
    assert asked[: len(new)] == list(new), "what is new goes first"
    # What is left over is asked for by later runs: nobody's question is put off for ever.
    turns = set()
    for run in range(100):
        asked.clear()
        judge("census", suspects, asker, NOW + timedelta(minutes=run))
        turns |= set(asked)
    assert turns == suspects.keys()
