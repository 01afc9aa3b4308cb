"""Random clients with agreements and timesheets, and the raw tables that would bring them. No expectations here."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from sources.reference.schema import FILES
from tests.dbt_project.billing.plain_billing import (
    Agency,
    Amendment,
    Application,
    Calendar,
    Case,
    Classification,
    ClientTerms,
    Contract,
    Dated,
    Entry,
    Exclusion,
    FixedLine,
    Issue,
    Policy,
    Project,
    ProjectTerms,
    RateRule,
    Rule,
    last_day,
    months_later,
)

Rows = dict[str, list[dict[str, Any]]]

AS_OF = date(2024, 5, 20)
_ZONES = ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
# Everybody has a Clockify user `u-<name>`, a Jira account `j-<name>` and an address `<name>@example.com`.
PEOPLE = {f"p{number}": zone for number, zone in enumerate(_ZONES)} | {
    "overhead": "Europe/Berlin",
    "excluded": "UTC",
    "both": "America/New_York",
}
_WORKERS = (*(name for name in PEOPLE if name.startswith("p")), "overhead", "excluded", "both")
_WORKING_WEEK = dict.fromkeys(range(1, 6), ((9 * 60, 18 * 60),))
AGENCY = Agency(
    as_of=AS_OF,
    currency="USD",
    calendar="office",
    calendars={
        "office": Calendar(
            "Europe/Berlin", _WORKING_WEEK, frozenset({date(2024, 1, 1), date(2024, 3, 29), date(2024, 5, 1)})
        ),
        "siesta": Calendar(
            "America/New_York",
            dict.fromkeys(range(1, 6), ((9 * 60, 12 * 60), (13 * 60, 17 * 60 + 30))) | {6: ((600, 720),)},
            frozenset({date(2024, 2, 19)}),
        ),
        "night": Calendar("Asia/Tashkent", dict.fromkeys(range(1, 8), ((0, 360), (1200, 1440)))),
        "island": Calendar("Australia/Lord_Howe", dict.fromkeys(range(1, 6), ((510, 1020),))),
        "unknown": Calendar("UTC", {}),
    },
    rate_rules=(
        RateRule(tier="off_hours", multiplier=Decimal("1.25"), first_day=date(2024, 2, 15), last_day=date(2024, 4, 10)),
        RateRule(tier="p1_p3", multiplier=Decimal("1.1"), first_day=date(2024, 4, 1)),
    ),
    exclusions=(
        Exclusion(person="overhead", kind="overhead_only", first_day=date(2024, 1, 10), last_day=date(2024, 3, 20)),
        Exclusion(person="excluded", kind="excluded", first_day=date(2024, 2, 10)),
        Exclusion(person="both", kind="excluded", last_day=date(2024, 2, 29)),
        Exclusion(person="both", kind="overhead_only"),
    ),
    value_map={
        ("issue_type", "Outage"): "Incident",
        ("issue_type", "Call"): "Meeting",
        ("priority", "Highest"): "P1",
        ("priority", "Medium"): "P3",
        ("priority", "Low"): "P4",
    },
)
_CURRENCIES = ("USD", "EUR", "GBP")
_TAXES = tuple(map(Decimal, ("0", "0", "0.19", "0.075", "0.0825", "0.2")))
_RATES = tuple(map(Decimal, ("1", "0.5", "10", "25.5", "33.33", "99.99", "120", "87.6543", "0.01", "150")))
_HOURS = tuple(map(Decimal, ("0", "0.25", "0.5", "1", "1.5", "2.75", "4", "8", "10.01", "40")))
_AMOUNTS = tuple(map(Decimal, ("1000", "2500.55", "99.99", "0.01", "12000")))
# Half cents at the rates above, whole increments, a second beside each, and any.
_SECONDS = (
    1,
    18,
    36,
    54,
    90,
    450,
    899,
    900,
    901,
    1799,
    1800,
    1801,
    3599,
    3600,
    3601,
    5400,
    7200,
    14_400,
    28_800,
    28_801,
)
_WALL_TIMES = (
    "00:00:00",
    "05:59:59",
    "06:00:00",
    "08:59:59",
    "09:00:00",
    "11:59:59",
    "12:00:00",
    "13:00:00",
    "17:29:59",
)
_LATE_WALL_TIMES = ("17:30:00", "17:59:59", "18:00:00", "19:59:59", "20:00:00", "23:59:59", "10:00:00", "14:15:00")
_CLOCK_CHANGES = (date(2024, 3, 10), date(2024, 3, 31), date(2024, 4, 7))
KINDS = {"application": 26, "contract": 24, "rule": 24, "terms": 10, "mixed": 13, "session": 3}


def zone_of(person: str) -> ZoneInfo:
    """The zone of a person; who is no developer of the agency's is in UTC."""
    return ZoneInfo(PEOPLE.get(person, "UTC"))


