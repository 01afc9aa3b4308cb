"""Random timelines: what the SQL says of union, shares, half hours and days is what a plain calculation says."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.dbt_project.conftest import DbtProject
from tests.dbt_project.sessions.plain_sessions import (
    HALF_HOUR,
    Entry,
    Glob,
    Line,
    Place,
    active_gaps,
    half_hours,
    kept_lines,
    time_entries,
)

IDLE_TIMEOUT = 900_000
SEED = 20260401
DEVELOPERS = 30
# Whole-hour, half-hour and quarter-hour offsets, clocks that change at two, at midnight and by half an hour.
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "UTC",
)
# Days worth beginning on: clocks forward and back, north and south, and the ends of a glob's validity.
DAYS = (date(2026, 3, 28), date(2026, 10, 24), date(2026, 4, 4), date(2026, 9, 5), date(2026, 3, 8), date(2026, 6, 30))
GAPS = (0, 1, 400, 999, 1000, 59_999, 300_000, 899_999, 900_000, 900_001, 1_799_999, 5_400_000)
GLOBS = (
    Glob("acme/web", "/work/web", ("acme", "Web"), last_day=date(2026, 6, 30)),
    Glob("acme/web", "/work/web", ("beta", "Site"), first_day=date(2026, 7, 1)),
    Glob("acme/api", "/work/web/api", ("acme", None)),
    Glob("beta/app", "/work/app", ("beta", "Site")),
)
DIRECTORIES = ("/work/web", "/work/web/api/src", "/work/app/", "C:\\work\\app", "/work/other", None)


def _timelines(random: Random) -> tuple[list[Line], dict[str, int]]:
    """Lines of all sessions, and whose each session is."""
    lines: list[Line] = []
    owners = {}
    for developer in range(DEVELOPERS):
        day = random.choice(DAYS) + timedelta(days=random.randrange(2))
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        for number in range(random.randint(1, 4)):
            session = f"session-{developer:02d}-{random.randrange(10**6):06d}-{number}"
            owners[session] = developer
            at = int(noon.timestamp() * 1000) + random.choice((-1, 1)) * random.randrange(40) * HALF_HOUR
            at += random.choice((0, 0, -1, 1, 500, 12_345))
            for count in range(random.randint(1, 25)):
                lines.append(
                    Line(
                        session,
                        session if random.random() < 0.8 else f"{session}-agent",
                        count * 100,
                        f"{session}-{count}" if random.random() < 0.9 else None,
                        at,
                        random.choice(("prompt", "answer", "answer", "tool_result", "progress", "other")),
                        random.choice(DIRECTORIES),
                    )
                )
                at += random.choice(GAPS) + random.choice((0, 0, random.randrange(1000)))
            if number and random.random() < 0.5:
                lines += _copies(random, lines, session)
    random.shuffle(lines)
    return lines, owners


def _copies(random: Random, lines: list[Line], session: str) -> list[Line]:
    """Another session's beginning, copied into this one as forks and handed-over sessions do."""
    original = random.choice([line.session for line in lines if line.session != session])
    beginning = [line for line in lines if line.session == original and line.uuid][: random.randint(1, 8)]
    is_forked = random.random() < 0.5
    return [
        Line(session, session, 10_000 + line.offset, line.uuid, line.at, line.kind, line.cwd, is_forked)
        for line in beginning
    ]


