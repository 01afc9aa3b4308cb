"""Random days: overlay and triangle are what a plain calculation says, in zones where days begin at odd times."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.dbt_project.conftest import DbtProject
from tests.dbt_project.sessions.plain_sessions import HALF_HOUR, Glob, Line, active_gaps, dealt, place_of

SEED = 20261121
IDLE_TIMEOUT = 900_000
ZONES = ("Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York", "Europe/Berlin", "UTC")
# Clocks change in Berlin and on Lord Howe; the globs change clients in between.
FIRST_DAY = date(2026, 3, 27)
LAST_OF_ACME = date(2026, 3, 29)
GLOBS = (
    Glob("acme/app", "/work/app", ("Acme", None), last_day=LAST_OF_ACME),
    Glob("acme/app", "/work/app", ("Beta", None), first_day=LAST_OF_ACME + timedelta(days=1)),
    Glob("beta/web", "/work/web", ("Beta", None)),
)
REPOSITORIES = ("acme/app", "beta/web", "nobody/else")
Key = tuple[str | None, str | None, date, datetime | None]


def _instant(random: Random, *, whole: bool = False) -> datetime:
    start = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC)
    milliseconds = random.randrange(4 * 86_400_000)
    return start + timedelta(milliseconds=milliseconds // 1000 * 1000 if whole else milliseconds)


def _lines(random: Random) -> dict[str, list[Line]]:
    """Lines by session; a session's name ends in its developer's number."""
    sessions = {}
    for number in range(25):
        session = f"s{number:02d}-{number % len(ZONES)}"
        at = int(_instant(random).timestamp() * 1000)
        lines = []
        for count in range(random.randint(2, 30)):
            kind = random.choice(("prompt", "answer", "answer", "answer"))
            folder = random.choice(("/work/app", "/work/web/x", "/home"))
            lines.append(Line(session, session, count, f"{session}-{count}", at, kind, folder))
            at += random.choice((1, 500, 60_000, 899_999, 900_000, 900_001, 2_000_000))
        sessions[session] = lines
    return sessions


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at // 1000, UTC) + timedelta(milliseconds=at % 1000)


def _raw(random: Random, sessions: dict[str, list[Line]]) -> dict[str, list[dict[str, Any]]]:
    entries = []
    for number in range(120):
        start = _instant(random, whole=number % 2 == 0)
        length = timedelta(milliseconds=random.choice((1000, 1_799_999, 5_400_000, 7_123_456, 40_000_000)))
        entries.append(
            {
                "id": f"e{number}",
                "user_id": f"u{number % len(ZONES)}",
                "project_id": random.choice(("p-acme", "p-beta", None)),
                "type": "REGULAR",
                "start_time": start,
                "end_time": start + length,
            }
        )
    commits = [
        {
            "sha": f"{number:040x}"[::-1],
            "repository_id": random.randrange(3),
            "message": "Work",
            "authored_at": _instant(random),
            "author_email": random.choice(
                [*(f"{place}@example.com" for place in range(len(ZONES))), "who@example.com"]
            ),
            "author_name": "Name",
            "parent_count": random.choice((1, 1, 1, 2)),
            "is_reachable": random.random() < 0.9,
        }
        for number in range(1, 150)
    ]
    pull_requests = []
    for number in range(60):
        opened = _instant(random)
        merged = opened + timedelta(hours=random.randrange(40)) if random.random() < 0.7 else None
        pull_requests.append(
            {
                "id": number,
                "repository_id": random.randrange(3),
                "number": number,
                "state": "MERGED" if merged else "OPEN",
                "author_login": f"login{random.randrange(len(ZONES) + 1)}",
                "author_type": random.choice(("User", "User", "Bot")),
                "created_at": opened,
                "merged_at": merged,
                "additions": random.randrange(100),
                "deletions": random.randrange(100),
            }
        )
    place: dict[str, Any] = {"generation": 0, "record_index": 0}
    lines = [line for of_session in sessions.values() for line in of_session]
    record = {
        line.uuid: place
        | {
            "file_id": line.file,
            "line_offset": line.offset,
            "session_id": line.session,
            "uuid": line.uuid,
            "cwd": line.cwd,
        }
        for line in lines
    }
    return {
        "reference.agency": [{"legal_name": "Agency", "timezone": "Europe/Berlin"}],
        "reference.developers": [
            {
                "email": f"{number}@example.com",
                "name": str(number),
                "clockify_id": f"u{number}",
                "github_username": f"login{number}",
                "timezone": zone,
                "status": "active",
            }
            for number, zone in enumerate(ZONES)
        ],
        "reference.time_policies": [{"sources": "clockify"}],
        "reference.session_roots": [
            {"path": f"root-{number}", "email": f"{number}@example.com"} for number in range(len(ZONES))
        ],
        "reference.repo_mappings": [
            {
                "repo": glob.repo,
                "client": glob.place and glob.place[0],
                "path_globs": glob.folder,
                "valid_from": None if glob.first_day == date.min else glob.first_day,
                "valid_to": None if glob.last_day == date.max else glob.last_day,
            }
            for glob in GLOBS
        ],
        "clockify.clients": [{"id": "acme", "name": "Acme"}, {"id": "beta", "name": "Beta"}],
        "clockify.projects": [
            {"id": "p-acme", "client_id": "acme", "name": "App"},
            {"id": "p-beta", "client_id": "beta", "name": "Web"},
        ],
        "clockify.time_entries": entries,
        "github.repositories": [
            {"id": number, "full_name": name, "name": name.split("/")[1], "owner_login": name.split("/")[0]}
            for number, name in enumerate(REPOSITORIES)
        ],
        "github.commits": commits,
        "github.pull_requests": pull_requests,
        "claude_code.files": [
            {"file_id": session, "root_path": f"root-{session[-1]}", "generation": 0, "read_offset": 1}
            for session in sessions
        ],
        "claude_code.events": [
            record[line.uuid] | {"occurred_at": _time(line.at), "kind": line.kind, "is_forked": False} for line in lines
        ],
        "claude_code.messages": [
            record[line.uuid]
            | {
                "message_id": f"answer-{line.uuid}",
                "answered_at": _time(line.at),
                "model": "m",
                "input_tokens": 1,
                "output_tokens": 10 + line.offset,
                "cache_read_tokens": 0,
                "cache_creation_tokens": 0,
                "line_cost_usd": 0.5,
            }
            for line in lines
            if line.kind == "answer"
        ],
        "claude_code.prompts": [
            record[line.uuid]
            | {"prompted_at": _time(line.at), "kind": "text", "has_image": False, "ticket_keys": [], "is_forked": False}
            for line in lines
            if line.kind == "prompt"
        ],
    }


def _date(instant: datetime, developer: int | None) -> date:
    return instant.astimezone(ZoneInfo("Europe/Berlin" if developer is None else ZONES[developer])).date()


def _half_hour(instant: datetime) -> datetime:
    return _time(int(instant.timestamp() * 1000) // HALF_HOUR * HALF_HOUR)


def _client(folder: str | None, day: date) -> str | None:
    place = place_of(folder, day, GLOBS)
    return place[0] if place else None


def _client_of_repository(number: int, day: date) -> str | None:
    folder = next((glob.folder for glob in GLOBS if glob.repo == REPOSITORIES[number]), None)
    return _client(folder, day)


class Expected:
    """Overlay and triangle once more, from rules 8.8 and 8.9."""

    def __init__(self, raw: dict[str, list[dict[str, Any]]], sessions: dict[str, list[Line]]) -> None:
        self.overlay: dict[Key, Counter[str]] = defaultdict(Counter)
        self.triangle: dict[tuple[str | None, str | None, date], Counter[str]] = defaultdict(Counter)
        self._sessions(sessions)
        self._entries(raw["clockify.time_entries"])
        for commit in raw["github.commits"]:
            if commit["parent_count"] == 1 and commit["is_reachable"]:
                owner = commit["author_email"].split("@")[0]
                developer = None if owner == "who" else int(owner)
                day = _date(commit["authored_at"], developer)
                client = _client_of_repository(commit["repository_id"], day)
                self._add(developer, client, day, commit["authored_at"], commits=1)
        for pull in raw["github.pull_requests"]:
            if pull["author_type"] != "Bot":
                self._pull_request(pull)

    def _add(self, developer: int | None, client: str | None, day: date, at: datetime, **counts: int) -> None:
        name = None if developer is None else str(developer)
        self.overlay[(name, client, day, _half_hour(at))].update(counts)
        self.triangle[(name, client, day)].update(counts)

    def _pull_request(self, pull: dict[str, Any]) -> None:
        number = int(pull["author_login"].removeprefix("login"))
        developer = number if number < len(ZONES) else None
        opened = _date(pull["created_at"], developer)
        client = _client_of_repository(pull["repository_id"], opened)
        self._add(developer, client, opened, pull["created_at"], pull_requests_opened=1)
        if pull["merged_at"]:
            day = _date(pull["merged_at"], developer)
            self._add(developer, client, day, pull["merged_at"], pull_requests_merged=1)
            name = None if developer is None else str(developer)
            self.triangle[(name, client, day)].update(lines_added=pull["additions"], lines_deleted=pull["deletions"])

    def _entries(self, entries: list[dict[str, Any]]) -> None:
        clients = {"p-acme": "Acme", "p-beta": "Beta", None: None}
        for entry in entries:
            developer = int(entry["user_id"][1:])
            start, end = (int(entry[name].timestamp() * 1000) for name in ("start_time", "end_time"))
            seconds = (end - start) // 1000
            edges = range(start // HALF_HOUR, (end - 1) // HALF_HOUR + 1)
            shares = {
                edge: Fraction((min(end, (edge + 1) * HALF_HOUR) - max(start, edge * HALF_HOUR)) * seconds, end - start)
                for edge in edges
            }
            day = _date(entry["start_time"], developer)
            for edge, part in dealt(seconds, shares, list(edges)).items():
                at = _time(edge * HALF_HOUR)
                self._add(developer, clients[entry["project_id"]], day, at, counted_seconds=part)

    def _sessions(self, sessions: dict[str, list[Line]]) -> None:
        seen = set()
        for session, lines in sessions.items():
            developer = int(session[-1])
            for line in lines:
                day = _date(_time(line.at), developer)
                client = _client(line.cwd, day)
                seen.add((str(developer), client, day, session))
                if line.kind == "prompt":
                    self._add(developer, client, day, _time(line.at), user_prompts=1)
                else:
                    self._add(developer, client, day, _time(line.at), output_tokens=10 + line.offset)
            for gap in active_gaps(lines, IDLE_TIMEOUT):
                # Quarters of an hour: no midnight of these zones lies within one.
                for at in [gap.start, *range(gap.start // 900_000 * 900_000 + 900_000, gap.end, 900_000)]:
                    day = _date(_time(at), developer)
                    seen.add((str(developer), _client(gap.cwd, day), day, session))
        for name, client, day, _ in seen:
            self.triangle[(name, client, day)].update(sessions=1)


@pytest.fixture(scope="module")
def expected(dbt_project: DbtProject) -> Expected:
    random = Random(SEED)
    sessions = _lines(random)
    raw = _raw(random, sessions)
    dbt_project.load(raw)
    dbt_project.dbt(
        "build",
        "--exclude-resource-type",
        "unit_test",
        "--exclude-resource-type",
        "test",
        "--select",
        "+productivity_triangle",
        "+clients",
        "+developers",
        "+claude_sessions",
        as_of="2026-04-30",
    )
    return Expected(raw, sessions)


_NAMES = """
    left join marts.developers on facts.developer_id = developers.id
    left join marts.clients on facts.client_id = clients.id