class _Maker:
    """Makes one case."""

    def __init__(self, random: Random, number: int, kind: str) -> None:
        self.random, self.case = random, Case(number=number, kind=kind)
        self.first = months_later(date(2023, 12, 1), random.randrange(6)) + timedelta(days=random.randrange(28))
        length = random.choice((3, 10, 35, 35, 75))
        self.days = [self.first + timedelta(days=random.randrange(length)) for _ in range(random.randint(1, 8))]
        if random.random() < 0.15:
            self.days.append(random.choice(_CLOCK_CHANGES) - timedelta(days=random.randrange(2)))
        if random.random() < 0.2:
            self.days += [last_day(self.first), last_day(self.first) + timedelta(days=1)]
        self.people = random.sample(_WORKERS[:5], 2) + ([random.choice(_WORKERS[5:])] if random.random() < 0.2 else [])
        self.issues: list[Issue] = []
        self.calendar: str | None = None
        self.is_mirrored = kind == "mirror"
        self.equal_worklogs: Counter[str] = Counter()

    # --- small choices

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def maybe(self, share: float, values: Sequence[Any]) -> Any:
        return self.random.choice(values) if self.chance(share) else None

    def some_day(self) -> date:
        """A day on which something may begin or end: near the timesheet, often at a month's edge."""
        day = self.first + timedelta(days=self.random.randrange(-20, 60))
        edges = (day, day, day.replace(day=1), last_day(day), self.random.choice(self.days))
        return self.random.choice(edges)

    def span(self) -> dict[str, date | None]:
        """First and last day; mostly open, now and then within a month."""
        kind = self.random.choice(("always", "always", "from", "from", "until", "range", "short"))
        first, last = sorted((self.some_day(), self.some_day()))
        if kind == "short":
            last = min(last_day(first), first + timedelta(days=self.random.randrange(20)))
        long_before = first - timedelta(days=self.random.choice((0, 0, 40, 100)))
        return {
            "first_day": long_before if kind in ("from", "range") else first if kind == "short" else None,
            "last_day": last if kind in ("until", "range", "short") else None,
        }

    def seconds(self) -> int:
        return self.random.choice(_SECONDS) if self.chance(0.6) else self.random.randrange(1, 40_000)

    def name(self, letter: str, place: int | str) -> str:
        """A name of eight characters, so that identifiers made of it do not collide."""
        return f"{letter}{self.case.number:06d}{place}"

    # --- who and what

    def client(self) -> str:
        client = self.name("c", "abcdef"[len(self.case.clients)])
        self.case.clients[client] = self.maybe(0.3, _CURRENCIES)
        return client

    def terms(self, client: str, share: float = 0.7) -> None:
        """Client terms: none, one row, or several that change within a month or leave a gap."""
        if not self.chance(share):
            return
        spans = [self.span()]
        if self.chance(0.4):
            change = self.some_day()
            spans = [
                {"last_day": change},
                {"first_day": change + timedelta(days=1)},
            ]
            if self.chance(0.3):
                second = change + timedelta(days=self.random.randint(3, 20))
                spans = [
                    {"last_day": change},
                    {"first_day": change + timedelta(days=1), "last_day": second},
                    {"first_day": second + timedelta(days=self.random.choice((1, 1, 9)))},
                ]
        for span in spans:
            is_retainer = self.chance(0.4)
            self.case.client_terms.append(
                ClientTerms(
                    client=client,
                    billing_model="retainer" if is_retainer else "hourly",
                    retainer_amount=self.maybe(0.85, _AMOUNTS) if is_retainer else None,
                    currency=self.random.choice(_CURRENCIES[: self.random.choice((1, 1, 3))]),
                    tax_rate=self.random.choice(_TAXES),
                    **span,
                )
            )

    def fixed_lines(self, client: str, share: float = 0.15) -> None:
        if self.chance(share):
            for place in range(self.random.randint(1, 2)):
                self.case.fixed_lines.append(
                    FixedLine(
                        client=client,
                        description=f"Hosting {place}",
                        amount=self.random.choice((*_AMOUNTS, Decimal("-49.95"), Decimal("0"))),
                        currency=self.random.choice(_CURRENCIES),
                        **self.span(),
                    )
                )

    def project(self, client: str | None) -> Project:
        number = len(self.case.projects)
        project = Project(
            name=self.name("p", number),
            client=client,
            clockify_rate=self.maybe(0.5, (0, 100, 8500, 9999, 12_345)),
            labels=(f"label-{self.case.number}-{number}",) if self.chance(0.3) else (),
        )
        self.case.projects.append(project)
        if self.chance(0.08):
            of_label = self.chance(0.4) and bool(project.labels)
            self.case.classifications.append(
                Classification(
                    project=None if of_label else project.name,
                    label=project.labels[0] if of_label else None,
                    classification=self.random.choice(("internal", "overhead", "excluded", "billable")),
                )
            )
        return project

    def project_terms(
        self, project: Project, clients: Sequence[str], contracts: Sequence[str | None] = (None,)
    ) -> None:
        """Rates and contracts of a project; with several clients it moves from one to the next."""
        change = self.some_day()
        for place, client in enumerate(clients):
            first = change + timedelta(days=1 + 12 * (place - 1)) if place else None
            last = change + timedelta(days=12 * place) if place < len(clients) - 1 else None
            self.case.project_terms.append(
                ProjectTerms(
                    project=project.name,
                    client=client,
                    hourly_rate=self.maybe(0.6, _RATES),
                    contract=contracts[place % len(contracts)],
                    first_day=first,
                    last_day=last,
                )
            )

    def issue(self, jira_key: str, jira_name: str) -> Issue:
        """An issue; the mirror knows no labels of its own."""
        issue = Issue(
            key=f"{jira_key}-{len(self.issues) + 1}",
            jira_key=jira_key,
            jira_name=jira_name,
            kind=self.random.choice(("Task", "Bug", "Incident", "Outage", "Incident", "Meeting", "Call", "Story")),
            priority=self.random.choice(("P1", "P2", "P4", "Highest", "Medium", "Low", "Odd")),
            labels=tuple(
                f"tag-{self.case.number}-{tag}" for tag in range(3) if not self.is_mirrored and self.chance(0.3)
            ),
        )
        self.issues.append(issue)
        return issue

    # --- time

    def id_number(self) -> int:
        return self.case.number * 100 + len(self.case.entries)

    def clockify(self, project: Project | None, *, person: str | None = None) -> None:
        person = person or self.random.choice(self.people)
        zone = zone_of(person)
        wall = time(self.random.choice((0, 0, 8, 9, 9, 12, 23)), self.random.choice((0, 0, 30, 59)))
        start = datetime.combine(self.random.choice(self.days), wall, zone).astimezone(UTC)
        self.case.entries.append(
            Entry(
                id=f"CLK-e{self.id_number():08d}",
                source="clockify",
                person=person,
                project=project.name if project else None,
                day=start.astimezone(zone).date(),
                start=start,
                seconds=self.seconds(),
                billable=self.chance(0.93),
            )
        )

    def worklog(self, issue: Issue) -> None:
        """A worklog of Tempo; its date is its own, whatever the instant says, and the instant may be missing."""
        day = self.random.choice(self.days)
        zone = ZoneInfo(AGENCY.calendars[self.calendar or AGENCY.calendar].zone)
        wall = time.fromisoformat(self.random.choice((*_WALL_TIMES, *_LATE_WALL_TIMES)))
        shift = timedelta(days=self.random.choice((0, 0, 0, 0, 0, 0, 1, -1)))
        start = datetime.combine(day + shift, wall, zone).astimezone(UTC) if self.chance(0.88) else None
        self.case.entries.append(
            Entry(
                id=f"TMP-{self.id_number()}",
                source="tempo",
                person=self.random.choice(self.people) if self.chance(0.95) else f"ghost-{self.case.number}",
                issue=issue,
                day=day,
                start=start,
                seconds=self.seconds(),
                billable=self.chance(0.93),
            )
        )

    def mirrored(self, issue: Issue) -> None:
        """A worklog as the mirror has it: a date without time, a project label, now and then an id; some are equal."""
        person = self.random.choice(self.people) if self.chance(0.95) else f"ghost-{self.case.number}"
        day = self.random.choice(self.days)
        label = self.random.choice([f"mirror-{self.case.number}", f"tag-{self.case.number}-0"])
        seconds = self.random.choice((1, 900, 1800, self.seconds()))
        columns = f"j-{person}|{day}|{issue.key}|{label}|{seconds}"
        self.equal_worklogs[columns] += 1
        row_id = sha256(f"{columns}|{self.equal_worklogs[columns]}".lower().encode()).hexdigest()
        is_known = self.chance(0.2)
        self.case.entries.append(
            Entry(
                id=f"TMP-{self.id_number()}" if is_known else f"MIR-{row_id[:8]}",
                source="tempo",
                person=person,
                issue=issue,
                mirror_label=label,
                mirror_row_id=row_id,
                day=day,
                start=None,
                seconds=seconds,
                billable=True,
            )
        )

    def work_log(self, client: str, contract: str | None) -> None:
        person = self.random.choice(self.people)
        day = self.random.choice(self.days)
        wall = time(self.random.randint(6, 21), self.random.choice((0, 30)))
        has_time = self.chance(0.5)
        self.case.entries.append(
            Entry(
                id=f"LOG-w{self.id_number()}",
                source="manual",
                person=person,
                client=client,
                contract=contract,
                day=day,
                start=datetime.combine(day, wall, zone_of(person)).astimezone(UTC) if has_time else None,
                seconds=60 * self.random.choice((1, 15, 29, 30, 60, 61, 150, 480, 600)),
                billable=self.chance(0.93),
            )
        )

    def timesheet(self, project: Project | None, low: int = 2, high: int = 8) -> None:
        for _ in range(self.random.randint(low, high)):
            self.clockify(project)

    # --- the four engines

    def by_application(self, client: str) -> None:
        jira_key, jira_name = f"K{self.case.number}", f"Jira {self.case.number}"
        if self.chance(0.7):
            project = Project(
                name=self.name("p", "x"),
                client=client,
                jira_key=None if self.is_mirrored and self.chance(0.5) else jira_key,
                labels=(f"mirror-{self.case.number}",) if self.is_mirrored and self.chance(0.7) else (),
            )
            self.case.projects.append(project)
            if self.chance(0.3):
                self.project_terms(project, [client])
            if self.chance(0.05):
                self.case.classifications.append(Classification(project=project.name, classification="internal"))
        if self.chance(0.2):
            # Found by label alone, where no project has the key; of several the application's client's.
            label = f"mirror-{self.case.number}" if self.is_mirrored else f"tag-{self.case.number}-0"
            for letter, of_client in (("y", self.client()), ("z", client)):
                self.case.projects.append(Project(name=self.name("p", letter), client=of_client, labels=(label,)))
        if self.chance(0.08):
            self.case.classifications.append(
                Classification(
                    label=f"tag-{self.case.number}-2",
                    classification=self.random.choice(("internal", "overhead", "excluded", "billable")),
                )
            )
        self.calendar = self.maybe(0.7, tuple(AGENCY.calendars))
        issues = [self.issue(jira_key, jira_name) for _ in range(self.random.randint(1, 3))]
        owner = (self.client() if self.chance(0.8) else None) if self.chance(0.2) else client
        labels = [(jira_key,), (jira_name, "elsewhere"), tuple(f"tag-{self.case.number}-{tag}" for tag in (0, 1))]
        if self.is_mirrored:
            labels = [(f"mirror-{self.case.number}",), (f"mirror-{self.case.number}", f"tag-{self.case.number}-0")]
        places = self.random.choice(((9,), (9,), (10, 9)))
        for place in places:
            kind = self.random.choice(("TM", "FIX", "SUP", "SUP"))
            self.case.applications.append(
                Application(
                    # 9 comes before 10 as a number, after it as text.
                    id=f"{self.case.number}{place}",
                    client=owner,
                    kind=kind,
                    labels=self.random.choice(labels),
                    currency=self.maybe(0.6, _CURRENCIES),
                    hourly_rate=self.maybe(0.85, _RATES),
                    base_amount=self.maybe(0.8, (*_AMOUNTS, Decimal(0))),
                    limit_hours=self.maybe(0.75, _HOURS),
                    overtime_rate=self.maybe(0.85, _RATES),
                    monitoring_amount=self.maybe(0.4, (*_AMOUNTS, Decimal(0))),
                    minimum_seconds=self.maybe(0.5, (0, 900, 1800, 3600)),
                    calendar=self.calendar,
                    **self.span(),
                )
            )
        if owner and self.chance(0.35):
            change = self.some_day()
            tier = self.random.choice(("p1_p3_off_hours", "p1_p3", "off_hours", "standard"))
            for place, span in enumerate(({"last_day": change}, {"first_day": change + timedelta(days=1)})):
                if place == 0 or self.chance(0.7):
                    self.case.rate_rules.append(
                        RateRule(
                            client=owner,
                            tier=tier,
                            multiplier=self.random.choice(tuple(map(Decimal, ("0.5", "1", "1.333", "1.75", "2")))),
                            **span,
                        )
                    )
        for _ in range(self.random.randint(2, 9)):
            (self.mirrored if self.is_mirrored else self.worklog)(self.random.choice(issues))

    by_mirror = by_application

    def contract(self, client: str) -> Contract:
        kind = self.random.choice(("monthly_retainer",) * 4 + ("project_based", "pay_as_you_go"))
        if self.chance(0.4):
            # Anniversaries that some months lack; 2023 has a short February, 2024 a long one.
            month = self.random.choice(((2023, 1), (2023, 8), (2023, 12), (2024, 1), (2022, 12)))
            start = date(*month, self.random.choice((29, 30, 31)))
        elif self.chance(0.1):
            start = AS_OF + timedelta(days=self.random.randint(0, 30))
        else:
            start = self.first - timedelta(days=self.random.choice((-10, 0, 5, 31, 100, 300)))
        end = start + timedelta(days=self.random.choice((0, 20, 30, 45, 90, 200, 500))) if self.chance(0.4) else None
        contract = Contract(
            number=f"N{self.case.number:06d}-{len(self.case.contracts)}",
            client=client,
            kind=kind,
            status=self.random.choice(("active",) * 9 + ("inactive",)),
            start_date=start,
            end_date=end,
            auto_renew=self.chance(0.4),
            monthly_hours=self.random.choice(_HOURS) if kind == "monthly_retainer" else None,
            overage_rate=self.random.choice(_RATES),
            standard_rate=self.maybe(0.75, _RATES),
            billing_cycle=self.random.choice(("monthly", "monthly", "quarterly", "annual")),
        )
        self.case.contracts.append(contract)
        days = {self.some_day() for _ in range(self.random.choice((0, 0, 0, 1, 2)))}
        if days and self.chance(0.3):
            days.add(start)
        for day in sorted(days):
            self.case.amendments.append(
                Amendment(
                    contract=contract.number,
                    first_day=day,
                    monthly_hours=self.maybe(0.4, _HOURS) if kind == "monthly_retainer" else None,
                    overage_rate=self.maybe(0.4, _RATES),
                    standard_rate=self.maybe(0.4, _RATES),
                    status=self.maybe(0.3, ("active", "inactive", "expired")),
                )
            )
        return contract

    def by_contract(self, client: str) -> None:
        contract = self.contract(client)
        if self.chance(0.3):
            for _ in range(self.random.randint(1, 6)):
                self.work_log(client, contract.number)
        if self.chance(0.85):
            project = self.project(client)
            if self.chance(0.15):
                other = self.client()
                self.terms(other)
                self.project_terms(project, [client, other], [contract.number, None])
            elif self.chance(0.2):
                self.project_terms(project, [client, client], [contract.number, self.contract(client).number])
            elif self.chance(0.05):
                # The project's client is another than the contract's, which pays.
                self.project_terms(project, [self.client()], [contract.number])
            else:
                self.project_terms(project, [client], [contract.number])
            self.timesheet(project)

    def by_rule(self, client: str) -> None:
        project = self.project(client)
        if self.chance(0.3):
            other = self.client()
            self.terms(other)
            self.project_terms(project, [client, other, client][: self.random.choice((2, 2, 3))])
        elif self.chance(0.2):
            self.project_terms(project, [client])
        spans = [self.span()]
        if self.chance(0.25):
            change = self.some_day()
            spans = [{"last_day": change}, {"first_day": change + timedelta(days=1)}]
        for span in spans:
            kind = self.random.choice(("hourly", "hourly", "hourly", "fixed", "retainer", "retainer"))
            self.case.rules.append(
                Rule(
                    project=project.name,
                    kind=kind,
                    rate_cents=self.random.choice((1, 50, 8500, 9999, 12_345, 250_000)),
                    currency=self.maybe(0.7, _CURRENCIES[: self.random.choice((1, 3))]),
                    increment=self.random.choice((0, 0, 1, 6, 15, 15, 30, 60)),
                    overtime_multiplier=self.random.choice(tuple(map(Decimal, ("1", "1.5", "1.25", "2", "0.5")))),
                    cap_hours=self.maybe(0.4, _HOURS),
                    retainer_hours=self.maybe(0.7, _HOURS),
                    overage_rate_cents=self.maybe(0.6, (7500, 9999, 1)),
                    **span,
                )
            )
        if self.chance(0.5):
            # Long days of few people: overtime.
            self.days, self.people = self.days[:3], self.people[:2]
        self.timesheet(project, 2, 10)

    def by_terms(self, client: str) -> None:
        for _ in range(self.random.randint(1, 2)):
            if self.chance(0.1):
                # Time of no client meets that of other cases in a person's day: hence somebody of this case's own.
                others, self.people = self.people, [f"loner-{self.case.number}"]
                self.timesheet(self.project(None), 1, 3)
                self.people = others
            project = self.project(client if self.chance(0.9) else None)
            if project.client is None or self.chance(0.5):
                self.project_terms(project, [client] * self.random.randint(1, 2))
            self.timesheet(project, 1, 5)
        if self.chance(0.15):
            self.clockify(None, person=f"loner-{self.case.number}")

    def by_session(self, client: str) -> None:
        """Sessions of somebody with no other work; the days' sessions follow each other."""
        project = self.project(client)
        if self.chance(0.7):
            self.case.rules.append(
                Rule(
                    project=project.name,
                    kind=self.random.choice(("hourly", "hourly", "retainer")),
                    rate_cents=9999,
                    currency="EUR",
                    increment=self.random.choice((0, 15, 30, 60)),
                    overtime_multiplier=Decimal("1.5"),
                    cap_hours=self.maybe(0.5, _HOURS),
                    retainer_hours=self.maybe(0.7, _HOURS),
                    overage_rate_cents=7500,
                )
            )
        elsewhere = self.project(self.client())
        for day in sorted(set(self.days))[:4]:
            at = datetime.combine(day, time(6), UTC)
            for number in range(self.random.randint(1, 4)):
                seconds = self.random.choice((1, 60, 899, 901, 1800, 2000, 10_000))
                session = f"s{self.case.number}-{day:%m%d}-{number}"
                self.case.entries.append(
                    Entry(
                        id=f"SES-{session}-{day:%Y%m%d}-PRJ-{project.name}",
                        source="claude_session",
                        person=f"coder-{self.case.number}",
                        client=client,
                        project=project.name,
                        day=day,
                        start=at,
                        seconds=seconds,
                        billable=True,
                    )
                )
                if self.chance(0.3):
                    self.log_within(elsewhere, at, seconds)
                at += timedelta(seconds=seconds + self.random.choice((1, 60, 5000)))

    def log_within(self, project: Project, start: datetime, seconds: int) -> None:
        """Something that a session's person logs for another client while it runs, or a little before or after."""
        start += timedelta(seconds=self.random.choice((-60, 0, self.random.randrange(seconds))))
        self.case.entries.append(
            Entry(
                id=f"CLK-e{self.id_number():08d}",
                source="clockify",
                person=f"coder-{self.case.number}",
                project=project.name,
                day=start.date(),
                start=start,
                seconds=self.random.choice((1, 60, 900, 20_000)),
                billable=True,
            )
        )

    def make(self) -> Case:
        client = self.client()
        kinds = [self.case.kind]
        if self.case.kind == "mixed":
            kinds = self.random.sample(("application", "contract", "rule", "terms"), self.random.randint(2, 3))
            if self.chance(0.1):
                self.case.policies.append(
                    Policy(client=client, sources=("clockify", "tempo", "claude_session")[: self.random.randint(1, 3)])
                )
        for kind in kinds:
            getattr(self, f"by_{kind}")(client)
        if self.case.kind == "mixed" and "contract" not in kinds and self.chance(0.3):
            self.work_log(client, None)
        self.terms(client, {"terms": 0.92, "contract": 0.4, "rule": 0.4}.get(self.case.kind, 0.6))
        self.fixed_lines(client)
        return self.case


