"""Session time, shares, half hours and days once more, from the rules, chapter 5, in plain Python. No SQL, no speed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import TypeVar
from zoneinfo import ZoneInfo

Place = tuple[str, str | None] | None
Key = TypeVar("Key")
"""Client and project of a directory; None: nobody's."""
HALF_HOUR = 1_800_000
_FIRST, _AGENT, _REST = 1, 2, 3
_RANKS = {"prompt": _FIRST, "answer": _AGENT, "tool_result": _AGENT, "progress": _AGENT, "other": _REST}


@dataclass(frozen=True)
class Line:
    """A timestamped record; times are milliseconds since 1970."""

    session: str
    file: str
    offset: int
    uuid: str | None
    at: int
    kind: str
    cwd: str | None
    is_forked: bool = False


@dataclass(frozen=True)
class Gap:
    """Active time between two neighbouring events, milliseconds since 1970."""

    start: int
    end: int
    kind: int
    cwd: str | None


@dataclass(frozen=True)
class Entry:
    """A session's time on a local date at a place, whole seconds; activity by start, end and number of sharers."""

    start: int
    end: int
    duration: int
    allocated: int
    activity: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True)
class Glob:
    """A folder and all below it belong to a place, first and last day included."""

    repo: str
    folder: str
    place: Place
    first_day: date = date.min
    last_day: date = date.max


def kept_lines(lines: Iterable[Line]) -> list[Line]:
    """Leave out copies: a uuid belongs to the earliest line, then the one that is no fork, then the smaller session."""
    lines = list(lines)
    keeper: dict[str, tuple[int, bool, str]] = {}
    for line in lines:
        if line.uuid is not None:
            claim = (line.at, line.is_forked, line.session)
            keeper[line.uuid] = min(claim, keeper.get(line.uuid, claim))
    return [line for line in lines if line.uuid is None or keeper[line.uuid][2] == line.session]


def active_gaps(lines: Sequence[Line], idle_timeout: int) -> list[Gap]:
    """The gaps of one session that are active: none longer than the time-out, in milliseconds."""
    instants: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        instants[line.at].append(line)
    gaps = []
    last_known: str | None = None
    previous: int | None = None
    for at, of_instant in sorted(instants.items()):
        first = min(of_instant, key=lambda line: (_RANKS[line.kind], line.cwd is None, line.cwd or "", line.offset))
        if previous is not None and at - previous <= idle_timeout:
            gaps.append(Gap(previous, at, _RANKS[first.kind], first.cwd or last_known))
        last_known = max((line.cwd for line in of_instant if line.cwd), default=last_known)
        previous = at
    return gaps


def place_of(cwd: str | None, day: date, globs: Iterable[Glob]) -> Place:
    """The longest folder around the directory that is in force on the day, of equal ones the first repository."""
    if cwd is None:
        return None
    path = cwd.replace("\\", "/").rstrip("/")
    matching = [
        glob
        for glob in globs
        if (path == glob.folder or path.startswith(glob.folder + "/")) and glob.first_day <= day <= glob.last_day
    ]
    return min(matching, key=lambda glob: (-len(glob.folder), glob.repo)).place if matching else None


def dealt(whole: int, shares: Mapping[Key, Fraction], order: Sequence[Key]) -> dict[Key, int]:
    """Deal whole units by largest remainder, ties in the given order; nothing stays undealt."""
    parts = {key: int(shares[key]) for key in order}
    rank = sorted(order, key=lambda key: (int(shares[key]) - shares[key], order.index(key)))
    for number in range(whole - sum(parts.values())):
        parts[rank[number % len(rank)]] += 1
    return parts


def half_hours(gaps: Sequence[Gap]) -> dict[int, tuple[int, int, int]]:
    """Active, agent and attended seconds of one session by half hour since 1970."""
    by_kind: list[dict[int, int]] = [defaultdict(int), defaultdict(int), defaultdict(int)]
    for gap in gaps:
        for start, end in _cut(
            gap.start, gap.end, range(gap.start // HALF_HOUR * HALF_HOUR, gap.end + HALF_HOUR, HALF_HOUR)
        ):
            for number, counts in enumerate((True, gap.kind == _AGENT, gap.kind == _FIRST)):
                by_kind[number][start // HALF_HOUR] += (end - start) if counts else 0
    order = sorted(by_kind[0])
    seconds = [
        dealt(sum(kind.values()) // 1000, {key: Fraction(kind[key], 1000) for key in order}, order) if order else {}
        for kind in by_kind
    ]
    return {key: (seconds[0][key], seconds[1][key], seconds[2][key]) for key in order}


def time_entries(
    gaps: Mapping[str, Sequence[Gap]], zone: str, globs: Sequence[Glob]
) -> dict[tuple[str, date, Place], Entry]:
    """Entries of one person's sessions: by session, local date and place."""
    pieces = [
        (session, start, end, gap.cwd, _local_date(start, zone))
        for session, session_gaps in gaps.items()
        for gap in session_gaps
        for start, end in _cut(gap.start, gap.end, _midnights(gap.start, gap.end, zone))
    ]
    entries: dict[tuple[str, date, Place], Entry] = {}
    for day in sorted({piece[4] for piece in pieces}):
        of_day = [piece for piece in pieces if piece[4] == day]
        shares: dict[tuple[str, Place], Fraction] = defaultdict(Fraction)
        times: dict[tuple[str, Place], list[tuple[int, int]]] = defaultdict(list)
        for session, start, end, cwd, _ in of_day:
            times[session, place_of(cwd, day, globs)].append((start, end))
        activity: dict[tuple[str, Place], list[tuple[int, int, int]]] = defaultdict(list)
        union = 0
        edges = sorted({edge for piece in of_day for edge in piece[1:3]})
        for start, end in pairwise(edges):
            active = [key for key, spans in times.items() if any(a <= start and end <= b for a, b in spans)]
            union += (end - start) if active else 0
            for key in active:
                shares[key] += Fraction(end - start, 1000 * len(active))
                activity[key].append((start, end, len(active)))
        durations = {key: sum(end - start for start, end in spans) // 1000 for key, spans in times.items()}
        order = sorted((key for key in times if durations[key]), key=_tie_key)
        allocated = dealt(union // 1000, shares, order) if order else {}
        for key in order:
            starts, ends = zip(*times[key], strict=True)
            entries[key[0], day, key[1]] = Entry(
                min(starts), max(ends), durations[key], allocated[key], tuple(activity[key])
            )
    return entries


def _tie_key(key: tuple[str, Place]) -> tuple[str, str, str]:
    session, place = key
    return (session, place[0] if place else "", (place[1] or "") if place else "")


def _cut(start: int, end: int, edges: Iterable[int]) -> list[tuple[int, int]]:
    return list(pairwise([start, *sorted(edge for edge in edges if start < edge < end), end]))


def _local_date(at: int, zone: str) -> date:
    return datetime.fromtimestamp(at // 1000, UTC).astimezone(ZoneInfo(zone)).date()


def _midnights(start: int, end: int, zone: str) -> list[int]:
    day, last = _local_date(start, zone), _local_date(end, zone)
    midnights = []
    while day <= last:
        midnights.append(int(datetime.combine(day, time.min, ZoneInfo(zone)).timestamp()) * 1000)
        day += timedelta(days=1)
    return midnights
