"""Random entries of all sources under random policies: what counts, on which day and why not, held to plain Python."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

import pytest

from tests.dbt_project.conftest import DbtProject
from tests.dbt_project.sessions import plain_sessions
from tests.dbt_project.sessions.plain_sessions import Glob, Line, active_gaps
from tests.dbt_project.time.plain_time import (
    DEFAULT_ORDER,
    Entry,
    Policy,
    Project,
    Range,
    local_date,
    next_day,
    policy_in_force,
    verdicts,
    wall_time,
)

SEED = 20260329
AGENCY_ZONE = "Europe/Berlin"
# Ghost is in no file, Clockify alone knows the address; the stranger is an account of Jira's and nothing else.
ZONES = {
    "ann": "Europe/Berlin",
    "bob": "America/New_York",
    "cem": "Australia/Lord_Howe",
    "dee": "Asia/Kathmandu",
    "eva": "America/Santiago",
    "ghost": "Asia/Tokyo",
}
STRANGER = "stranger"
# Clocks go forward and back in Berlin, New York, on Lord Howe and in Santiago; one day beside each.
DAYS = [
    date(2026, 3, 28),
    date(2026, 3, 29),
    date(2026, 10, 24),
    date(2026, 10, 25),
    date(2026, 3, 8),
    date(2026, 11, 1),
    date(2026, 4, 4),
    date(2026, 4, 5),
    date(2026, 9, 6),
    date(2026, 10, 4),
]
PROJECTS = [
    Project("Site", "SITE", "Acme"),
    Project("Moving", "MOVE", "Acme", moves_to="Beta", moves_on=date(2026, 10, 25), own_classification="billable"),
    Project("Learning", "LEARN", "Acme", labels=("inner",)),
    Project("Secret", "SECRET", "Beta", own_classification="excluded"),
    Project("Shop", "SHOP", "Beta"),
]
LABEL_CLASSES = {"inner": "internal", "hush": "excluded"}
# Ann is excluded on one day whatever she logs with; Bob's time is overhead, which changes nothing here.
EXCLUDED = {"ann": Range(date(2026, 3, 29), date(2026, 3, 29)), "jira:j-stranger": Range(date(2026, 10, 25))}
ORDERS = [
    ("clockify", "tempo"),
    ("manual", "claude_session", "tempo", "clockify"),
    ("claude_session",),
    ("tempo", "manual"),
    ("claude_session", "clockify", "manual", "tempo"),
]
GLOBS = [
    Glob("acme/site", "/work/site", ("Acme", "Site")),
    Glob("acme/learning", "/work/learning", ("Acme", "Learning")),
    Glob("beta/secret", "/work/secret", ("Beta", "Secret")),
    Glob("beta/shop", "/work/shop", ("Beta", "Shop"), first_day=date(2026, 3, 29)),
    Glob("acme/all", "/work", ("Acme", None), last_day=date(2026, 10, 24)),
]
Rows = dict[str, list[dict[str, Any]]]


def _policies(random: Random) -> list[Policy]:
    """Ranges of one key follow each other; those of different keys overlap."""
    policies = []
    developers = [("ann", None), ("bob", None), ("ann", "Acme"), ("cem", "Beta")]
    keys = [(None, None), (None, "Acme"), (None, "Beta"), *developers]
    for developer, client in keys:
        days = sorted(random.sample(DAYS, 4))
        for first, last in [(date.min, days[0]), (days[1], days[2]), (days[3], date.max)]:
            if random.random() < 0.6:
                days_in_force, lets_count = Range(first, last), random.random() < 0.2
                policies.append(Policy(developer, client, random.choice(ORDERS), days_in_force, lets_count))
    return policies


def _instant(random: Random) -> datetime:
    """A whole second on one of the days in some zone, often close to somebody's midnight."""
    day = random.choice(DAYS)
    midnight = datetime.combine(day, time(), UTC)
    return midnight + timedelta(minutes=random.randrange(-16 * 60, 40 * 60, 15), seconds=random.choice((-1, 0, 0, 1)))