def random_cases(random: Random, number: int, shares: Mapping[str, int] = KINDS) -> list[Case]:
    """Cases of several kinds, by their shares; the same for the same random numbers."""
    kinds = random.choices(list(shares), list(shares.values()), k=number)
    return [_Maker(random, place, kind).make() for place, kind in enumerate(kinds)]


# --- Raw tables -----------------------------------------------------------------------------------------------------


def raw_tables(cases: Sequence[Case], agency: Agency = AGENCY) -> Rows:
    """Rows of raw tables by `source.table` that bring the agency and all cases."""
    rows = _agency_rows(agency)
    for case in cases:
        _put_clients(rows, case)
        _put_agreements(rows, case)
        _put_applications(rows, case)
        for entry in case.entries:
            _put_entry(rows, case, entry)
    for file in FILES:
        for row in rows.get(f"reference.{file.name}", ()):
            row["row_key"] = "|".join(str(row.get(column) or "") for column in file.key).lower()
    return rows


def _agency_rows(agency: Agency) -> Rows:
    rows: Rows = defaultdict(list)
    rows["reference.agency"] = [
        {
            "legal_name": "Agency",
            "currency": agency.currency,
            "timezone": agency.calendars[agency.calendar].zone,
            "calendar": agency.calendar,
        }
    ]
    rows["reference.service_types"] = [{"name": "Consultation", "is_billable": True}]
    for name, zone in PEOPLE.items():
        rows["reference.developers"].append(_developer(name, zone))
        rows["clockify.users"].append({"id": f"u-{name}", "email": f"{name}@example.com", "status": "ACTIVE"})
        rows["jira.users"].append({"account_id": f"j-{name}", "name": name})
    for name, calendar in agency.calendars.items():
        for weekday, spans in calendar.hours.items():
            for opens, closes in spans:
                rows["reference.business_calendars"].append(
                    {
                        "calendar": name,
                        "timezone": calendar.zone,
                        "weekday": weekday,
                        "opens": _clock(opens),
                        "closes": _clock(closes),
                    }
                )
        for day in sorted(calendar.holidays):
            rows["reference.holidays"].append({"calendar": name, "date": day, "name": "Holiday"})
    for rule in agency.rate_rules:
        rows["reference.rate_rules"].append({"rate_tier": rule.tier, "multiplier": rule.multiplier, **_range(rule)})
    for exclusion in agency.exclusions:
        rows["reference.employee_exclusions"].append(
            {"jira_account_id": f"j-{exclusion.person}", "type": exclusion.kind, **_range(exclusion)}
        )
    for (kind, value), meaning in agency.value_map.items():
        rows["reference.jira_value_map"].append({"kind": kind, "value": value, "meaning": meaning})
    return rows