def _raw(lines: list[Line], owners: dict[str, int]) -> dict[str, list[dict[str, Any]]]:
    files = {(line.file, owners[line.session]) for line in lines}
    return {
        "reference.agency": [{"legal_name": "Agency", "timezone": "Europe/Berlin"}],
        "reference.developers": [
            {
                "email": f"{number}@example.com",
                "name": str(number),
                "timezone": ZONES[number % len(ZONES)],
                "status": "active",
            }
            for number in range(DEVELOPERS)
        ],
        "reference.session_roots": [
            {"path": f"/root-{number}", "email": f"{number}@example.com"} for number in range(DEVELOPERS)
        ],
        "clockify.clients": [{"id": "c-acme", "name": "acme"}, {"id": "c-beta", "name": "beta"}],
        "clockify.projects": [
            {"id": "p-web", "client_id": "c-acme", "name": "Web"},
            {"id": "p-site", "client_id": "c-beta", "name": "Site"},
        ],
        "reference.repo_mappings": [
            {
                "repo": glob.repo,
                "client": glob.place and glob.place[0],
                "project": glob.place and glob.place[1],
                "path_globs": f"{glob.folder};C:{glob.folder}" if glob.folder == "/work/app" else glob.folder,
                "valid_from": None if glob.first_day == date.min else glob.first_day,
                "valid_to": None if glob.last_day == date.max else glob.last_day,
            }
            for glob in GLOBS
        ],
        "claude_code.files": [
            {
                "file_id": file,
                "path": f"/root-{owner}/{file}",
                "root_path": f"/root-{owner}",
                "generation": 0,
                "read_offset": 1,
            }
            for file, owner in files
        ],
        "claude_code.events": [
            {
                "file_id": line.file,
                "generation": 0,
                "line_offset": line.offset,
                "record_index": 0,
                "session_id": line.session,
                "uuid": line.uuid,
                "occurred_at": datetime.fromtimestamp(line.at // 1000, UTC) + timedelta(milliseconds=line.at % 1000),
                "kind": line.kind,
                "cwd": line.cwd,
                "is_forked": line.is_forked,
            }
            for line in lines
        ],
    }


@pytest.fixture(scope="module")
def timelines(dbt_project: DbtProject) -> tuple[DbtProject, list[Line], dict[str, int]]:
    """Random lines, landed and built, with the tests that every build runs."""
    lines, owners = _timelines(Random(SEED))
    dbt_project.load(_raw(lines, owners))
    dbt_project.build("+int_changes__processed_session_inputs")
    return dbt_project, lines, owners


def _gaps_by_session(lines: list[Line]) -> dict[str, list[Any]]:
    by_session = defaultdict(list)
    for line in kept_lines(lines):
        by_session[line.session].append(line)
    return {session: active_gaps(session_lines, IDLE_TIMEOUT) for session, session_lines in by_session.items()}


def test_sessions_last_as_long_as_their_active_gaps(timelines: tuple[DbtProject, list[Line], dict[str, int]]) -> None:
    project, lines, owners = timelines
    gaps = _gaps_by_session(lines)
    expected = {
        session: tuple(
            sum(gap.end - gap.start for gap in gaps.get(session, ()) if kind is None or gap.kind == kind) // 1000
            for kind in (None, 2, 1)
        )
        for session in owners
    }
    actual = {
        row["id"]: (row["duration_seconds"], row["agent_seconds"], row["attended_seconds"])
        for row in project.rows("select * from marts.claude_sessions")
    }
    assert actual == expected
    assert sum(seconds for seconds, _, _ in actual.values()) > 100_000


def test_half_hours_hold_their_share_of_each_session(timelines: tuple[DbtProject, list[Line], dict[str, int]]) -> None:
    project, lines, _ = timelines
    expected = {
        (session, bucket): seconds
        for session, gaps in _gaps_by_session(lines).items()
        for bucket, seconds in half_hours(gaps).items()
    }
    actual = {
        (row["session_id"], int(row["bucket_start"].timestamp()) * 1000 // HALF_HOUR): (
            row["active_seconds"],
            row["agent_seconds"],
            row["attended_seconds"],
        )
        for row in project.rows("select * from marts.session_activity")
    }
    assert actual == expected


def test_entries_share_each_developers_days(timelines: tuple[DbtProject, list[Line], dict[str, int]]) -> None:
    project, lines, owners = timelines
    gaps = _gaps_by_session(lines)
    # The calculation breaks ties by the names of clients and projects, SQL by identifiers: both sort alike here.
    globs = [*GLOBS, Glob("beta/app", "C:/work/app", ("beta", "Site"))]
    expected: dict[tuple[str, date, Place], Entry] = {}
    for developer in range(DEVELOPERS):
        own = {session: gaps[session] for session in gaps if owners[session] == developer}
        expected |= time_entries(own, ZONES[developer % len(ZONES)], globs)
    names = {
        row["id"]: row["name"]
        for row in project.rows(
            "select client_id as id, name from intermediate.int_identity__clients"
            " union all select project_id, name from intermediate.int_identity__projects"
        )
    }
    actual = {
        (
            row["session_id"],
            row["local_date"],
            (names[row["client_id"]], names.get(row["project_id"])) if row["client_id"] else None,
        ): (
            row["start_time"],
            row["end_time"],
            row["duration_seconds"],
            row["allocated_seconds"],
        )
        for row in project.rows("select * from intermediate.int_sessions__time_entries")
    }
    assert actual == {
        key: (_instant(entry.start), _instant(entry.end), entry.duration, entry.allocated)
        for key, entry in expected.items()
    }
    assert any(allocated < duration for _, _, duration, allocated in actual.values())
    # Both days on which the clocks of a zone with work change are among them.
    zones = {session: ZoneInfo(ZONES[owner % len(ZONES)]) for session, owner in owners.items()}
    lengths = {_day_length(day, zones[session]) for session, day, _ in actual}
    assert min(lengths) < timedelta(days=1) < max(lengths)


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds // 1000, UTC) + timedelta(milliseconds=milliseconds % 1000)


def _day_length(day: date, zone: ZoneInfo) -> timedelta:
    start, end = (datetime.combine(each, datetime.min.time(), zone) for each in (day, day + timedelta(days=1)))
    return end.astimezone(UTC) - start.astimezone(UTC)
