"""What a list that was read whole no longer shows: refused if it is much, asked for by id, and marked (rule 12.4).

Only the vendor can call something deleted, asked for that very thing. An emptied answer, a lost page or fewer rights
look like a deletion, but what they hide still has its meaning: it is marked as not visible, and stays.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import dlt
import pyarrow as pa

from sources.kit import landed
from sources.kit.arrow import to_arrow
from sources.kit.errors import SourceError
from sources.kit.http import HttpClient, Response
from sources.kit.quarantine import Quarantine
from sources.kit.spec import ACCEPT_LOSS
from sources.kit.table import NOT_VISIBLE_SINCE, Record, Table

logger = logging.getLogger(__name__)

MOST_QUESTIONS = 50
"""Objects of one table that are asked for by id in one run; what is left is asked for by later ones."""
LEAST_LOSS = 5
LOSS_DIVISOR = 3
"""More than a third of what landed, and at least `LEAST_LOSS` rows, is more than people delete between two runs."""
_CHECK = "check the rights of the credentials"
PRESENT: Mapping[str, Any] = {"is_deleted": False, "deleted_at": None, NOT_VISIBLE_SINCE.name: None}
"""The added columns of an object that the vendor shows."""


class Answer(Enum):
    """What a vendor says, asked for one object by its id."""

    THERE = "there"
    GONE = "gone"
    UNSAID = "unsaid"
    """It does not say: the right to see the object is missing, or there is no such question."""


Asker = Callable[[Any], Answer]


def is_missing(answer: Response) -> bool:
    """Whether an answer's status says that there is no such object."""
    return answer.status in (404, 410)


def ask(
    client: HttpClient,
    path: str,
    params: Mapping[str, Any] | None = None,
    *,
    is_gone: Callable[[Response], bool] = is_missing,
) -> Answer:
    """Ask a vendor for one object; `is_gone` knows its way to say that there is none."""
    answer = client.get(path, params, expect=(200, 400, 403, 404, 410, 451))
    if answer.status == 200:
        return Answer.THERE
    return Answer.GONE if is_gone(answer) else Answer.UNSAID


def accepts_loss(source: str) -> bool:
    """Whether the user says that what is missing is really gone: on the day that the setting names, and only then."""
    return str(dlt.config.get(f"sources.{source}.{ACCEPT_LOSS}") or "").strip() == _today()


def refuse_loss(source: str, what: str, lost: int, known: int, *, check: str = _CHECK) -> None:
    """Refuse a list that lacks far too much of what landed.

    Parameters: `what` names the objects in the plural and their place; `lost` of the `known` ones that were visible
    until now are missing; `check` says what to look at.

    Raises `SourceError`; nothing of the run is kept then.
    """
    if lost < LEAST_LOSS or lost * LOSS_DIVISOR <= known or accepts_loss(source):
        return
    raise SourceError(
        f"{source}: {lost:,} of {known:,} {what} are no longer shown, so nothing was loaded or marked; {check} "
        "and run again, or if they are really gone, set "
        f"SOURCES__{source.upper()}__{ACCEPT_LOSS.upper()}={_today()} (it counts on that day alone)"
    )


@dataclass(frozen=True)
class Verdict:
    """The keys of landed rows whose state changes."""

    gone: Collection[Any] = ()
    unseen: Collection[Any] = ()
    """Not visible from now on."""
    back: Collection[Any] = ()
    """They were not visible and are there, asked for by id."""


def judge(source: str, suspects: Mapping[Any, bool], asker: Asker | None, moment: datetime) -> Verdict:
    """Say of landed objects that a list lacks which are gone and which are merely not visible.

    Parameters: `suspects` by key, whether it is marked as not visible already; `asker` asks for one, None where the
    vendor cannot be asked; `moment` is the start of the run, which decides whose turn it is to be asked again.
    """
    new = sorted(key for key, is_unseen in suspects.items() if not is_unseen)
    old = sorted(suspects.keys() - set(new))
    if old:
        turn = int(moment.timestamp()) // 60 % len(old)
        old = old[turn:] + old[:turn]
    answers = {key: asker(key) for key in [*new, *old][:MOST_QUESTIONS]} if asker else {}
    otherwise = Answer.GONE if accepts_loss(source) else Answer.UNSAID
    said = {key: answers.get(key, Answer.UNSAID) for key in suspects}
    said = {key: otherwise if answer is Answer.UNSAID else answer for key, answer in said.items()}
    return Verdict(
        gone=[key for key, answer in said.items() if answer is Answer.GONE],
        unseen=[key for key in new if said[key] is Answer.UNSAID],
        back=[key for key in old if said[key] is Answer.THERE],
    )


@dataclass(frozen=True)
class Census:
    """A list of one table that was read whole, and how what it lacks is asked for and marked.

    `what` names its objects in the plural, and where they are. `condition` (with a `%s` for each of `values`) limits
    the comparison to the landed rows that the list covers. `check` says what to look at where too many are missing.
    """

    table: Table
    quarantine: Quarantine
    what: str
    condition: str = "true"
    values: tuple[Any, ...] = ()
    asker: Asker | None = None
    check: str = _CHECK

    def missing(self, shown: Collection[Any]) -> dict[Any, bool]:
        """The landed objects, by key, that the vendor does not show, and whether that is known already.

        `shown` holds the keys of all records of the list, None where one cannot be read: that may be any object, so
        nothing is missing then unless each can be asked for.

        Raises `SourceError` where far too many are missing.
        """
        key = self.table.key[-1]
        condition = f"({self.condition}) and not coalesce(is_deleted, false)"
        columns = (key, self.table.not_visible)
        known = dict(landed.rows(self.table, columns, condition, *self.values))
        there = {str(one) for one in shown}
        found = {one: is_unseen for one, is_unseen in known.items() if str(one) not in there}
        lost = sum(not is_unseen for is_unseen in found.values())
        visible = sum(not is_unseen for is_unseen in known.values())
        refuse_loss(self.quarantine.source, self.what, lost, visible, check=self.check)
        return {} if None in shown and self.asker is None else found

    def marks(
        self,
        shown: Collection[Any],
        added: Callable[[Sequence[Record]], Mapping[str, Any]] = lambda _: {},
        lost: Callable[[bool], Mapping[str, Any]] = lambda _: {},
    ) -> Iterator[pa.Table]:
        """Yield the landed rows whose state changes, marked; a row keeps the record that it had.

        `added` makes the other added columns of given records; `lost` those of objects that are not shown, told whether
        they are deleted.

        Raises `SourceError` where far too many are missing.
        """
        found = self.missing(shown)
        if not found:
            return
        moment = self.quarantine.found_at
        verdict = judge(self.quarantine.source, found, self.asker, moment)
        for keys, state, extra in (
            (verdict.gone, {**PRESENT, "is_deleted": True, "deleted_at": moment}, lost(True)),
            (verdict.unseen, {**PRESENT, NOT_VISIBLE_SINCE.name: moment}, lost(False)),
            (verdict.back, PRESENT, {}),
        ):
            if not keys:
                continue
            condition = f"({self.condition}) and {self.table.key[-1]} = any(%s)"
            records = landed.records(self.table, condition, *self.values, list(keys))
            yield to_arrow(self.table, records, quarantine=self.quarantine, extra={**state, **added(records), **extra})
        if verdict.gone or verdict.unseen:
            logger.info(
                "%s: %s: %d are deleted, %d are not visible any more",
                self.quarantine.source,
                self.what,
                len(verdict.gone),
                len(verdict.unseen),
            )


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