def _developer(name: str, zone: str) -> dict[str, Any]:
    return {
        "email": f"{name}@example.com",
        "name": name,
        "clockify_id": f"u-{name}",
        "jira_account_id": f"j-{name}",
        "timezone": zone,
        "status": "active",
    }


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _range(row: Dated, first: str = "valid_from", last: str = "valid_to") -> dict[str, Any]:
    return {first: row.first_day, last: row.last_day}


def _put_clients(rows: Rows, case: Case) -> None:
    for client, currency in case.clients.items():
        rows["clockify.clients"].append({"id": client, "name": client, "currency_code": currency})
    for project in case.projects:
        rows["clockify.projects"].append(
            {
                "id": project.name,
                "client_id": project.client,
                "name": project.name,
                "hourly_rate_amount": project.clockify_rate,
            }
        )
        if project.jira_key or project.labels:
            rows["reference.projects"].append(
                {
                    "project": project.name,
                    "status": "active",
                    "jira_project_key": project.jira_key,
                    "labels": ";".join(project.labels) or None,
                }
            )


def _put_agreements(rows: Rows, case: Case) -> None:
    for terms in case.client_terms:
        rows["reference.client_terms"].append(
            {
                "client": terms.client,
                "billing_model": terms.billing_model,
                "retainer_amount": terms.retainer_amount,
                "currency": terms.currency,
                "tax_rate": terms.tax_rate,
                **_range(terms),
            }
        )
    for project_terms in case.project_terms:
        rows["reference.project_terms"].append(
            {
                "project": project_terms.project,
                "client": project_terms.client,
                "hourly_rate": project_terms.hourly_rate,
                "contract": project_terms.contract,
                **_range(project_terms),
            }
        )
    for classification in case.classifications:
        rows["reference.project_classifications"].append(vars(classification))
    for contract in case.contracts:
        rows["reference.contracts"].append(
            {
                "client": contract.client,
                "contract_number": contract.number,
                "name": contract.number,
                "service_category": "IT",
                "type": contract.kind,
                "status": contract.status,
                "start_date": contract.start_date,
                "end_date": contract.end_date,
                "auto_renew": contract.auto_renew,
                "monthly_hours": contract.monthly_hours,
                "overage_rate": contract.overage_rate,
                "standard_rate": contract.standard_rate,
                "billing_cycle": contract.billing_cycle,
            }
        )
    for amendment in case.amendments:
        columns = dict(vars(amendment))
        rows["reference.contract_terms"].append({"valid_from": columns.pop("first_day"), **columns})
    for rule in case.rules:
        overage = rule.overage_rate_cents
        rows["reference.billing_rules"].append(
            {
                "project": rule.project,
                "rule_type": rule.kind,
                "rate_cents": rule.rate_cents,
                "currency": rule.currency,
                "rounding_increment_minutes": rule.increment,
                "overtime_multiplier": rule.overtime_multiplier,
                "cap_hours": rule.cap_hours,
                "retainer_hours": rule.retainer_hours,
                "metadata": {} if overage is None else {"overage_rate_cents": overage},
                **_range(rule, "effective_from", "effective_to"),
            }
        )
    for rate_rule in case.rate_rules:
        rows["reference.rate_rules"].append(
            {
                "client": rate_rule.client,
                "rate_tier": rate_rule.tier,
                "multiplier": rate_rule.multiplier,
                **_range(rate_rule),
            }
        )
    for line in case.fixed_lines:
        rows["reference.fixed_lines"].append(
            {
                "client": line.client,
                "description": line.description,
                "amount": line.amount,
                "currency": line.currency,
                **_range(line),
            }
        )
    for policy in case.policies:
        rows["reference.time_policies"].append(
            {"client": policy.client, "sources": ";".join(policy.sources), **_range(policy)}
        )