class World:
    """Raw rows of every source, and the entries that rules 4.6 and 6.5 to 6.7 make of them."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.policies = _policies(random)
        self.entries: list[Entry] = []
        self.raw: Rows = _reference(self.policies)
        self._clockify(250)
        self._tempo(250)
        self._manual(200)
        self._sessions(240)

    def _clockify(self, count: int) -> None:
        self.raw["clockify.time_entries"] = []
        for _ in range(count):
            start = _instant(self.random)
            seconds = self.random.choice((0, 1, 900, 3600, 7200, 30_000, 90_000))
            end = self.random.choice([start + timedelta(seconds=seconds)] * 8 + [start - timedelta(minutes=5), None])
            self._clockify_entry(self.random.choice(list(ZONES)), start, end)

    def _clockify_entry(self, developer: str, start: datetime, end: datetime | None) -> None:
        rows = self.raw["clockify.time_entries"]
        name = f"c{len(rows):03d}"
        project = self.random.choice([*PROJECTS, None])
        is_deleted, is_locked = self.random.random() < 0.1, self.random.random() < 0.3
        kind = self.random.choice(["REGULAR"] * 9 + ["BREAK"])
        billable = self.random.random() < 0.7
        rows.append(
            {
                "id": name,
                "user_id": f"u-{developer}",
                "project_id": project and f"p-{project.name}",
                "start_time": start,
                "end_time": end,
                "billable": billable,
                "type": kind,
                "is_locked": is_locked,
                "is_deleted": is_deleted,
            }
        )
        day = local_date(start, ZONES[developer])
        lasts = max(0, int((end - start).total_seconds())) if end else None
        self.entries.append(
            Entry(
                f"CLK-{name}",
                "clockify",
                developer,
                developer,
                project.client_on(day) if project else None,
                project,
                day,
                start,
                end if end and end >= start else None,
                lasts,
                lasts,
                billable,
                is_running=end is None,
                is_deleted=is_deleted,
                is_approved=is_locked,
                is_work=kind == "REGULAR",
            )
        )

    def _tempo(self, count: int) -> None:
        issues, worklogs, deletions = [], [], []
        issue_labels: dict[int, tuple[Project, tuple[str, ...]]] = {}
        for number, (project, labels) in enumerate((p, ls) for p in PROJECTS for ls in ((), ("hush",), ("inner", "x"))):
            issue_labels[number] = (project, labels)
            issues.append(
                {
                    "id": str(number),
                    "key": f"{project.key}-{number + 1}",
                    "project_key": project.key,
                    "labels": list(labels),
                }
            )
        for number in range(count):
            # An issue that has not landed belongs to no project.
            issue = self.random.randrange(len(issues) + 2)
            project_of_issue, labels_of_issue = issue_labels.get(issue, (None, ()))
            author = self.random.choice([*list(ZONES)[:5], STRANGER])
            developer = None if author == STRANGER else author
            zone = ZONES[developer] if developer else AGENCY_ZONE
            day = self.random.choice(DAYS)
            clock = time(self.random.randrange(5, 23), self.random.choice((0, 30)))
            seconds = self.random.choice((0, 60, 1800, 5400, 40_000))
            # The moment may fall on another date than startDate; startDate is the day.
            moment = _instant(self.random) if self.random.random() < 0.4 else None
            billable = self.random.choice((None, 0, 600, seconds))
            is_deleted = self.random.random() < 0.1
            worklogs.append(
                {
                    "id": number,
                    "issue_id": issue,
                    "author_id": f"j-{author}",
                    "start_date": day,
                    "start_time": clock.isoformat(),
                    "started_at": moment,
                    "duration_seconds": seconds,
                    "billable_seconds": billable,
                }
            )
            if is_deleted:
                deletions.append({"id": number, "is_deleted": True, "deleted_at": datetime(2026, 12, 1, tzinfo=UTC)})
            start = moment or wall_time(day, clock, zone)
            self.entries.append(
                Entry(
                    f"TMP-{number}",
                    "tempo",
                    developer or "jira:j-stranger",
                    developer,
                    project_of_issue.client_on(day) if project_of_issue else None,
                    project_of_issue,
                    day,
                    start,
                    start + timedelta(seconds=seconds),
                    seconds,
                    seconds,
                    billable is None or billable > 0,
                    labels=labels_of_issue,
                    is_deleted=is_deleted,
                )
            )
        self.raw |= {"jira.issues": issues, "tempo.worklogs": worklogs, "tempo.worklog_deletions": deletions}

    def _manual(self, count: int) -> None:
        rows = []
        for number in range(count):
            developer = self.random.choice(list(ZONES)[:5])
            client = self.random.choice(("Acme", "Beta"))
            contract = "CARE" if client == "Acme" and self.random.random() < 0.2 else None
            service = self.random.choice(("Maintenance", "Gift", None))
            billable = self.random.random() < 0.8
            day = self.random.choice(DAYS)
            minutes = self.random.choice((1, 30, 90))
            start, end, start_cell, end_cell = self._times(day, ZONES[developer])
            rows.append(
                {
                    "id": f"w{number}",
                    "client": client,
                    "contract": contract,
                    "service_type": service,
                    "email": f"{developer}@example.com",
                    "work_date": day,
                    "start_time": start_cell,
                    "end_time": end_cell,
                    "duration_minutes": minutes,
                    "description": "Work",
                    "is_billable": billable,
                }
            )
            self.entries.append(
                Entry(
                    f"LOG-w{number}",
                    "manual",
                    developer,
                    developer,
                    client,
                    None,
                    day,
                    start,
                    end,
                    minutes * 60,
                    minutes * 60,
                    billable and service != "Gift",
                    names_contract=contract is not None,
                )
            )
        self.raw["reference.work_logs"] = rows

    def _times(self, day: date, zone: str) -> tuple[datetime | None, datetime | None, str | None, str | None]:
        """Two instants and the two cells that tell them: none, times of day, or moments with their offset."""
        kind = self.random.randrange(3)
        if kind == 0:
            return None, None, None, None
        if kind == 1:
            moment = _instant(self.random).replace(second=0)
            later = moment + timedelta(minutes=45)
            return moment, later, moment.isoformat(), later.isoformat()
        start, end = (time(self.random.randrange(5, 23), self.random.choice((0, 30))) for _ in range(2))
        # A time of day that is earlier than the start's is the next day's.
        last_day = next_day(day) if end < start else day
        return wall_time(day, start, zone), wall_time(last_day, end, zone), f"{start:%H:%M}", f"{end:%H:%M}"

    def _sessions(self, count: int) -> None:
        owners: dict[str, str | None] = {}
        lines: dict[str, list[Line]] = {}
        for number in range(count):
            session = f"s{number:03d}"
            owners[session] = self.random.choice([*list(ZONES)[:5], None])
            # Half of them on days of which little else is known, so that they count.
            moment = _instant(self.random) + timedelta(days=self.random.choice((0, 12)))
            at = int(moment.timestamp() * 1000) + self.random.randrange(1000)
            lines[session] = []
            for place in range(self.random.randint(2, 14)):
                folder = self.random.choice(("site", "learning", "secret", "shop", "other", "../home"))
                cwd = "/home" if folder == "../home" else f"/work/{folder}"
                kind = "prompt" if place % 3 == 0 else "answer"
                lines[session].append(Line(session, session, place, f"{session}-{place}", at, kind, cwd))
                at += self.random.choice((300, 60_000, 600_000, 899_000, 2_000_000))
            # Something is logged within its time, for whichever client.
            developer = owners[session]
            for _ in range(self.random.choice((0, 1, 2, 3)) if developer else 0):
                second = self.random.randrange(lines[session][0].at // 1000, at // 1000 + 1)
                start = datetime.fromtimestamp(second, UTC)
                lasts = self.random.choice((7, 60, 900, 2700))
                self._clockify_entry(str(developer), start, start + timedelta(seconds=lasts))
        self.raw["claude_code.files"] = [
            {"file_id": session, "root_path": f"root-{owner}", "generation": 0, "read_offset": 1}
            for session, owner in owners.items()
        ]
        self.raw["claude_code.events"] = [
            {
                "file_id": session,
                "generation": 0,
                "line_offset": line.offset,
                "record_index": 0,
                "session_id": session,
                "uuid": line.uuid,
                "occurred_at": datetime.fromtimestamp(line.at // 1000, UTC) + timedelta(milliseconds=line.at % 1000),
                "kind": line.kind,
                "cwd": line.cwd,
                "is_forked": False,
            }
            for session, of_session in lines.items()
            for line in of_session
        ]
        self.entries += self._entries_of_sessions(owners, lines)

    def _entries_of_sessions(self, owners: dict[str, str | None], lines: dict[str, list[Line]]) -> Iterator[Entry]:
        gaps = {session: active_gaps(of_session, 900_000) for session, of_session in lines.items()}
        projects = {project.name: project for project in PROJECTS}
        # A root of nobody is a person of its own: its sessions share their days.
        people: dict[str | None, list[str]] = {owner: [] for owner in owners.values()}
        for session, owner in owners.items():
            people[owner].append(session)
        for person, sessions in people.items():
            zone = ZONES[person] if person else AGENCY_ZONE
            entries = plain_sessions.time_entries({session: gaps[session] for session in sessions}, zone, GLOBS)
            for (session, day, place), entry in entries.items():
                start, end = (
                    datetime.fromtimestamp(at // 1000, UTC) + timedelta(milliseconds=at % 1000)
                    for at in (entry.start, entry.end)
                )
                yield Entry(
                    f"SES-{session}-{day:%Y%m%d}-{'-'.join(part for part in place or () if part) or 'none'}",
                    "claude_session",
                    person or "root-None",
                    person,
                    place[0] if place else None,
                    projects.get(place[1]) if place and place[1] else None,
                    day,
                    start,
                    end,
                    entry.duration,
                    entry.allocated,
                    True,
                    activity=entry.activity,
                )


def _reference(policies: list[Policy]) -> Rows:
    people = list(ZONES)[:5]
    moving = PROJECTS[1]
    return {
        "reference.agency": [{"legal_name": "Agency", "timezone": AGENCY_ZONE}],
        "reference.developers": [
            {
                "email": f"{name}@example.com",
                "name": name,
                "clockify_id": f"u-{name}",
                "jira_account_id": f"j-{name}",
                "timezone": ZONES[name],
                "status": "active",
            }
            for name in people
        ],
        "reference.time_policies": [
            {
                "email": policy.developer and f"{policy.developer}@example.com",
                "client": policy.client,
                "sources": ";".join(policy.sources),
                "valid_from": None if policy.days.first_day == date.min else policy.days.first_day,
                "valid_to": None if policy.days.last_day == date.max else policy.days.last_day,
                "count_logged_elsewhere": policy.counts_logged_elsewhere,
            }
            for policy in policies
        ],
        "reference.employee_exclusions": [
            {"jira_account_id": "j-ann", "type": "excluded", "valid_from": "2026-03-29", "valid_to": "2026-03-29"},
            {"jira_account_id": "j-bob", "type": "overhead_only"},
            {"jira_account_id": "j-stranger", "type": "excluded", "valid_from": "2026-10-25"},
        ],
        "reference.project_classifications": [
            *({"label": label, "classification": name} for label, name in LABEL_CLASSES.items()),
            *(
                {"project": project.name, "classification": project.own_classification}
                for project in PROJECTS
                if project.own_classification
            ),
        ],
        "reference.projects": [
            {
                "project": project.name,
                "status": "active",
                "jira_project_key": project.key,
                "labels": ";".join(project.labels),
            }
            for project in PROJECTS
        ],
        "reference.project_terms": [
            {"project": moving.name, "client": moving.client, "valid_to": moving.moves_on - timedelta(days=1)},
            {"project": moving.name, "client": moving.moves_to, "valid_from": moving.moves_on},
        ],
        "reference.service_types": [{"name": "Maintenance"}, {"name": "Gift", "is_billable": False}],
        "reference.contracts": [
            {
                "client": "Acme",
                "contract_number": "CARE",
                "name": "Care",
                "service_category": "IT",
                "type": "pay_as_you_go",
                "start_date": "2026-01-01",
                "overage_rate": 1,
                "standard_rate": 1,
            }
        ],
        "reference.session_roots": [{"path": f"root-{name}", "email": f"{name}@example.com"} for name in people],
        "reference.repo_mappings": [
            {
                "repo": glob.repo,
                "client": glob.place and glob.place[0],
                "project": glob.place and glob.place[1],
                "path_globs": glob.folder,
                "valid_from": None if glob.first_day == date.min else glob.first_day,
                "valid_to": None if glob.last_day == date.max else glob.last_day,
            }
            for glob in GLOBS
        ],
        "clockify.users": [
            {
                "id": "u-ghost",
                "email": "ghost@example.com",
                "name": "Ghost",
                "status": "ACTIVE",
                "timezone": "Asia/Tokyo",
            }
        ],
        "clockify.clients": [{"id": "c-acme", "name": "Acme"}, {"id": "c-beta", "name": "Beta"}],
        "clockify.projects": [
            {"id": f"p-{project.name}", "client_id": f"c-{project.client.lower()}", "name": project.name}
            for project in PROJECTS
        ],
    }


@pytest.fixture(scope="module")
def world(dbt_project: DbtProject) -> World:
    world = World(Random(SEED))
    dbt_project.load(world.raw)
    dbt_project.build("+time_entries", as_of="2026-12-31")
    return world


_QUERY = """
    select
        case
            when entries.session_id is null then entries.id
            else 'SES-' || entries.session_id || '-' || to_char(entries.local_date, 'YYYYMMDD') || '-'
                || coalesce(nullif(concat_ws('-', clients.name, projects.name), ''), 'none')
        end as id,
        entries.source, split_part(developers.email, '@', 1) as developer, clients.name as client,
        projects.name as project, entries.local_date, entries.start_time, entries.end_time, entries.duration_seconds,
        entries.allocated_seconds, entries.logged_elsewhere_seconds, entries.status, entries.billable,
        entries.is_counted, entries.not_counted_reason
    from marts.time_entries as entries
    left join intermediate.int_identity__developers as developers using (developer_id)
    left join intermediate.int_identity__clients as clients using (client_id)
    left join intermediate.int_identity__projects as projects using (project_id)