"""


def _found(dbt_project: DbtProject, mart: str, key: tuple[str, ...], columns: tuple[str, ...]) -> dict[Any, Any]:
    rows = dbt_project.rows(
        f"select developers.name as developer, clients.name as client, facts.* from marts.{mart} as facts {_NAMES}"
    )
    found = {tuple(row[name] for name in key): {name: row[name] for name in columns if row[name]} for row in rows}
    assert len(found) == len(rows)
    return {key: counts for key, counts in found.items() if counts}


def test_overlay_is_what_the_plain_calculation_says(dbt_project: DbtProject, expected: Expected) -> None:
    columns = (
        "counted_seconds",
        "output_tokens",
        "user_prompts",
        "commits",
        "pull_requests_opened",
        "pull_requests_merged",
    )
    found = _found(dbt_project, "daily_overlay", ("developer", "client", "local_date", "bucket_start"), columns)

    assert found == {key: dict(+counts) for key, counts in expected.overlay.items() if +counts}


def test_triangle_is_what_the_plain_calculation_says(dbt_project: DbtProject, expected: Expected) -> None:
    columns = (
        "counted_seconds",
        "sessions",
        "output_tokens",
        "user_prompts",
        "commits",
        "pull_requests_opened",
        "pull_requests_merged",
        "lines_added",
        "lines_deleted",
    )
    found = _found(dbt_project, "productivity_triangle", ("developer", "client", "local_date"), columns)

    assert found == {key: dict(+counts) for key, counts in expected.triangle.items() if +counts}


def test_half_hours_of_clients_and_dates_are_the_sessions(dbt_project: DbtProject, expected: Expected) -> None:
    dbt_project.dbt("test", "--select", "half_hours_of_clients_and_dates_are_the_sessions", "days_appear_once")

    assert dbt_project.value("select sum(active_seconds) from marts.daily_overlay") == dbt_project.value(
        "select sum(duration_seconds) from marts.claude_sessions"
    )
