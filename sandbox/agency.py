"""The made-up agency: one story from which every vendor's collections are derived, in no vendor's format.

`tell_story(seed, scale, as_of)` returns an `Agency`: who works there, for whom, on what, when, and what was paid. The
same arguments always give the same story. It ends when the day `as_of` begins (UTC) and goes back `months`. Scale 1
is the size that the agency seed states: about ten developers, five clients, fifteen projects, 20 sessions, 5 Clockify
entries, 20 commits and 3 pull requests a working day, 5 issues a week, 50 business bank transactions a month. A larger
scale has more developers, clients and projects at the same pace per developer; a smaller one has fewer developers.

The parts of the story: `Developer`, `Client`, `Project`, `Repository` do not change; a `Ticket` is opened, worked on
in `WorkBlock`s (a person, a ticket, a start and an end, with or without an AI session) and done; blocks leave behind
`Session`s, `Worklog`s, Clockify entries, `Commit`s and, per ticket and person, a `PullRequest`; month by month
`Payment`s arrive. Times are aware datetimes in UTC, amounts whole cents.
"""

from __future__ import annotations

import hashlib
import math
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, Literal
from zoneinfo import ZoneInfo

LogRoute = Literal["clockify", "tempo", "manual", "none"]
"""Where a person logs hours; `none` leaves only observed time."""

BillingBasis = Literal["application", "contract", "billing_rule", "client_terms", "none"]
"""How the time on a project is billed."""

GITHUB_ORGANIZATION = "lantern-works"
AGENCY_NAME = "Lantern Works LLC"
AGENCY_TIMEZONE = "America/New_York"
MAIL_DOMAIN = "lanternworks.example"


@dataclass(frozen=True)
class Developer:
    """A person who works, or worked, at the agency."""

    number: int
    """1, 2, … in order of joining; the base of ids."""
    key: str
    """Short lower-case name: folders, hosts."""
    name: str
    timezone: str
    clockify_id: str
    jira_account_id: str
    github_login: str | None
    """None: no GitHub account is known; commits have only the e-mail."""
    github_id: int
    route: LogRoute
    night_owl: bool
    """Whether the person works past midnight on some evenings."""
    cwd_style: Literal["linux", "mac", "windows", "container"]
    hosts: tuple[str, ...]
    """Names of the machines on which sessions run."""
    monthly_cost_cents: int | None
    hourly_cost_cents: int | None
    cost_currency: str = "USD"
    joined_on: date | None = None
    """None: before the story begins."""
    left_on: date | None = None
    """The last day; None: still there."""

    @property
    def email(self) -> str:
        """The work address, the same in every system that shows one."""
        return f"{self.key}@{MAIL_DOMAIN}"

    @property
    def git_email(self) -> str:
        """The address in git commits; for every third person another than the work address."""
        return f"{self.key}@users.noreply.example" if self.number % 3 == 0 else self.email

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.timezone)

    def works_on(self, day: date) -> bool:
        """Tell whether the person is with the agency on a day."""
        return (self.joined_on is None or day >= self.joined_on) and (self.left_on is None or day <= self.left_on)


@dataclass(frozen=True)
class Client:
    """A company that the agency works for."""

    number: int
    key: str
    name: str
    """Name in Clockify."""
    company_name: str
    clockify_id: str
    billing_model: Literal["retainer", "hourly"]
    currency: str
    retainer_cents: int | None = None
    parent: str | None = None
    """Key of the parent client."""
    tax_rate: str = "0"
    payment_terms: str = "net30"
    payment_delay_days: int = 32
    """How long after an invoice it pays."""
    country: str = "USA"
    city: str = ""


@dataclass(frozen=True)
class Project:
    """A piece of work for a client, or for the agency itself."""

    number: int
    key: str
    """Jira project key, such as DOCK."""
    name: str
    clockify_id: str
    client: str | None
    """Key of its client at the story's end; None for the agency's own."""
    basis: BillingBasis
    classification: Literal["billable", "internal", "overhead"] = "billable"
    rate_cents: int | None = None
    labels: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    """Full names, `organization/name`."""
    archived: bool = False
    former_client: str | None = None
    moved_on: date | None = None
    """First day with `client`; before it the project was `former_client`'s."""

    def client_on(self, day: date) -> str | None:
        """Return the key of the project's client on a day."""
        return self.former_client if self.moved_on is not None and day < self.moved_on else self.client


@dataclass(frozen=True)
class Repository:
    """A git repository on GitHub."""

    number: int
    github_id: int
    full_name: str
    project: str
    """Key of the project."""
    default_branch: str = "main"
    fork_of: str | None = None
    """Full name of the repository that it was forked from; a fork repeats its commits."""
    private: bool = True
    is_empty: bool = False
    """No commit yet: GitHub answers 409 to its commit list."""

    @property
    def name(self) -> str:
        """The name without the organization."""
        return self.full_name.rpartition("/")[2]


@dataclass(frozen=True)
class Application:
    """A deal in the contract pipeline: what one customer pays for one application."""

    application_id: str
    client: str
    project: str
    name: str
    application_type: Literal["SUP", "TM", "FIX"]
    labels: tuple[str, ...]
    currency: str
    hourly_rate_cents: int | None
    base_amount_cents: int | None
    monthly_limit_hours: int | None
    overtime_rate_cents: int | None
    monitoring_amount_cents: int | None
    calendar: str
    start_date: date
    end_date: date | None


@dataclass
class Transition:
    """A change of a ticket's status."""

    number: int
    """Site-wide number of the history."""
    at: datetime
    author: Developer
    before: str
    after: str


@dataclass
class Ticket:
    """A Jira issue with its whole history."""

    number: int
    """Site-wide issue id; never changes."""
    key: str
    project: Project
    kind: Literal["Task", "Bug", "Story", "Incident", "Meeting", "Epic"]
    priority: Literal["Highest", "High", "Medium", "Low", "Lowest"]
    summary: str
    created_at: datetime
    reporter: Developer
    assignee: Developer | None
    effort: int
    """Blocks of work until it is done."""
    story_points: float | None = None
    parent: Ticket | None = None
    labels: tuple[str, ...] = ()
    former_key: str | None = None
    """The key it had before it was moved from another project."""
    status: str = "To Do"
    transitions: list[Transition] = field(default_factory=list)
    worked: int = 0
    updated_at: datetime = datetime(2000, 1, 1, tzinfo=UTC)

    @property
    def status_category(self) -> str:
        """Jira's category of the status: new, indeterminate or done."""
        return STATUS_CATEGORIES[self.status]


STATUS_CATEGORIES = {"To Do": "new", "In Progress": "indeterminate", "In Review": "indeterminate", "Done": "done"}


@dataclass
class WorkBlock:
    """A stretch of work of one person on one ticket."""

    number: int
    developer: Developer
    ticket: Ticket
    project: Project
    client: str | None
    """Key of the project's client at the block's start."""
    repository: Repository | None
    branch: str
    start: datetime
    end: datetime
    with_ai: bool
    route: LogRoute
    """Where the person logged it."""
    parallel: bool = False
    """Whether it is a second session parallel to another block: observed, never logged."""

    @property
    def seconds(self) -> int:
        """Length in whole seconds."""
        return int((self.end - self.start).total_seconds())

    @property
    def local_date(self) -> date:
        """Date of the start in the developer's zone."""
        return self.start.astimezone(self.developer.zone).date()