"""


def test_what_counts_is_what_the_plain_calculation_says(dbt_project: DbtProject, world: World) -> None:
    judged = verdicts(world.entries, world.policies, LABEL_CLASSES, EXCLUDED)
    expected = {
        entry.id: {
            "id": entry.id,
            "source": entry.source,
            "developer": entry.developer,
            "client": entry.client,
            "project": entry.project and entry.project.name,
            "local_date": entry.local_date,
            "start_time": entry.start,
            "end_time": entry.end,
            "duration_seconds": entry.seconds,
            "allocated_seconds": entry.allocated and entry.allocated - judged[entry.id].logged_elsewhere,
            "logged_elsewhere_seconds": judged[entry.id].logged_elsewhere,
            "status": judged[entry.id].status,
            "billable": judged[entry.id].billable,
            "is_counted": judged[entry.id].reason is None,
            "not_counted_reason": judged[entry.id].reason,
        }
        for entry in world.entries
    }
    actual = {row["id"]: row for row in dbt_project.rows(_QUERY)}

    keys = sorted({*actual, *expected})
    differing = [(actual.get(key), expected.get(key)) for key in keys if actual.get(key) != expected.get(key)]
    assert differing == [], "\n".join(str(one) for one in differing[:3])
    # No source says `rejected`.
    assert {verdict.reason for verdict in judged.values()} == {
        None,
        "running",
        "deleted",
        "excluded",
        "zero_length",
        "superseded",
        "logged_elsewhere",
    }


def test_random_entries_try_every_kind_of_policy_and_day(world: World) -> None:
    judged = verdicts(world.entries, world.policies, LABEL_CLASSES, EXCLUDED)
    counted = Counter(entry.source for entry in world.entries if judged[entry.id].reason is None)
    orders = {
        policy_in_force(world.policies, entry.developer, entry.client, entry.local_date).sources
        for entry in world.entries
    }
    # Days of 23, 24 and 25 hours, and of 23.5 and 24.5 on Lord Howe.
    days = {(entry.local_date, ZONES.get(entry.developer or "", AGENCY_ZONE)) for entry in world.entries}
    lengths = {
        (wall_time(next_day(day), time(), zone) - wall_time(day, time(), zone)) / timedelta(hours=1)
        for day, zone in days
    }

    # Entries of which a part was logged elsewhere, and those of which nothing is left.
    yielding = Counter(verdict.reason for verdict in judged.values() if verdict.logged_elsewhere)

    assert min(counted[source] for source in DEFAULT_ORDER) > 10
    assert min(yielding[reason] for reason in (None, "logged_elsewhere")) > 10, yielding
    assert DEFAULT_ORDER in orders
    assert len(orders) > 3
    assert lengths >= {23, 23.5, 24, 24.5, 25}