def _put_applications(rows: Rows, case: Case) -> None:
    for client in {application.client for application in case.applications} - {None}:
        rows["clickhouse.cdm_customers"].append(
            {"customer_id": f"customer-{client}", "company_name": client, "client": client, "is_deleted": False}
        )
    for application in case.applications:
        rows["clickhouse.cdm_applications"].append(
            {
                "application_id": application.id,
                "customer_id": f"customer-{application.client}",
                "name": application.id,
                "application_type": application.kind,
                "labels": list(application.labels),
                "currency": application.currency,
                "hourly_rate": application.hourly_rate,
                "base_amount": application.base_amount,
                "monthly_limit_hours": application.limit_hours,
                "overtime_rate": application.overtime_rate,
                "monitoring_amount": application.monitoring_amount,
                "min_billable_seconds": application.minimum_seconds,
                "calendar": application.calendar,
                "is_deleted": False,
                **_range(application, "start_date", "end_date"),
            }
        )
    issues = {entry.issue for entry in case.entries if entry.issue is not None}
    if case.kind == "mirror":
        rows["clickhouse.jira_issues"] += [
            {"issue_key": issue.key, "issue_type": issue.kind, "priority": issue.priority, "is_deleted": False}
            for issue in issues
        ]
        return
    for jira_key, jira_name in {(issue.jira_key, issue.jira_name) for issue in issues}:
        rows["jira.projects"].append({"id": f"{case.number}", "key": jira_key, "name": jira_name, "state": "live"})
    for issue in sorted(issues, key=lambda issue: issue.key):
        rows["jira.issues"].append(
            {
                "id": str(_issue_id(case, issue)),
                "key": issue.key,
                "project_id": f"{case.number}",
                "project_key": issue.jira_key,
                "issue_type": issue.kind,
                "priority": issue.priority,
                "labels": list(issue.labels),
                "status_category": "indeterminate",
            }
        )