@dataclass(frozen=True)
class Session:
    """A session of a coding assistant during a block."""

    session_id: str
    block: WorkBlock
    host: str
    cwd: str
    version: str
    model: str


@dataclass(frozen=True)
class Worklog:
    """Hours logged in Tempo; the ClickHouse mirror shows the same."""

    number: int
    developer: Developer
    ticket: Ticket
    start: datetime
    """UTC; `startDate` is its date in the developer's zone."""
    seconds: int
    billable_seconds: int
    description: str
    created_at: datetime
    updated_at: datetime
    jira_worklog_number: int

    @property
    def local_start(self) -> datetime:
        """Start in the developer's zone."""
        return self.start.astimezone(self.developer.zone)


@dataclass(frozen=True)
class Commit:
    """A git commit."""

    sha: str
    parents: tuple[str, ...]
    repository: Repository
    author: Developer | None
    """None: a bot."""
    bot: str | None
    message: str
    authored_at: datetime
    committed_at: datetime
    """Later than `authored_at` where the branch was rebased."""
    additions: int
    deletions: int
    changed_files: int
    branch: str
    pull_request: int | None
    """Number of its pull request."""
    co_authors: tuple[Developer, ...] = ()
    is_merge: bool = False


@dataclass
class PullRequest:
    """A pull request with its history."""

    github_id: int
    number: int
    """Per repository."""
    repository: Repository
    title: str
    ticket: Ticket | None
    author: Developer | None
    """None: a bot."""
    bot: str | None
    branch: str
    opened_at: datetime
    commits: list[Commit]
    reviewer: Developer | None = None
    first_review_at: datetime | None = None
    merged_at: datetime | None = None
    closed_at: datetime | None = None
    merge_commit: Commit | None = None
    """The squash, merge or last rebased commit on the default branch."""
    strategy: Literal["squash", "merge", "rebase"] = "squash"
    updated_at: datetime = datetime(2000, 1, 1, tzinfo=UTC)

    @property
    def state(self) -> Literal["open", "closed"]:
        """REST's state: merged ones are closed."""
        return "closed" if self.closed_at is not None else "open"

    @property
    def additions(self) -> int:
        """Lines added."""
        return sum(commit.additions for commit in self.commits)

    @property
    def deletions(self) -> int:
        """Lines deleted."""
        return sum(commit.deletions for commit in self.commits)


@dataclass(frozen=True)
class BankItem:
    """A login at a bank, Plaid's Item."""

    item_id: str
    access_token: str
    institution_id: str
    institution_name: str
    needs_login: bool = False
    """Whether the bank asks for the user's password again: ITEM_LOGIN_REQUIRED."""


@dataclass(frozen=True)
class BankAccount:
    """An account at a bank."""

    account_id: str
    item: BankItem
    mask: str
    name: str
    kind: Literal["checking", "savings", "credit"]
    scope: Literal["business", "personal"]
    currency: str
    balance_cents: int


@dataclass(frozen=True)
class Payment:
    """A bank transaction; `amount_cents` is positive when money leaves the account, as Plaid has it."""

    transaction_id: str
    account: BankAccount
    booked_on: date
    authorized_on: date | None
    amount_cents: int
    name: str
    merchant: str | None
    category: tuple[str, str]
    """Plaid's personal finance category: primary, detailed."""
    client: str | None = None
    """Key of the client whose payment it is."""
    pending: bool = False
    pending_id: str | None = None
    """Id of the pending transaction that it replaced."""


@dataclass
class Agency:
    """The whole story. Lists are in order of time, or of number where there is no time."""

    seed: int
    scale: float
    as_of: date
    start: date
    developers: list[Developer]
    clients: list[Client]
    projects: list[Project]
    repositories: list[Repository]
    applications: list[Application]
    tickets: list[Ticket] = field(default_factory=list)
    blocks: list[WorkBlock] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    worklogs: list[Worklog] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    pull_requests: list[PullRequest] = field(default_factory=list)
    items: list[BankItem] = field(default_factory=list)
    accounts: list[BankAccount] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)

    @property
    def end(self) -> datetime:
        """The end of the story: the beginning of `as_of`, UTC."""
        return datetime.combine(self.as_of, time(), UTC)

    def client(self, key: str) -> Client:
        """Return a client by key."""
        return next(row for row in self.clients if row.key == key)

    def project(self, key: str) -> Project:
        """Return a project by key."""
        return next(row for row in self.projects if row.key == key)

    def random(self, purpose: str) -> Random:
        """Return a separate random generator, so that no exporter affects another."""
        return Random(f"{self.seed}:{purpose}")


def object_id(created: datetime, text: str) -> str:
    """Return an id as Clockify's: the creation second in 8 hex digits, then 16 of a hash of `text`."""
    return f"{int(created.timestamp()):08x}{hashlib.sha256(text.encode()).hexdigest()[:16]}"


_DEVELOPERS: tuple[tuple[str, str, str, LogRoute, bool, str, int | None, int | None, str], ...] = (
    ("mira", "Mira Okafor", "America/New_York", "tempo", False, "mac", 1_020_000, None, "USD"),
    ("tomas", "Tomas Lindqvist", "Europe/Stockholm", "clockify", True, "linux", 810_000, None, "EUR"),
    ("priya", "Priya Raman", "Asia/Kolkata", "tempo", False, "linux", 520_000, None, "USD"),
    ("jonas", "Jonas Weber", "Europe/Berlin", "tempo", False, "linux", 760_000, None, "EUR"),
    ("ana", "Ana Sousa", "Europe/Lisbon", "clockify", False, "container", 540_000, None, "USD"),
    ("kenji", "Kenji Mori", "Asia/Tokyo", "none", True, "windows", 730_000, None, "USD"),
    ("lucia", "Lucía Fernández", "America/Argentina/Buenos_Aires", "none", False, "mac", 430_000, None, "USD"),
    ("sam", "Sam Whitfield", "America/Los_Angeles", "none", False, "mac", 980_000, None, "USD"),
    ("daria", "Daria Novak", "Europe/Warsaw", "clockify", False, "linux", 600_000, None, "USD"),
    ("eli", "Eli Brooks", "America/Denver", "manual", False, "linux", None, 5_200, "USD"),
)
_FIRST_NAMES = (
    "Noor",
    "Ivo",
    "Hana",
    "Bruno",
    "Salma",
    "Pavel",
    "Wren",
    "Tariq",
    "Edda",
    "Milo",
    "Zuri",
    "Otto",
    "Lena",
)
_LAST_NAMES = ("Abara", "Castell", "Duarte", "Elmi", "Farkas", "Greve", "Hoshino", "Ivanova", "Jansen", "Kovac", "Lund")
_ZONES = tuple(row[2] for row in _DEVELOPERS[:8])
_LEAVER, _JOINER = "daria", "eli"

