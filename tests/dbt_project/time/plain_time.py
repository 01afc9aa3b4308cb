"""Which entry counts and why not, once more, from the rules, chapter 6, in plain Python. No SQL, no speed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from math import ceil
from zoneinfo import ZoneInfo

DEFAULT_ORDER = ("tempo", "clockify", "manual", "claude_session")
_STRICTNESS = ("billable", "internal", "overhead", "excluded")


@dataclass(frozen=True)
class Range:
    """Days, first and last included."""

    first_day: date = date.min
    last_day: date = date.max

    def __contains__(self, day: date) -> bool:
        return self.first_day <= day <= self.last_day


@dataclass(frozen=True)
class Policy:
    """Sources in their order, for a developer, a client, both or everybody; whether sessions never yield."""

    developer: str | None
    client: str | None
    sources: tuple[str, ...]
    days: Range
    counts_logged_elsewhere: bool = False


@dataclass(frozen=True)
class Project:
    """Whose a project is, from a day on another's; its own classification and its labels."""

    name: str
    key: str
    client: str
    moves_to: str | None = None
    moves_on: date = date.max
    own_classification: str | None = None
    labels: tuple[str, ...] = ()

    def client_on(self, day: date) -> str:
        """The client that holds it on a day."""
        return self.moves_to if self.moves_to and day >= self.moves_on else self.client


@dataclass(frozen=True)
class Entry:
    """An entry as its source tells it; instants are UTC, seconds whole.

    `activity` of a session: start and end in milliseconds since 1970, and how many sessions share that time.
    """

    id: str
    source: str
    person: str
    developer: str | None
    client: str | None
    project: Project | None
    local_date: date
    start: datetime | None
    end: datetime | None
    seconds: int | None
    allocated: int | None
    flag: bool
    labels: tuple[str, ...] = ()
    is_running: bool = False
    is_deleted: bool = False
    is_approved: bool = False
    is_work: bool = True
    names_contract: bool = False
    activity: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What is said of an entry."""

    status: str
    billable: bool
    reason: str | None
    logged_elsewhere: int


def local_date(instant: datetime, zone: str) -> date:
    """The date on a wall in the zone."""
    return instant.astimezone(ZoneInfo(zone)).date()


def wall_time(day: date, clock: time, zone: str) -> datetime:
    """The instant at which the clocks of a zone show a time on a day."""
    return datetime.combine(day, clock, ZoneInfo(zone)).astimezone(UTC)


def policy_in_force(policies: Iterable[Policy], developer: str | None, client: str | None, day: date) -> Policy:
    """The most specific policy in force: developer and client, developer, client, everybody; else the default."""
    matching = [
        policy
        for policy in policies
        if policy.developer in (None, developer) and policy.client in (None, client) and day in policy.days
    ]
    matching.sort(key=lambda policy: (policy.developer is None, policy.client is None))
    return matching[0] if matching else Policy(None, None, DEFAULT_ORDER, Range())


def classification(entry: Entry, label_classes: dict[str, str]) -> str:
    """The project's own row, then the strictest of the labels of project and entry, else billable."""
    labels = [*entry.labels]
    if entry.project:
        if entry.project.own_classification:
            return entry.project.own_classification
        labels += [*entry.project.labels, entry.project.name, entry.project.key]
    classes = [label_classes[label] for label in labels if label in label_classes]
    return max(classes, key=_STRICTNESS.index, default="billable")


def verdicts(
    entries: Sequence[Entry],
    policies: Sequence[Policy],
    label_classes: dict[str, str],
    excluded: dict[str, Range],
) -> dict[str, Verdict]:
    """Judge all entries.

    Args:
        entries: of all sources.
        policies: ranges of one developer and client do not overlap, those of different ones do.
        label_classes: classification by label.
        excluded: days on which a person's entries are ignored, by person.
    """
    reasons: dict[str, str | None] = {}
    groups: dict[tuple[str, str | None, date], list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[entry.person, entry.client, entry.local_date].append(entry)
        is_excluded = entry.person in excluded and entry.local_date in excluded[entry.person]
        if entry.is_running:
            reasons[entry.id] = "running"
        elif entry.is_deleted:
            reasons[entry.id] = "deleted"
        elif not entry.is_work or is_excluded or classification(entry, label_classes) == "excluded":
            reasons[entry.id] = "excluded"
        elif not entry.allocated:
            reasons[entry.id] = "zero_length"
        else:
            reasons[entry.id] = None
    for (_, client, day), group in groups.items():
        could_count = [entry for entry in group if reasons[entry.id] is None]
        order = policy_in_force(policies, group[0].developer, client, day).sources
        by_contract = [entry for entry in could_count if entry.names_contract]
        sources = {entry.source for entry in could_count}
        winner = "manual" if by_contract else next((source for source in order if source in sources), None)
        for entry in could_count:
            counts = entry.source == winner and winner in order
            if not counts and entry not in by_contract:
                reasons[entry.id] = "superseded"
    yielded = _logged_elsewhere([entry for entry in entries if reasons[entry.id] is None], policies)
    for entry in entries:
        if entry.id in yielded and yielded[entry.id] == entry.allocated:
            reasons[entry.id] = "logged_elsewhere"
    return {
        entry.id: Verdict(
            "running" if entry.is_running else "approved" if entry.is_approved else "pending",
            entry.flag and (entry.source != "claude_session" or classification(entry, label_classes) == "billable"),
            reasons[entry.id],
            yielded.get(entry.id, 0),
        )
        for entry in entries
    }


def _logged_elsewhere(counted: Sequence[Entry], policies: Sequence[Policy]) -> dict[str, int]:
    """Seconds of counted sessions that the same developer's counted entries of other sources cover, by entry."""
    logged: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for entry in counted:
        if entry.source == "claude_session" or entry.developer is None or entry.start is None:
            continue
        end = entry.end or entry.start + timedelta(seconds=entry.seconds or 0)
        logged[entry.developer].append((_milliseconds(entry.start), _milliseconds(end)))
    seconds = {}
    for entry in counted:
        if entry.source != "claude_session" or entry.developer is None:
            continue
        if policy_in_force(policies, entry.developer, entry.client, entry.local_date).counts_logged_elsewhere:
            continue
        inside = outside = Fraction()
        for first, last, sharers in entry.activity:
            covered = _covered(first, last, logged[entry.developer])
            inside += Fraction(covered, 1000 * sharers)
            outside += Fraction(last - first - covered, 1000 * sharers)
        if inside:
            allocated = entry.allocated or 0
            seconds[entry.id] = min(allocated, ceil(inside)) if outside else allocated
    return seconds


def _covered(start: int, end: int, spans: Iterable[tuple[int, int]]) -> int:
    """Milliseconds from start to end that lie in any of the spans."""
    covered, reached = 0, start
    for first, last in sorted(spans):
        first, last = max(first, reached), min(last, end)
        if first < last:
            covered += last - first
            reached = last
    return covered


def _milliseconds(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def next_day(day: date) -> date:
    """The day after."""
    return day + timedelta(days=1)