def _issue_id(case: Case, issue: Issue) -> int:
    return case.number * 10 + int(issue.key.rsplit("-", 1)[1])


def _put_entry(rows: Rows, case: Case, entry: Entry) -> None:
    native_id = entry.id.split("-", 1)[1]
    if entry.source == "clockify":
        assert entry.start is not None
        user = {"id": f"u-{entry.person}", "email": f"{entry.person}@example.com", "timezone": "UTC"}
        if entry.person not in PEOPLE and user not in rows["clockify.users"][-1:]:
            rows["clockify.users"].append(user)
        rows["clockify.time_entries"].append(
            {
                "id": native_id,
                "user_id": f"u-{entry.person}",
                "project_id": entry.project,
                "billable": entry.billable,
                "type": "REGULAR",
                "start_time": entry.start,
                "end_time": entry.start + timedelta(seconds=entry.seconds),
            }
        )
    elif entry.mirror_row_id is not None:
        assert entry.issue is not None
        rows["clickhouse.tempo_worklogs_flat"].append(
            {
                "row_id": entry.mirror_row_id,
                "worklog_id": native_id if entry.id.startswith("TMP-") else None,
                "duration_seconds": entry.seconds,
                "account_id": f"j-{entry.person}",
                "start_date": entry.day,
                "project_label": entry.mirror_label,
                "issue_key": entry.issue.key,
                "is_deleted": False,
            }
        )
    elif entry.source == "tempo":
        rows["tempo.worklogs"].append(
            {
                "id": int(native_id),
                "issue_id": _issue_id(case, entry.issue) if entry.issue else None,
                "author_id": f"j-{entry.person}",
                "start_date": entry.day,
                "started_at": entry.start,
                "duration_seconds": entry.seconds,
                "billable_seconds": entry.seconds if entry.billable else 0,
            }
        )
    elif entry.source == "manual":
        start = entry.start and entry.start.astimezone(zone_of(entry.person))
        rows["reference.work_logs"].append(
            {
                "id": native_id,
                "client": entry.client,
                "contract": entry.contract,
                "service_type": "Consultation",
                "email": f"{entry.person}@example.com",
                "work_date": entry.day,
                "start_time": start and f"{start:%H:%M}",
                "duration_minutes": entry.seconds // 60,
                "work_location": "remote",
                "description": "Work",
                "is_billable": entry.billable,
            }
        )
    else:
        _put_session(rows, case, entry)