_CLIENTS_CREATED = datetime(2023, 12, 4, 8, 30, tzinfo=UTC)


def _client(number: int, key: str, name: str, company_name: str, **terms: Any) -> Client:
    clockify_id = object_id(_CLIENTS_CREATED + timedelta(days=9 * number), f"client {key}")
    values = {"billing_model": "hourly", "currency": "USD", **terms}
    return Client(number=number, key=key, name=name, company_name=company_name, clockify_id=clockify_id, **values)


_CLIENTS = (
    _client(
        1, "harborlight", "Harborlight Logistics", "Harborlight Logistics Inc", billing_model="retainer",
        retainer_cents=1_800_000, city="Baltimore", payment_delay_days=29,
    ),
    _client(
        2, "labs", "Harborlight Labs", "Harborlight Labs Inc", parent="harborlight", payment_terms="net45",
        city="Baltimore", payment_delay_days=47,
    ),
    _client(
        3, "otter", "Otter's Print Works", "Otter's Print Works", payment_terms="net15", tax_rate="0.0825",
        city="Denver", payment_delay_days=14,
    ),
    _client(
        4, "caldera", "Caldera Health", "Caldera Health GmbH", currency="EUR", tax_rate="0.19", country="Germany",
        city="Bremen", payment_delay_days=35,
    ),
    _client(
        5, "nimbus", "Nimbus Rail", "Nimbus Rail Systems Ltd", payment_terms="net60", city="Portland",
        payment_delay_days=66,
    ),
)  # fmt: skip

_PROJECTS: tuple[tuple[str, str, str | None, BillingBasis, int | None, bool], ...] = (
    ("DOCK", "Dock Scheduler", "harborlight", "client_terms", None, True),
    ("FLEET", "Fleet Portal", "harborlight", "client_terms", None, True),
    ("ORA", "Route Oracle", "labs", "client_terms", 14_500, True),
    ("SENS", "Sensor Hub", "labs", "client_terms", 13_000, True),
    ("SHOP", "Print Shop", "otter", "contract", 9_500, True),
    ("WIT", "Workshop IT", "otter", "contract", None, False),
    ("NEWS", "Newsletter", "otter", "contract", None, True),
    ("PDESK", "Patient Desk", "caldera", "application", None, True),
    ("LAB", "Lab Link", "caldera", "application", None, True),
    ("CARE", "Care Support", "caldera", "application", None, True),
    ("RAIL", "Timetable API", "nimbus", "billing_rule", 12_000, True),
    ("KIOSK", "Ticket Kiosk", "nimbus", "billing_rule", None, True),
    ("PROX", "Proxima", None, "none", None, True),
    ("EDU", "Education", None, "none", None, False),
    ("INFRA", "Internal-Infra", None, "none", None, True),
)
_ARCHIVED = "NEWS"
_MOVED = "SENS"
_ADJECTIVES = ("Amber", "Brisk", "Cobalt", "Dapper", "Elder", "Fabled", "Gentle", "Hollow", "Ivory", "Jolly", "Keen")
_NOUNS = ("Bakery", "Foundry", "Gardens", "Instruments", "Ferries", "Mills", "Orchards", "Press", "Tiles", "Vineyards")
_THINGS = (
    "booking form", "export job", "login screen", "price table", "sync worker", "status page", "search index",
    "audit trail", "invoice view", "mail queue", "map layer", "report filter", "import wizard", "cache warmer",
    "webhook handler", "settings panel", "retry logic", "token refresh", "unit converter", "upload dialog",
)  # fmt: skip
_ACTS = {
    "Task": ("Tidy up", "Document", "Measure", "Upgrade", "Split"),
    "Bug": ("Fix crash in", "Fix wrong dates in", "Stop duplicates from", "Mend slow"),
    "Story": ("Add", "Offer", "Let users share", "Show history in"),
    "Incident": ("Outage of", "Data missing in", "Alerts from"),
    "Meeting": ("Weekly call about",),
    "Epic": ("Rework of",),
}
_VERSIONS = ("1.0.117", "2.0.14", "2.0.76", "2.1.12", "2.1.97", "2.1.144", "2.1.181")
_MODELS = (
    ("claude-sonnet-4-5-20250929", 0.30),
    ("claude-opus-4-5-20251101", 0.20),
    ("claude-sonnet-4-6", 0.20),
    ("claude-opus-5", 0.12),
    ("claude-haiku-4-5-20251001", 0.10),
    ("claude-sonnet-5", 0.08),
)
_RECENT_MODELS = (
    ("claude-fable-5-1", date(2026, 9, 1)),
    ("claude-opus-5-5", date(2026, 9, 1)),
    ("claude-sonnet-5-5", date(2026, 9, 28)),
    ("claude-haiku-5-5", date(2026, 10, 7)),
)
"""Models with the first day of their price, before which they are not used."""
_BOT = "dependabot[bot]"


def tell_story(seed: int, scale: float, as_of: date, months: int = 6) -> Agency:
    """Make up the agency.

    Args:
        seed: each seed gives another story.
        scale: 1 is the size that the seed documents state.
        as_of: the day before which everything happened.
        months: how many months the work goes back.

    Returns:
        The story, the same for the same arguments.

    Raises:
        ValueError: the scale is not positive or there is no month.
    """
    if scale <= 0 or months < 1:
        raise ValueError("The scale must be above 0 and the story at least one month long.")
    return _Storyteller(seed, scale, as_of, months).tell()


def months_before(day: date, count: int) -> date:
    """Return the same day of an earlier month, or that month's last day."""
    index = day.year * 12 + day.month - 1 - count
    year, month = divmod(index, 12)
    first_of_next = date(year + (month == 11), month % 12 + 2 if month < 11 else 1, 1)
    return date(year, month + 1, min(day.day, (first_of_next - timedelta(days=1)).day))