def _put_session(rows: Rows, case: Case, entry: Entry) -> None:
    """Events of a session at most 15 minutes apart, in a folder of the case's project."""
    assert entry.start is not None
    if not any(row["path"] == entry.person for row in rows["reference.session_roots"][-1:]):
        rows["reference.developers"].append(_developer(entry.person, "UTC"))
        rows["reference.session_roots"].append({"path": entry.person, "email": f"{entry.person}@example.com"})
        rows["reference.repo_mappings"].append(
            {
                "repo": f"org/{entry.project}",
                "client": entry.client,
                "project": entry.project,
                "path_globs": f"/work/{entry.project}",
            }
        )
    session = entry.id.removeprefix("SES-").rsplit("-", 3)[0]
    rows["claude_code.files"].append(
        {"file_id": session, "path": session, "root_path": entry.person, "generation": 0, "read_offset": 1}
    )
    moments = [*range(0, entry.seconds, 900), entry.seconds]
    for offset, moment in enumerate(moments):
        rows["claude_code.events"].append(
            {
                "file_id": session,
                "generation": 0,
                "line_offset": offset,
                "record_index": 0,
                "session_id": session,
                "uuid": f"{session}-{offset}",
                "occurred_at": entry.start + timedelta(seconds=moment),
                "kind": "answer" if offset else "prompt",
                "cwd": f"/work/{entry.project}",
            }
        )