class _Storyteller:
    """Builds the story day by day."""

    def __init__(self, seed: int, scale: float, as_of: date, months: int) -> None:
        self.random = Random(f"{seed}:story")
        start = months_before(as_of, months)
        developers = self._developers(scale, start, as_of)
        clients = self._clients(scale)
        projects = self._projects(clients, start, as_of)
        self.agency = Agency(
            seed, scale, as_of, start, developers, clients, projects, _repositories(projects), _applications(start)
        )
        self.end = self.agency.end
        self.by_repository = {repository.full_name: repository for repository in self.agency.repositories}
        self.assignments = self._assignments()
        self.open: dict[str, list[Ticket]] = {project.key: [] for project in projects}
        self.counters: dict[str, int] = {project.key: 0 for project in projects}
        self.branches: dict[tuple[str, str], list[Commit]] = {}
        self.heads: dict[str, str] = {}
        self.pull_numbers: dict[str, int] = {}
        self.histories = 20_000
        self.epics: dict[str, Ticket] = {}

    def _developers(self, scale: float, start: date, as_of: date) -> list[Developer]:
        count = max(3, round(10 * scale))
        hired = datetime(2023, 11, 7, 9, tzinfo=UTC)
        developers = []
        for number in range(1, count + 1):
            if number <= len(_DEVELOPERS):
                key, name, zone, route, owl, style, monthly, hourly, currency = _DEVELOPERS[number - 1]
            else:
                first = _FIRST_NAMES[number % len(_FIRST_NAMES)]
                last = _LAST_NAMES[number // len(_FIRST_NAMES) % len(_LAST_NAMES)]
                key, name, zone = f"{first.lower()}{number}", f"{first} {last}", _ZONES[number % len(_ZONES)]
                route = ("clockify", "tempo", "none")[number % 3]
                owl, style = number % 5 == 0, ("linux", "mac")[number % 2]
                monthly, hourly, currency = 500_000 + 10_000 * (number % 40), None, "USD"
            hosts = (f"{key}-desktop", f"{key}-laptop") if style == "container" else (f"{key}-{style}",)
            developers.append(
                Developer(
                    number=number,
                    key=key,
                    name=name,
                    timezone=zone,
                    clockify_id=object_id(hired + timedelta(days=11 * number), f"user {key}"),
                    jira_account_id=f"712020:{uuid.uuid5(uuid.NAMESPACE_DNS, f'{key}.{MAIL_DOMAIN}')}",
                    github_login=None if key == "eli" else f"{key}-codes",
                    github_id=48_000_000 + 713 * number,
                    route=route,
                    night_owl=owl,
                    cwd_style=style,  # type: ignore[arg-type]
                    hosts=hosts,
                    monthly_cost_cents=monthly,
                    hourly_cost_cents=hourly,
                    cost_currency=currency,
                    joined_on=as_of - timedelta(days=45) if key == _JOINER else None,
                    left_on=max(as_of - timedelta(days=60), start) if key == _LEAVER else None,
                )
            )
        return developers

    def _clients(self, scale: float) -> list[Client]:
        clients = list(_CLIENTS)
        for number in range(len(_CLIENTS) + 1, round(len(_CLIENTS) * scale) + 1):
            name = f"{_ADJECTIVES[number % len(_ADJECTIVES)]} {_NOUNS[number // len(_ADJECTIVES) % len(_NOUNS)]}"
            name += f" {number}" if number > len(_ADJECTIVES) * len(_NOUNS) else ""
            clients.append(_client(number, f"client{number}", name, f"{name} Ltd"))
        return clients

    def _projects(self, clients: list[Client], start: date, as_of: date) -> list[Project]:
        created = datetime(2024, 1, 15, 10, tzinfo=UTC)
        moved_on = (start + (as_of - start) / 2).replace(day=1)
        rows: list[tuple[str, str, str | None, BillingBasis, int | None, bool]] = list(_PROJECTS)
        for newcomer in clients[len(_CLIENTS) :]:
            for letter, thing in zip("ABC", ("Storefront", "Backoffice", "Mobile App"), strict=True):
                rows.append(
                    (
                        f"C{newcomer.number}{letter}",
                        f"{newcomer.name} {thing}",
                        newcomer.key,
                        "client_terms",
                        11_000,
                        True,
                    )
                )
        projects = []
        for number, (key, name, client, basis, rate, has_repository) in enumerate(rows, start=1):
            # Two projects imported in the same second: the first eight digits of their ids are equal (rule 1.12).
            second = created + timedelta(days=6 * (number if key != "KIOSK" else number - 1))
            slug = name.lower().replace(" ", "-")
            repositories: tuple[str, ...] = (f"{GITHUB_ORGANIZATION}/{slug}",) if has_repository else ()
            if key == "FLEET":
                repositories += (f"{GITHUB_ORGANIZATION}/fleet-mobile",)
            classification = {"PROX": "internal", "EDU": "internal", "INFRA": "overhead"}.get(key, "billable")
            projects.append(
                Project(
                    number=number,
                    key=key,
                    name=name,
                    clockify_id=object_id(second, f"project {key}"),
                    client=client,
                    basis=basis,
                    classification=classification,  # type: ignore[arg-type]
                    rate_cents=rate,
                    labels=(slug,) if basis == "application" else (),
                    repositories=repositories,
                    archived=key == _ARCHIVED,
                    former_client="harborlight" if key == _MOVED else None,
                    moved_on=moved_on if key == _MOVED else None,
                )
            )
        return projects

    def _assignments(self) -> dict[str, list[tuple[Project, float]]]:
        """Give each developer two to five projects with weights; Tempo people get the clients billed by worklog."""
        agency, chance = self.agency, self.random
        live = [project for project in agency.projects if project.classification == "billable" and not project.archived]
        applications = [project for project in live if project.basis == "application"]
        others = [project for project in live if project.basis != "application" and project.key != "WIT"]
        internal = [project for project in agency.projects if project.classification != "billable"]
        result = {}
        for developer in agency.developers:
            if developer.route == "tempo":
                chosen = chance.sample(applications, min(3, len(applications))) + chance.sample(others, 1)
            elif developer.route == "manual":
                chosen = [project for project in live if project.key in ("WIT", "SHOP")]
            else:
                chosen = chance.sample(others, min(4, len(others)))
            weights = [5.0, 3.0, 2.0, 1.0][: len(chosen)]
            result[developer.key] = [*zip(chosen, weights, strict=True), (chance.choice(internal), 0.7)]
        return result

    def tell(self) -> Agency:
        """Go through the days."""
        agency = self.agency
        self._standing_tickets()
        for offset in range((agency.as_of - agency.start).days):
            day = agency.start + timedelta(days=offset)
            for developer in agency.developers:
                if developer.works_on(day):
                    self._day(developer, day)
            self._bot(day)
        self._launch_days()
        agency.blocks.sort(key=lambda block: (block.start, block.number))
        self._sessions()
        self._worklogs()
        self._finish_pull_requests()
        self._move_a_ticket()
        agency.commits.sort(key=lambda commit: (commit.committed_at, commit.sha))
        agency.pull_requests.sort(key=lambda pull: (pull.opened_at, pull.github_id))
        agency.tickets.sort(key=lambda ticket: ticket.number)
        self._bank()
        return agency

    def _launch_days(self) -> None:
        """On two Saturdays somebody works more than 8 hours on the project whose rule pays overtime.

        Nothing here is random, so that the rest of the story does not change.
        """
        agency = self.agency
        tickets = [ticket for ticket in agency.tickets if ticket.project.key == "RAIL" and ticket.kind != "Epic"]
        busy = {(block.developer.key, block.local_date) for block in agency.blocks}
        developer = next((each for each in agency.developers if each.route == "clockify"), None)
        if developer is None or not tickets:
            return
        days = (agency.as_of - timedelta(days=offset) for offset in range(5, (agency.as_of - agency.start).days))
        free = [
            day for day in days if day.weekday() == 5 and developer.works_on(day) and (developer.key, day) not in busy
        ]
        for day in (free[0], free[-1]) if len(free) > 1 else free:
            ticket = max(
                (each for each in tickets if each.created_at.date() < day), key=lambda each: each.number, default=None
            )
            if ticket is None:
                continue
            for first, last in ((time(8, 30), time(12, 50)), (time(13, 20), time(18, 25))):
                start, end = (datetime.combine(day, moment, developer.zone) for moment in (first, last))
                self._block(developer, ticket, start, end, None, "", with_ai=False, route="clockify")

    # Tickets

    def _standing_tickets(self) -> None:
        """Open an epic per project, and the weekly call of those billed by worklog."""
        agency = self.agency
        opened = datetime.combine(agency.start, time(7), UTC) - timedelta(days=20)
        for project in agency.projects:
            lead = agency.developers[project.number % len(agency.developers)]
            lead = lead if lead.joined_on is None else agency.developers[0]
            self.epics[project.key] = self._ticket(project, lead, opened, "Epic")
            if project.basis == "application":
                self._ticket(project, lead, opened + timedelta(hours=1), "Meeting")

    def _ticket(self, project: Project, reporter: Developer, at: datetime, kind: str | None = None) -> Ticket:
        chance = self.random
        if kind is None:
            kinds = ("Task", "Bug", "Story", "Incident") if project.basis == "application" else ("Task", "Bug", "Story")
            kind = chance.choices(kinds, (4, 3, 3, 2)[: len(kinds)])[0]
        self.counters[project.key] += 1
        ticket = Ticket(
            number=10_000 + len(self.agency.tickets),
            key=f"{project.key}-{self.counters[project.key]}",
            project=project,
            kind=kind,  # type: ignore[arg-type]
            priority=chance.choices(("Highest", "High", "Medium", "Low", "Lowest"), (1, 3, 8, 3, 1))[0],
            summary=f"{chance.choice(_ACTS[kind])} {chance.choice(_THINGS)}",
            created_at=at,
            reporter=reporter,
            assignee=reporter if chance.random() < 0.9 else None,
            effort=chance.randint(2, 4) if kind == "Incident" else chance.randint(14, 30),
            story_points=chance.choice((1.0, 2.0, 3.0, 5.0, 8.0)) if kind in ("Story", "Bug") else None,
            parent=None if kind == "Epic" else self.epics.get(project.key),
            labels=project.labels,
            updated_at=at,
        )
        self.agency.tickets.append(ticket)
        if kind not in ("Epic", "Meeting"):
            self.open[project.key].append(ticket)
        return ticket

    def _move(self, ticket: Ticket, author: Developer, at: datetime, status: str) -> None:
        if ticket.status == status:
            return
        at = max(at, ticket.updated_at + timedelta(seconds=1))
        self.histories += 1
        ticket.transitions.append(Transition(self.histories, at, author, ticket.status, status))
        ticket.status, ticket.updated_at = status, at

    def _pick_ticket(self, developer: Developer, project: Project, at: datetime) -> Ticket:
        mine = [ticket for ticket in self.open[project.key] if ticket.assignee in (developer, None)]
        if not mine or self.random.random() < 0.01:
            return self._ticket(project, developer, at - timedelta(hours=self.random.randint(1, 60)))
        return mine[-1] if self.random.random() < 0.7 else self.random.choice(mine)

    def _move_a_ticket(self) -> None:
        """Move one ticket to another project: its key changes, its number stays."""
        candidates = [ticket for ticket in self.agency.tickets if ticket.project.key == "ORA" and ticket.kind == "Bug"]
        if candidates:
            ticket = candidates[0]
            self.counters["SENS"] += 1
            ticket.former_key, ticket.key = ticket.key, f"SENS-{self.counters['SENS']}"
            ticket.project = self.agency.project("SENS")
            ticket.updated_at = min(ticket.updated_at + timedelta(hours=2), self.end - timedelta(minutes=5))

    # Days

    def _day(self, developer: Developer, day: date) -> None:
        chance = self.random
        weekend = day.weekday() >= 5
        on_leave = (day.toordinal() // 7 + 5 * developer.number) % 23 == 0
        if on_leave or (weekend and chance.random() > 0.08) or (not weekend and chance.random() > 0.95):
            return
        clock = datetime.combine(day, time(8, 30), developer.zone) + timedelta(minutes=chance.randint(0, 110))
        for turn in range(1 if weekend else chance.choice((2, 3, 3, 3))):
            if turn == 0 and day.weekday() == 0 and developer.route == "tempo":
                clock = self._call(developer, clock)
            length = timedelta(minutes=chance.randint(75, 165), seconds=chance.randint(0, 59))
            self._work(developer, clock, clock + length)
            clock += length + timedelta(minutes=chance.choice((5, 12, 25, 55)))
        if developer.night_owl and chance.random() < 0.3:
            late = datetime.combine(day, time(22, 20), developer.zone) + timedelta(minutes=chance.randint(0, 50))
            self._work(developer, late, late + timedelta(minutes=chance.randint(95, 170)))

    def _call(self, developer: Developer, clock: datetime) -> datetime:
        """The weekly call of a worklog-billed project: shorter than the minimum billed."""
        calls = [ticket for ticket in self.agency.tickets if ticket.kind == "Meeting"]
        ticket = calls[developer.number % len(calls)]
        end = clock + timedelta(minutes=self.random.choice((15, 20, 25, 45)))
        self._block(developer, ticket, clock, end, None, "", with_ai=False, route="tempo")
        return end + timedelta(minutes=5)

    def _choose(self, developer: Developer) -> Project:
        assigned = self.assignments[developer.key]
        return self.random.choices([row[0] for row in assigned], [row[1] for row in assigned])[0]

    def _work(self, developer: Developer, start: datetime, end: datetime) -> None:
        chance = self.random
        project = self._choose(developer)
        ticket = self._pick_ticket(developer, project, start.astimezone(UTC))
        repository = self.by_repository[chance.choice(project.repositories)] if project.repositories else None
        slug = "-".join(ticket.summary.lower().split()[:3])
        branch = (
            f"{'fix' if ticket.kind in ('Bug', 'Incident') else 'feature'}/{ticket.key}-{slug}" if repository else ""
        )
        with_ai = developer.route != "manual" and chance.random() < 0.85
        route: LogRoute = developer.route
        if route == "tempo" and project.classification != "billable" and chance.random() < 0.5:
            route = "clockify"
        elif route in ("clockify", "tempo") and chance.random() < 0.12:
            # Forgotten: on that day the observed time counts (rule 6.6).
            route = "none"
        block = self._block(developer, ticket, start, end, repository, branch, with_ai=with_ai, route=route)
        if block is None:
            return
        if with_ai and chance.random() < 0.22:
            other = self._choose(developer)
            aside = self._pick_ticket(developer, other, block.start)
            place = self.by_repository[other.repositories[0]] if other.repositories else None
            begin = start + (end - start) * chance.uniform(0.2, 0.5)
            side_branch = f"feature/{aside.key}-aside" if place else ""
            self._block(
                developer, aside, begin, min(end, begin + timedelta(minutes=70)), place, side_branch,
                with_ai=True, route="none", parallel=True,
            )  # fmt: skip
        if repository is not None:
            self._commit(block)
        self._progress(block)

    def _block(
        self,
        developer: Developer,
        ticket: Ticket,
        start: datetime,
        end: datetime,
        repository: Repository | None,
        branch: str,
        *,
        with_ai: bool,
        route: LogRoute,
        parallel: bool = False,
    ) -> WorkBlock | None:
        start, end = start.astimezone(UTC), end.astimezone(UTC)
        if end >= self.end:
            return None
        client = ticket.project.client_on(start.astimezone(developer.zone).date())
        block = WorkBlock(
            len(self.agency.blocks) + 1, developer, ticket, ticket.project, client, repository, branch, start, end,
            with_ai, route, parallel,
        )  # fmt: skip
        self.agency.blocks.append(block)
        return block

    def _progress(self, block: WorkBlock) -> None:
        """Move the ticket through its statuses."""
        ticket = block.ticket
        ticket.worked += 1
        self._move(ticket, block.developer, block.start, "In Progress")
        if ticket.worked >= ticket.effort:
            self._move(ticket, block.developer, block.end, "In Review")
            done = block.end + timedelta(hours=self.random.randint(1, 40))
            if done < self.end:
                reviewer = self._colleague(block.developer, block.local_date)
                self._move(ticket, reviewer, done, "Done")
            self.open[block.project.key].remove(ticket)
            self._open_pull_request(block, ticket)
        elif ticket.worked % 8 == 0:
            self._open_pull_request(block, ticket)
        if self.random.random() < 0.02 and ticket.status == "In Progress":
            self._move(ticket, block.developer, block.end, "To Do")

    def _colleague(self, developer: Developer, day: date) -> Developer:
        others = [other for other in self.agency.developers if other is not developer and other.works_on(day)]
        return self.random.choice(others)

    # Git

    def _sha(self, text: str) -> str:
        return hashlib.sha1(f"{self.agency.seed}:{text}".encode(), usedforsecurity=False).hexdigest()

    def _commit(self, block: WorkBlock) -> None:
        chance, developer, repository = self.random, block.developer, block.repository
        if repository is None:
            return
        place = (repository.full_name, block.branch)
        for turn in range(chance.choice((0, 0, 1, 1, 2))):
            at = block.start + (block.end - block.start) * chance.uniform(0.4, 0.98)
            at = at.replace(microsecond=0)
            words = f"{chance.choice(('Rework', 'Fix', 'Add', 'Test', 'Rename'))} {chance.choice(_THINGS)}"
            message = f"{block.ticket.key}: {words}" if chance.random() < 0.8 else words
            helpers: tuple[Developer, ...] = ()
            if chance.random() < 0.05:
                helpers = (self._colleague(developer, block.local_date),)
                message += f"\n\nCo-authored-by: {helpers[0].name} <{helpers[0].git_email}>"
            if block.with_ai and chance.random() < 0.5:
                message += "\n" * (1 if helpers else 2) + "Co-Authored-By: Claude <noreply@anthropic.com>"
            branch = self.branches.setdefault(place, [])
            parent = branch[-1].sha if branch else self.heads.get(repository.full_name)
            # A rebase keeps the author's date and changes the committer's (vendors 4.4).
            committed = min(at + timedelta(hours=3), self.end - timedelta(minutes=1)) if chance.random() < 0.04 else at
            commit = Commit(
                sha=self._sha(f"{block.number}.{turn}"),
                parents=(parent,) if parent else (),
                repository=repository,
                author=developer,
                bot=None,
                message=message,
                authored_at=at,
                committed_at=committed,
                additions=int(chance.lognormvariate(3.4, 1.1)) + 1,
                deletions=int(chance.lognormvariate(2.4, 1.2)),
                changed_files=chance.randint(1, 9),
                branch=block.branch,
                pull_request=None,
                co_authors=helpers,
            )
            branch.append(commit)
            self.agency.commits.append(commit)

    def _open_pull_request(self, block: WorkBlock, ticket: Ticket) -> None:
        """Open pull requests for the ticket's branches."""
        for repository_name in block.project.repositories:
            place = (repository_name, block.branch)
            commits = self.branches.pop(place, [])
            if commits:
                self._pull_request(commits, ticket, block.developer, None, block.end, f"{ticket.key} {ticket.summary}")

    def _pull_request(
        self,
        commits: list[Commit],
        ticket: Ticket | None,
        author: Developer | None,
        bot: str | None,
        at: datetime,
        title: str,
    ) -> None:
        chance = self.random
        repository = commits[0].repository
        number = self.pull_numbers[repository.full_name] = self.pull_numbers.get(repository.full_name, 0) + 1
        opened = max(at, max(commit.committed_at for commit in commits)) + timedelta(minutes=2)
        if opened >= self.end:
            opened = self.end - timedelta(minutes=1)
        pull = PullRequest(
            github_id=1_900_000_000 + 17 * (len(self.agency.pull_requests) + 1),
            number=number,
            repository=repository,
            title=title,
            ticket=ticket,
            author=author,
            bot=bot,
            branch=commits[0].branch,
            opened_at=opened,
            commits=commits,
            strategy=chance.choices(("squash", "merge", "rebase"), (6, 2, 1))[0],
            updated_at=opened,
        )
        self.agency.pull_requests.append(pull)

    def _bot(self, day: date) -> None:
        """Let a bot open an update every two weeks."""
        if day.toordinal() % 14 or not self.agency.repositories:
            return
        repository = self.random.choice(
            [row for row in self.agency.repositories if not row.fork_of and not row.is_empty]
        )
        at = datetime.combine(day, time(4, 17), UTC)
        text = f"Bump left-shelf from 1.{day.month}.0 to 1.{day.month}.1"
        commit = Commit(
            self._sha(f"bot {day}"), (), repository, None, _BOT, text, at, at, 3, 3, 2, f"bump/left-shelf-{day}", None
        )
        self.agency.commits.append(commit)
        self._pull_request([commit], None, None, _BOT, at, text)

    def _finish_pull_requests(self) -> None:
        """Review and close the open pull requests, in order of time, with the commits that a merge makes."""
        chance = self.random
        numbered = {}
        for pull in sorted(self.agency.pull_requests, key=lambda row: (row.opened_at, row.github_id)):
            for commit in pull.commits:
                numbered[commit.sha] = pull.number
            if pull.author is not None:
                pull.reviewer = self._colleague(pull.author, pull.opened_at.date())
            review = pull.opened_at + timedelta(minutes=chance.randint(20, 1500))
            if review >= self.end:
                continue
            if pull.reviewer is not None:
                pull.first_review_at = pull.updated_at = review
            closed = review + timedelta(minutes=chance.randint(5, 900))
            if closed >= self.end:
                continue
            pull.closed_at = pull.updated_at = closed
            if chance.random() < 0.06:
                continue
            pull.merged_at = closed
            pull.merge_commit = self._merge(pull, closed)
        self.agency.commits = [
            commit if commit.sha not in numbered else _with_pull_request(commit, numbered[commit.sha])
            for commit in self.agency.commits
        ]

    def _merge(self, pull: PullRequest, at: datetime) -> Commit:
        head = self.heads.get(pull.repository.full_name)
        parents = tuple(sha for sha in (head, pull.commits[-1].sha if pull.strategy == "merge" else None) if sha)
        squash = pull.strategy == "squash"
        kind = {"squash": f"{pull.title} (#{pull.number})", "merge": f"Merge pull request #{pull.number}"}
        commit = Commit(
            sha=self._sha(f"merge {pull.github_id}"),
            parents=parents,
            repository=pull.repository,
            author=pull.author,
            bot=pull.bot,
            message=kind.get(pull.strategy, pull.commits[-1].message),
            authored_at=pull.commits[-1].authored_at if pull.strategy == "rebase" else at,
            committed_at=at,
            additions=pull.additions if squash else 0 if pull.strategy == "merge" else pull.commits[-1].additions,
            deletions=pull.deletions if squash else 0 if pull.strategy == "merge" else pull.commits[-1].deletions,
            changed_files=max(commit.changed_files for commit in pull.commits),
            branch=pull.repository.default_branch,
            pull_request=pull.number,
            is_merge=pull.strategy == "merge",
        )
        self.heads[pull.repository.full_name] = commit.sha
        self.agency.commits.append(commit)
        return commit

    # What blocks leave behind

    def _sessions(self) -> None:
        chance, agency = self.random, self.agency
        names, weights = zip(*_MODELS, strict=True)
        span = (agency.as_of - agency.start).days or 1
        for block in agency.blocks:
            if not block.with_ai:
                continue
            age = (block.start.date() - agency.start).days / span
            version = _VERSIONS[min(int(age * 5) + chance.choice((0, 0, 1, 2)), len(_VERSIONS) - 1)]
            day = block.start.date()
            recent = [name for name, first in _RECENT_MODELS if day > first and chance.random() < 0.3]
            agency.sessions.append(
                Session(
                    session_id=str(uuid.UUID(int=chance.getrandbits(128), version=4)),
                    block=block,
                    host=chance.choice(block.developer.hosts),
                    cwd=working_directory(block.developer, block.repository, block.project),
                    version=version,
                    model=recent[-1] if recent else chance.choices(names, weights)[0],
                )
            )

    def _worklogs(self) -> None:
        chance = self.random
        for block in self.agency.blocks:
            if block.route != "tempo":
                continue
            seconds = max(60, round(block.seconds / 300) * 300)
            billable = 0 if block.project.classification != "billable" or chance.random() < 0.03 else seconds
            created = min(block.end + timedelta(minutes=chance.randint(1, 300)), self.end - timedelta(minutes=2))
            # Real data shows updatedAt a second before createdAt now and then (vendors 3.2).
            drift = chance.choices((0, -1, chance.randint(60, 90_000)), (80, 5, 15))[0]
            number = 41_000 + len(self.agency.worklogs)
            self.agency.worklogs.append(
                Worklog(
                    number=number + (2**31 if number % 50 == 0 else 0),
                    developer=block.developer,
                    ticket=block.ticket,
                    start=block.start.replace(second=0),
                    seconds=seconds,
                    billable_seconds=billable,
                    description=f"{block.ticket.summary}" if chance.random() < 0.9 else "",
                    created_at=created,
                    updated_at=min(created + timedelta(seconds=drift), self.end - timedelta(minutes=1)),
                    jira_worklog_number=70_000 + len(self.agency.worklogs),
                )
            )

    # The bank

    def _bank(self) -> None:
        agency = self.agency
        items = [
            BankItem("item-lantern-business", "access-sandbox-lantern-business", "ins_127989", "Riverbend Bank"),
            BankItem("item-lantern-personal", "access-sandbox-lantern-personal", "ins_56", "Hearth Credit Union"),
            BankItem("item-lantern-old", "access-sandbox-lantern-old", "ins_9", "Old Mill Savings", needs_login=True),
        ]
        agency.items = items
        agency.accounts = [
            BankAccount(
                "acc-checking", items[0], "5809", "Business Checking", "checking", "business", "USD", 21_440_012
            ),
            BankAccount("acc-savings", items[0], "7714", "Tax Reserve", "savings", "business", "USD", 6_000_000),
            BankAccount("acc-card", items[0], "3003", "Business Card", "credit", "business", "USD", 412_055),
            BankAccount("acc-home", items[1], "1188", "Everyday Checking", "checking", "personal", "USD", 388_310),
            BankAccount("acc-old", items[2], "0042", "Old Account", "checking", "business", "USD", 0),
        ]
        payments = sorted(self._payments(), key=lambda payment: (payment.booked_on, payment.transaction_id))
        agency.payments = [payment for payment in payments if payment.booked_on < agency.as_of]

    def _payments(self) -> Iterator[Payment]:
        agency = self.agency
        checking, savings, card, home, _ = agency.accounts
        months = sorted({(block.start.year, block.start.month) for block in agency.blocks})
        developers_per_ten = max(1.0, len(agency.developers) / 10)
        for year, month in months:
            first = date(year, month, 1)
            yield from self._income(first)
            yield from self._fixed_costs(first, checking, savings, card, home)
            for turn in range(round(22 * developers_per_ten)):
                yield from self._purchase(first, turn, card if turn % 3 else checking)
            for turn in range(8):
                yield self._entry(
                    home, self._day_of(first), self.random.randint(600, 14_000), "GROCER CO-OP", "Grocer Co-op",
                    ("FOOD_AND_DRINK", "FOOD_AND_DRINK_GROCERIES"), f"home {first} {turn}",
                )  # fmt: skip

    def _day_of(self, first: date) -> date:
        return first + timedelta(days=self.random.randint(0, 27))

    def _entry(
        self,
        account: BankAccount,
        day: date,
        cents: int,
        name: str,
        merchant: str | None,
        category: tuple[str, str],
        key: str,
        client: str | None = None,
        *,
        pending: bool = False,
        pending_id: str | None = None,
    ) -> Payment:
        text = hashlib.sha256(f"{self.agency.seed}:{key}".encode()).hexdigest()
        return Payment(
            # Plaid's ids are case-sensitive: some of these differ only in case.
            transaction_id=f"txn{text[:24].upper() if len(key) % 2 else text[:24]}",
            account=account,
            booked_on=day,
            authorized_on=day - timedelta(days=1) if cents > 0 and account.kind == "credit" else None,
            amount_cents=cents,
            name=name,
            merchant=merchant,
            category=category,
            client=client,
            pending=pending,
            pending_id=pending_id,
        )

    def _income(self, first: date) -> Iterator[Payment]:
        """What clients pay for the month that begins on `first`."""
        hours: dict[str, int] = {}
        for block in self.agency.blocks:
            if (
                block.client
                and (block.start.year, block.start.month) == (first.year, first.month)
                and not block.parallel
            ):
                hours[block.client] = hours.get(block.client, 0) + block.seconds
        invoiced = (first + timedelta(days=32)).replace(day=1)
        checking = self.agency.accounts[0]
        for client in self.agency.clients:
            seconds = hours.get(client.key, 0)
            amount = client.retainer_cents or seconds * 11_500 // 3600
            if not amount:
                continue
            paid = invoiced + timedelta(days=client.payment_delay_days)
            category = ("INCOME", "INCOME_OTHER_INCOME")
            name = f"ACH CREDIT {client.company_name.upper()} INV {first:%Y%m}"
            if client.currency != "USD":
                # The bank books dollars, whatever the invoice's currency.
                amount = amount * 108 // 100
                name = f"WIRE IN {client.company_name.upper()}"
            if client.key == "labs" and first.month % 3 == 0:
                half = amount // 2
                yield self._entry(checking, paid, -half, name, None, category, f"in {client.key} {first} a", client.key)
                paid, amount = paid + timedelta(days=9), amount - half
            yield self._entry(checking, paid, -amount, name, None, category, f"in {client.key} {first}", client.key)

    def _fixed_costs(
        self, first: date, checking: BankAccount, savings: BankAccount, card: BankAccount, home: BankAccount
    ) -> Iterator[Payment]:
        last = first + timedelta(days=27)
        for developer in self.agency.developers:
            if developer.monthly_cost_cents and developer.works_on(first):
                yield self._entry(
                    checking, last, developer.monthly_cost_cents, f"PAYROLL {developer.name.upper()}", None,
                    ("GENERAL_SERVICES", "GENERAL_SERVICES_OTHER_GENERAL_SERVICES"), f"pay {developer.key} {first}",
                )  # fmt: skip
        rent = ("RENT_AND_UTILITIES", "RENT_AND_UTILITIES_RENT")
        yield self._entry(
            checking, first + timedelta(days=2), 420_000, "RENT PIER 9 STUDIO", "Pier 9", rent, f"rent {first}"
        )
        power = ("RENT_AND_UTILITIES", "RENT_AND_UTILITIES_GAS_AND_ELECTRICITY")
        yield self._entry(
            checking, first + timedelta(days=11), 31_277, "CITY POWER", "City Power", power, f"power {first}"
        )
        out, into = ("TRANSFER_OUT", "TRANSFER_OUT_ACCOUNT_TRANSFER"), ("TRANSFER_IN", "TRANSFER_IN_ACCOUNT_TRANSFER")
        day = first + timedelta(days=15)
        yield self._entry(checking, day, 500_000, "TRANSFER TO SAVINGS 7714", None, out, f"save out {first}")
        yield self._entry(savings, day, -500_000, "TRANSFER FROM CHECKING 5809", None, into, f"save in {first}")
        loan = ("LOAN_PAYMENTS", "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT")
        yield self._entry(checking, last, 240_000, "CARD AUTOPAY 3003", None, loan, f"card out {first}")
        yield self._entry(card, last, -240_000, "PAYMENT THANK YOU", None, loan, f"card in {first}")
        draw = ("TRANSFER_IN", "TRANSFER_IN_DEPOSIT")
        yield self._entry(home, last, -600_000, "OWNER DRAW LANTERN WORKS", None, draw, f"draw {first}")
        yield self._entry(savings, last, -1_234, "INTEREST", None, ("INCOME", "INCOME_INTEREST_EARNED"), f"int {first}")

    def _purchase(self, first: date, turn: int, account: BankAccount) -> Iterator[Payment]:
        chance = self.random
        shops = (
            ("CLOUDHARBOR HOSTING", "Cloudharbor", ("GENERAL_SERVICES", "GENERAL_SERVICES_OTHER_GENERAL_SERVICES")),
            ("PAPER CRANE CAFE", "Paper Crane Cafe", ("FOOD_AND_DRINK", "FOOD_AND_DRINK_COFFEE")),
            ("SWIFTCAB 8831", "Swiftcab", ("TRANSPORTATION", "TRANSPORTATION_TAXIS_AND_RIDE_SHARES")),
            ("BOLT ELECTRONICS", "Bolt Electronics", ("GENERAL_MERCHANDISE", "GENERAL_MERCHANDISE_ELECTRONICS")),
            ("ASSISTANT SEATS", None, ("GENERAL_SERVICES", "GENERAL_SERVICES_OTHER_GENERAL_SERVICES")),
        )
        name, merchant, category = shops[turn % len(shops)]
        day, cents = self._day_of(first), int(math.exp(chance.uniform(6.2, 11.0)))
        key = f"buy {first} {turn}"
        if turn % 11 == 0:
            # A refund: a negative expense.
            yield self._entry(account, day, -cents, name, merchant, category, key)
            return
        fresh = (self.agency.as_of - day).days <= 4
        if turn % 5 == 1 and not fresh:
            early = self._entry(
                account, day - timedelta(days=2), cents, name, merchant, category, f"{key} p", pending=True
            )
            yield self._entry(
                account, day, cents, name, merchant, category, key, pending_id=early.transaction_id
            )  # fmt: skip
            return
        yield self._entry(account, day, cents, name, merchant, category, key, pending=fresh)


def _with_pull_request(commit: Commit, number: int) -> Commit:
    return Commit(**{**vars(commit), "pull_request": number})


def _repositories(projects: Iterable[Project]) -> list[Repository]:
    repositories: list[Repository] = []
    for project in projects:
        for name in project.repositories:
            number = len(repositories) + 1
            repositories.append(
                Repository(
                    number, 610_000_000 + 9_973 * number, name, project.key, "master" if number % 6 == 0 else "main"
                )
            )
    number = len(repositories) + 1
    original = repositories[0]
    repositories.append(
        Repository(
            number, 610_000_000 + 9_973 * number, f"{GITHUB_ORGANIZATION}/dock-scheduler-fork", original.project,
            fork_of=original.full_name,
        )
    )  # fmt: skip
    repositories.append(
        Repository(
            number + 1, 610_000_000 + 9_973 * (number + 1), f"{GITHUB_ORGANIZATION}/blank-slate", "INFRA", is_empty=True
        )
    )
    return repositories


def _applications(start: date) -> list[Application]:
    began = months_before(start, 9).replace(day=1)
    return [
        Application(
            "501", "caldera", "PDESK", "Patient Desk support", "SUP", ("patient-desk",), "EUR", None, 450_000, 60,
            9_800, 60_000, "caldera", began, None,
        ),
        Application(
            "502", "caldera", "LAB", "Lab Link development", "TM", ("lab-link",), "EUR", 9_200, None, None, None, None,
            "caldera", began, None,
        ),
        Application(
            "503", "caldera", "CARE", "Care Support flat", "FIX", ("care-support",), "EUR", None, 380_000, None, None,
            None, "", began, None,
        ),
    ]  # fmt: skip


def working_directory(developer: Developer, repository: Repository | None, project: Project) -> str:
    """Return the folder in which a developer works on a repository, or on a project without one."""
    folder = repository.name if repository is not None else project.name.lower().replace(" ", "-")
    if project.key in ("ORA", "SENS") and developer.cwd_style != "windows":
        # The two share one checkout: only the longer path distinguishes them.
        folder = f"harborlight-mono/{folder}"
    roots = {
        "linux": f"/home/{developer.key}/work/",
        "mac": f"/Users/{developer.key}/Code/",
        "container": "/workspaces/",
        "windows": f"C:\\Users\\{developer.key}\\code\\",
    }
    return roots[developer.cwd_style] + folder
