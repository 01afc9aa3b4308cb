"""The bill once more, from the rules, chapters 4, 6 and 7, in plain Python on decimals. No SQL, no speed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import partial
from itertools import count
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

HOUR = 3600
OVERTIME_AFTER = 8 * HOUR
DEFAULT_MINIMUM = 1800
DEFAULT_SOURCES = ("tempo", "clockify", "manual", "claude_session")
CYCLE_PERIODS = {"monthly": 1, "quarterly": 3, "annual": 12}
DEFAULT_MULTIPLIERS = {"p1_p3_off_hours": Decimal("1.5")}
STRICTEST_FIRST = ("excluded", "overhead", "internal")
ONE = Decimal(1)
ZERO = Decimal(0)


# --- What the business decided --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Dated:
    """Something in force from its first to its last day; None: always, open."""

    first_day: date | None = None
    last_day: date | None = None

    def holds_on(self, day: date) -> bool:
        """Whether it is in force on a day."""
        return (self.first_day or date.min) <= day <= (self.last_day or date.max)


DatedRow = TypeVar("DatedRow", bound=Dated)


@dataclass(frozen=True, kw_only=True)
class ClientTerms(Dated):
    """A row of client_terms."""

    client: str
    billing_model: str
    retainer_amount: Decimal | None
    currency: str
    tax_rate: Decimal


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project of Clockify with its row of projects; the rate is in minor units per hour."""

    name: str
    client: str | None
    clockify_rate: int | None = None
    jira_key: str | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ProjectTerms(Dated):
    """A row of project_terms."""

    project: str
    client: str
    hourly_rate: Decimal | None = None
    contract: str | None = None


@dataclass(frozen=True, kw_only=True)
class Classification:
    """A row of project_classifications: project or label."""

    project: str | None = None
    label: str | None = None
    classification: str


@dataclass(frozen=True, kw_only=True)
class Contract:
    """A row of contracts."""

    number: str
    client: str
    kind: str
    status: str
    start_date: date
    end_date: date | None = None
    auto_renew: bool = False
    monthly_hours: Decimal | None = None
    overage_rate: Decimal
    standard_rate: Decimal | None = None
    billing_cycle: str = "monthly"


@dataclass(frozen=True, kw_only=True)
class Amendment:
    """A row of contract_terms; None keeps what held before."""

    contract: str
    first_day: date
    monthly_hours: Decimal | None = None
    overage_rate: Decimal | None = None
    standard_rate: Decimal | None = None
    status: str | None = None


@dataclass(frozen=True, kw_only=True)
class Rule(Dated):
    """A row of billing_rules; rates in minor units, the increment in minutes."""

    project: str
    kind: str
    rate_cents: int
    currency: str | None
    increment: int = 0
    overtime_multiplier: Decimal = ONE
    cap_hours: Decimal | None = None
    retainer_hours: Decimal | None = None
    overage_rate_cents: int | None = None

    @property
    def rate(self) -> Decimal:
        """Rate or amount in the currency's major unit."""
        return Decimal(self.rate_cents) / 100


@dataclass(frozen=True, kw_only=True)
class FixedLine(Dated):
    """A row of fixed_lines."""

    client: str
    description: str
    amount: Decimal
    currency: str


@dataclass(frozen=True, kw_only=True)
class Application(Dated):
    """An application with the client of its customer, if that is known."""

    id: str
    client: str | None
    kind: str
    labels: tuple[str, ...]
    currency: str | None = None
    hourly_rate: Decimal | None = None
    base_amount: Decimal | None = None
    limit_hours: Decimal | None = None
    overtime_rate: Decimal | None = None
    monitoring_amount: Decimal | None = None
    minimum_seconds: int | None = None
    calendar: str | None = None


@dataclass(frozen=True, kw_only=True)
class RateRule(Dated):
    """A row of rate_rules; no client: all."""

    client: str | None = None
    tier: str
    multiplier: Decimal


@dataclass(frozen=True, kw_only=True)
class Exclusion(Dated):
    """A row of employee_exclusions, by person."""

    person: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class Policy(Dated):
    """A row of time_policies for a client."""

    client: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Calendar:
    """Business hours: opening and closing minute of the day by ISO weekday, and holidays, on a zone's wall clock."""

    zone: str
    hours: Mapping[int, tuple[tuple[int, int], ...]]
    holidays: frozenset[date] = frozenset()

    def is_off(self, day: date, start: datetime | None) -> bool:
        """Whether work of a day (begun at an instant, if known) lies outside business hours; 31: never without rows."""
        if not self.hours:
            return False
        if start is None:
            return day in self.holidays or day.isoweekday() not in self.hours
        wall = start.astimezone(ZoneInfo(self.zone))
        if wall.date() in self.holidays:
            return True
        second = (wall.hour * 60 + wall.minute) * 60 + wall.second
        spans = self.hours.get(wall.isoweekday(), ())
        return not any(opens * 60 <= second < closes * 60 for opens, closes in spans)


# --- What was worked ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Issue:
    """A Jira issue with type and priority as Jira has them."""

    key: str
    jira_key: str
    jira_name: str
    kind: str
    priority: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A time entry, by its identifier; `seconds` are allocated ones.

    Work logs and sessions name their client, work logs a contract, worklogs an issue, those of the mirror a label.
    """

    id: str
    source: str
    person: str
    day: date
    start: datetime | None
    seconds: int
    billable: bool
    client: str | None = None
    project: str | None = None
    contract: str | None = None
    issue: Issue | None = None
    mirror_label: str | None = None
    mirror_row_id: str | None = None

    @property
    def order(self) -> tuple[date, bool, float, bytes]:
        """Order of start, then id; without time first (12)."""
        return self.day, self.start is not None, self.start.timestamp() if self.start else 0, self.id.encode()


@dataclass(frozen=True, kw_only=True)
class Agency:
    """What all clients share."""

    as_of: date
    currency: str
    calendar: str
    calendars: Mapping[str, Calendar]
    rate_rules: tuple[RateRule, ...]
    exclusions: tuple[Exclusion, ...]
    value_map: Mapping[tuple[str, str], str]


@dataclass(kw_only=True)
class Case:
    """Clients of their own with all that is agreed with them and worked for them."""

    number: int
    kind: str
    clients: dict[str, str | None] = field(default_factory=dict)
    """Clockify's currency by client."""
    projects: list[Project] = field(default_factory=list)
    project_terms: list[ProjectTerms] = field(default_factory=list)
    classifications: list[Classification] = field(default_factory=list)
    client_terms: list[ClientTerms] = field(default_factory=list)
    contracts: list[Contract] = field(default_factory=list)
    amendments: list[Amendment] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    rate_rules: list[RateRule] = field(default_factory=list)
    fixed_lines: list[FixedLine] = field(default_factory=list)
    applications: list[Application] = field(default_factory=list)
    policies: list[Policy] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)


# --- The bill -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class LineKey:
    """What puts time on one line."""

    client: str
    currency: str
    month: date
    basis: str
    line_type: str
    rate_tier: str | None = None
    application: str | None = None
    contract: str | None = None
    period_start: date | None = None
    rule: tuple[str, date | None] | None = None
    project: str | None = None
    issue_key: str | None = None
    description: str | None = None
    unit_price: Decimal = ZERO
    multiplier: Decimal = ONE


@dataclass(frozen=True)
class Part:
    """Some seconds of an entry on a line."""

    key: LineKey
    entry: str
    raw: int
    billable: int


@dataclass(frozen=True)
class Line:
    """A line: seconds and quantity in hours; a fixed amount has no seconds."""

    key: LineKey
    raw: int
    billable: int
    quantity: Decimal
    total: Decimal


@dataclass(frozen=True)
class Allocation:
    """Seconds of an entry in a contract; no period start: a contract without periods."""

    entry: str
    contract: str
    period_start: date | None
    part: str
    seconds: int
    rate: Decimal | None


@dataclass(frozen=True)
class Period:
    """A period of a contract: hours to 6 decimals."""

    contract: str
    start: date
    end: date
    allocated: Decimal
    used: Decimal
    overage: Decimal
    remaining: Decimal
    share: Decimal | None
    standard_rate: Decimal | None
    overage_rate: Decimal
    overage_amount: Decimal


@dataclass
class Bill:
    """All that follows for one case."""

    periods: list[Period] = field(default_factory=list)
    allocations: list[Allocation] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    line_entries: list[Part] = field(default_factory=list)
    unbilled: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    """Raw seconds by entry and reason."""
    prefills: dict[tuple[str, str, date], tuple[Decimal, Decimal, Decimal]] = field(default_factory=dict)
    not_counted: dict[str, str] = field(default_factory=dict)
    belongings: dict[str, tuple[str | None, str | None, str | None, str | None]] = field(default_factory=dict)
    """Client, project, application and contract by entry."""


def rounded(value: Fraction | Decimal, digits: int) -> Decimal:
    """Half away from zero."""
    exact = Fraction(value) * 10**digits
    whole = (abs(exact) + Fraction(1, 2)).__floor__()
    return Decimal(whole if exact >= 0 else -whole).scaleb(-digits)


def cents(value: Decimal) -> Decimal:
    """An amount of money as it is kept."""
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def month_of(day: date) -> date:
    """The first day of a day's month."""
    return day.replace(day=1)


def last_day(month: date) -> date:
    """The last day of a month."""
    return (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def months_later(day: date, months: int) -> date:
    """The same day of another month, or that month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first = date(year, month + 1, 1)
    return first.replace(day=min(day.day, last_day(first).day))


def dealt(whole: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Deal a whole by weights: whole units by largest remainder, ties by key."""
    total = sum(weights.values())
    shares = {key: divmod(whole * weight, total) for key, weight in weights.items()}
    rest = whole - sum(floor for floor, _ in shares.values())
    first = sorted(shares, key=lambda key: (-shares[key][1], key.encode()))[:rest]
    return {key: floor + (key in first) for key, (floor, _) in shares.items()}


def seconds_of(hours: Decimal) -> int:
    """Whole seconds of hours."""
    return int(hours * HOUR)


def fixed_months(agreed: Dated, first_worked: date | None, as_of: date) -> list[date]:
    """Months in which a fixed amount is billed (26)."""
    start = agreed.first_day or (first_worked and month_of(first_worked))
    if start is None:
        return []
    end = agreed.last_day or date.max
    months = []
    month = month_of(start)
    while month <= as_of:
        is_within = start <= end and month_of(start) == month and end <= last_day(month)
        if start <= last_day(month) <= end or is_within:
            months.append(month)
        month = months_later(month, 1)
    return months


@dataclass(frozen=True)
class _Counted:
    """A counted entry with what it turned out to belong to."""

    entry: Entry
    application: Application | None
    project: Project | None
    client: str | None


class _Biller:
    """Works out one case."""

    def __init__(self, case: Case, agency: Agency) -> None:
        self.case, self.agency = case, agency
        self.projects = {project.name: project for project in case.projects}
        self.contracts = {contract.number: contract for contract in case.contracts}
        self.bill = Bill()
        self.first_worked: dict[str, date] = {}
        self.client_of_entry: dict[str, str | None] = {}
        self.unpriced: set[tuple[str, date]] = set()
        self.yielding: list[_Counted] = []

    def work_out(self) -> Bill:
        counted = sorted(self.counted(), key=lambda each: each.entry.order)
        by_application: dict[Application, list[_Counted]] = defaultdict(list)
        by_contract: dict[str, list[Entry]] = defaultdict(list)
        by_rule: dict[Rule, list[_Counted]] = defaultdict(list)
        for each in counted:
            entry = each.entry
            self.client_of_entry[entry.id] = each.client
            if each.client is not None:
                self.first_worked.setdefault(each.client, entry.day)
            contract = self.contract_of(each)
            rule = in_force((rule for rule in self.case.rules if rule.project == self.name_of(each.project)), entry.day)
            if reason := self.reason(each):
                self.refuse(entry, entry.seconds, reason)
            elif each.application:
                by_application[each.application].append(each)
            elif contract and not self.is_in_force(contract, entry.day):
                self.refuse(entry, entry.seconds, "contract_inactive")
            elif contract:
                by_contract[contract.number].append(entry)
            elif rule:
                by_rule[rule].append(each)
            else:
                self.bill_by_terms(each)
        for application, worked in by_application.items():
            self.bill_application(application, worked)
        for contract in self.case.contracts:
            if contract.kind == "monthly_retainer":
                self.bill_periods(contract, by_contract[contract.number])
            else:
                self.bill_hours(contract, by_contract[contract.number])
        for rule, worked in by_rule.items():
            self.bill_rule(rule, worked)
        self.gather_lines()
        self.bill_fixed_amounts()
        self.bill_prefills()
        return self.bill

    # --- Which entry counts, whose it is -------------------------------------------------------------------------

    def counted(self) -> list[_Counted]:
        """Leave out excluded people and projects, then all but one source of a person, client and day (5.3)."""
        days: dict[tuple[str, str | None, date], list[_Counted]] = defaultdict(list)
        for entry in self.case.entries:
            application = self.application_of(entry)
            project = self.project_of(entry, application)
            client = application.client if application else entry.client or self.client_of(project, entry.day)
            each = _Counted(entry, application, project, client)
            contract = None if application else self.contract_of(each)
            self.bill.belongings[entry.id] = (
                client,
                project.name if project else None,
                application.id if application else None,
                contract.number if contract else None,
            )
            if self.classification_of(each) == "excluded" or "excluded" in self.exclusions_of(entry):
                self.bill.not_counted[entry.id] = "excluded"
            else:
                days[entry.person, client, entry.day].append(each)
        chosen = []
        for (_, client, day), candidates in days.items():
            policy = in_force((policy for policy in self.case.policies if policy.client == client), day)
            sources = policy.sources if policy else DEFAULT_SOURCES
            here = {each.entry.source for each in candidates}
            if any(each.entry.contract for each in candidates):
                counting: str | None = "manual"
            else:
                counting = next((source for source in sources if source in here), None)
            for each in candidates:
                if each.entry.source == counting:
                    chosen.append(each)
                else:
                    self.bill.not_counted[each.entry.id] = "superseded"
        return [each for each in map(partial(self.without_logged, chosen), chosen) if each.entry.seconds]

    def without_logged(self, chosen: Sequence[_Counted], each: _Counted) -> _Counted:
        """A session without the seconds that its person logged as something else; other entries as they are."""
        entry = each.entry
        if entry.source != "claude_session" or entry.start is None:
            return each
        covered: set[int] = set()
        for other in (one.entry for one in chosen if one.entry.person == entry.person):
            if other.source != "claude_session" and other.start is not None:
                first = int((other.start - entry.start).total_seconds())
                covered.update(range(max(first, 0), min(first + other.seconds, entry.seconds)))
        left = entry.seconds - len(covered)
        if left < entry.seconds and each.client:
            self.yielding.append(each)
        if not left:
            self.bill.not_counted[entry.id] = "logged_elsewhere"
        return replace(each, entry=replace(entry, seconds=left))

    def application_of(self, entry: Entry) -> Application | None:
        labels = labels_of(entry)
        found = [
            application
            for application in self.case.applications
            if application.holds_on(entry.day) and labels & set(application.labels)
        ]
        return min(found, key=lambda application: int(application.id), default=None)

    def project_of(self, entry: Entry, application: Application | None) -> Project | None:
        """The entry's own, or the worklog's by its Jira key, else by name and labels (16)."""
        if entry.project is not None:
            return self.projects[entry.project]
        if entry.issue is not None:
            for project in self.case.projects:
                if project.jira_key == entry.issue.jira_key:
                    return project
        labels = labels_of(entry)
        found = [project for project in self.case.projects if labels & {project.name, *project.labels}]
        client = application and application.client
        return min(
            found, key=lambda project: (self.client_of(project, entry.day) != client, project.name), default=None
        )

    def client_of(self, project: Project | None, day: date) -> str | None:
        if project is None:
            return None
        terms = self.project_terms_of(project, day)
        return terms.client if terms else project.client

    def project_terms_of(self, project: Project | None, day: date) -> ProjectTerms | None:
        return in_force((each for each in self.case.project_terms if each.project == self.name_of(project)), day)

    def contract_of(self, each: _Counted) -> Contract | None:
        terms = self.project_terms_of(each.project, each.entry.day)
        number = each.entry.contract or (terms and terms.contract)
        return self.contracts[number] if number else None

    @staticmethod
    def name_of(project: Project | None) -> str:
        return project.name if project else ""

    def exclusions_of(self, entry: Entry) -> set[str]:
        return {
            each.kind for each in self.agency.exclusions if each.person == entry.person and each.holds_on(entry.day)
        }

    def classification_of(self, each: _Counted) -> str:
        """The project's own row, else the strictest of the labels' (18)."""
        names = labels_of(each.entry)
        if each.project:
            names |= {each.project.name, *each.project.labels}
            for row in self.case.classifications:
                if row.project == each.project.name:
                    return row.classification
        found = {row.classification for row in self.case.classifications if row.label in names}
        return next((strict for strict in STRICTEST_FIRST if strict in found), "billable")

    def reason(self, each: _Counted) -> str | None:
        """Why an entry is billed by no engine at all (30)."""
        classification = self.classification_of(each)
        if not each.entry.billable or (each.entry.source == "claude_session" and classification != "billable"):
            return "not_billable"
        if classification != "billable":
            return classification
        if "overhead_only" in self.exclusions_of(each.entry):
            return "overhead_only"
        return "no_client" if each.client is None else None

    # --- Small parts ---------------------------------------------------------------------------------------------

    def terms_of(self, client: str, day: date) -> ClientTerms | None:
        return in_force((terms for terms in self.case.client_terms if terms.client == client), day)

    def currency_of(self, own: str | None, client: str, day: date) -> str:
        """The row's own, else the terms' of the day that prices it, else Clockify's, else the agency's (28, 14)."""
        terms = self.terms_of(client, day)
        return own or (terms.currency if terms else self.case.clients[client] or self.agency.currency)

    def refuse(self, entry: Entry, raw: int, reason: str) -> None:
        client = self.client_of_entry[entry.id]
        if raw:
            self.bill.unbilled[entry.id, reason] += raw
        if raw and client and reason in ("contract_inactive", "no_rate", "capped"):
            self.unpriced.add((client, month_of(entry.day)))

    def put(self, key: LineKey, entry: Entry, raw: int, billable: int) -> None:
        if billable:
            self.bill.line_entries.append(Part(key, entry.id, raw, billable))

    # --- Applications (5.5, 1) -----------------------------------------------------------------------------------

    def bill_application(self, application: Application, worked: Sequence[_Counted]) -> None:
        assert application.client is not None
        calendar = self.agency.calendars[application.calendar or self.agency.calendar]
        minimum = DEFAULT_MINIMUM if application.minimum_seconds is None else application.minimum_seconds
        has_limit = application.kind == "SUP" and application.limit_hours is not None
        left: dict[date, int] = defaultdict(lambda: seconds_of(application.limit_hours or ZERO))
        for each in worked:
            entry, month = each.entry, month_of(each.entry.day)
            line_type, tier = self.line_type_of(entry, is_off=calendar.is_off(entry.day, entry.start))
            billable = max(entry.seconds, minimum)
            within = min(billable, left[month]) if has_limit else billable
            if has_limit:
                left[month] -= within
            key = LineKey(
                client=application.client,
                currency=self.currency_of(application.currency, application.client, entry.day),
                month=month,
                basis="application",
                line_type=line_type,
                rate_tier=tier,
                application=application.id,
                issue_key=entry.issue.key if entry.issue else None,
                multiplier=self.multiplier_of(application.client, tier, entry.day),
            )
            raw = min(entry.seconds, within)
            if application.kind != "TM":
                self.put(key, entry, raw, within)
            elif application.hourly_rate is None:
                self.refuse(entry, entry.seconds, "no_rate")
            else:
                self.put(replace(key, unit_price=application.hourly_rate), entry, raw, within)
            if application.overtime_rate is not None:
                overtime = replace(key, line_type="overtime", unit_price=application.overtime_rate)
                self.put(overtime, entry, entry.seconds - raw, billable - within)
            elif within < billable:
                self.refuse(entry, entry.seconds - raw, "no_rate")

    def line_type_of(self, entry: Entry, *, is_off: bool) -> tuple[str, str]:
        kind, priority = None, None
        if entry.issue:
            kind = self.agency.value_map.get(("issue_type", entry.issue.kind), entry.issue.kind)
            priority = self.agency.value_map.get(("priority", entry.issue.priority), entry.issue.priority)
        if kind == "Incident" and priority in ("P1", "P2", "P3"):
            return ("incident_critical", "p1_p3_off_hours") if is_off else ("incident", "p1_p3")
        tier = "off_hours" if is_off else "standard"
        if kind == "Meeting":
            return "meeting", tier
        return ("off_hours" if is_off else "task"), tier

    def multiplier_of(self, client: str, tier: str, day: date) -> Decimal:
        rules = [*self.case.rate_rules, *self.agency.rate_rules]
        own = in_force((rule for rule in rules if rule.tier == tier and rule.client == client), day)
        general = in_force((rule for rule in rules if rule.tier == tier and rule.client is None), day)
        rule = own or general
        return rule.multiplier if rule else DEFAULT_MULTIPLIERS.get(tier, ONE)

    # --- Contracts (5.4; 5.5, 2) ---------------------------------------------------------------------------------

    def amended(self, contract: Contract, name: str, day: date) -> Any:
        """What holds on a day, amendments applied; an empty cell keeps what held before (22)."""
        value = getattr(contract, name)
        for amendment in sorted(self.case.amendments, key=lambda each: each.first_day):
            if amendment.contract == contract.number and amendment.first_day <= day:
                value = value if getattr(amendment, name) is None else getattr(amendment, name)
        return value

    def is_in_force(self, contract: Contract, day: date) -> bool:
        has_ended = contract.end_date is not None and day > contract.end_date and not contract.auto_renew
        return contract.start_date <= day and not has_ended and self.amended(contract, "status", day) == "active"

    @staticmethod
    def period_number(contract: Contract, day: date) -> int:
        return next(number for number in count() if day < months_later(contract.start_date, number + 1))

    @staticmethod
    def period_end(contract: Contract, number: int) -> date:
        end = months_later(contract.start_date, number + 1) - timedelta(days=1)
        return end if contract.end_date is None or contract.auto_renew else min(end, contract.end_date)

    def bill_periods(self, contract: Contract, entries: Sequence[Entry]) -> None:
        by_period: dict[int, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_period[self.period_number(contract, entry.day)].append(entry)
        # To the end, or the clock's day, or that of later-dated time; before it begins for its own time alone (23).
        last_worked = max((entry.day for entry in entries), default=date.min)
        if contract.start_date > self.agency.as_of:
            until = last_worked
        elif contract.end_date is not None and not contract.auto_renew:
            until = contract.end_date
        else:
            until = max(contract.end_date or date.min, self.agency.as_of, last_worked)
        if until < contract.start_date:
            return
        for number in range(self.period_number(contract, until) + 1):
            self.bill_period(contract, number, by_period[number])

    def bill_period(self, contract: Contract, number: int, entries: Sequence[Entry]) -> None:
        start = months_later(contract.start_date, number)
        hours = self.amended(contract, "monthly_hours", start)
        standard, overage = (self.amended(contract, f"{name}_rate", start) for name in ("standard", "overage"))
        included_key = LineKey(
            client=contract.client,
            currency=self.currency_of(None, contract.client, start),
            month=self.invoice_month(contract, number),
            basis="contract",
            line_type="included",
            contract=contract.number,
            period_start=start,
            unit_price=standard or ZERO,
        )
        overage_key = replace(included_key, line_type="overage", unit_price=overage)
        allowance = seconds_of(hours)
        used = 0
        for entry in entries:
            included = max(0, min(entry.seconds, allowance - used))
            used += entry.seconds
            for key, seconds, rate in (
                (included_key, included, standard or ZERO),
                (overage_key, entry.seconds - included, overage),
            ):
                if seconds:
                    allocation = Allocation(entry.id, contract.number, start, key.line_type, seconds, rate)
                    self.bill.allocations.append(allocation)
                    self.put(key, entry, seconds, seconds)
        over = max(0, used - allowance)
        self.bill.periods.append(
            Period(
                contract.number,
                start,
                self.period_end(contract, number),
                hours,
                rounded(Fraction(used, HOUR), 6),
                rounded(Fraction(over, HOUR), 6),
                rounded(Fraction(max(0, allowance - used), HOUR), 6),
                rounded(Fraction(used, allowance), 4) if allowance else None,
                standard,
                overage,
                price(over, overage, ONE),
            )
        )

    def invoice_month(self, contract: Contract, number: int) -> date:
        """The month in which the last period of the cycle ends; a contract that ends closes its cycle (23)."""
        length = CYCLE_PERIODS[contract.billing_cycle]
        return month_of(self.period_end(contract, number - number % length + length - 1))

    def bill_hours(self, contract: Contract, entries: Sequence[Entry]) -> None:
        for entry in entries:
            rate = self.amended(contract, "standard_rate", entry.day)
            if rate is None and contract.kind != "pay_as_you_go":
                rate = ZERO
            allocation = Allocation(entry.id, contract.number, None, "included", entry.seconds, rate)
            self.bill.allocations.append(allocation)
            if rate is None and contract.kind == "pay_as_you_go":
                self.refuse(entry, entry.seconds, "no_rate")
                continue
            key = LineKey(
                client=contract.client,
                currency=self.currency_of(None, contract.client, entry.day),
                month=month_of(entry.day),
                basis="contract",
                line_type="hourly",
                contract=contract.number,
                unit_price=rate or ZERO,
            )
            self.put(key, entry, entry.seconds, entry.seconds)

    # --- Billing rules (5.5, 3) ----------------------------------------------------------------------------------

    def bill_rule(self, rule: Rule, worked: Sequence[_Counted]) -> None:
        billable = self.rounded_up(rule, worked)
        limit = {"hourly": rule.cap_hours, "retainer": rule.retainer_hours}.get(rule.kind)
        left: dict[date, int] = defaultdict(lambda: seconds_of(limit or ZERO))
        day_used: dict[tuple[str, date], int] = defaultdict(int)
        for each in worked:
            entry, month = each.entry, month_of(each.entry.day)
            assert each.client is not None
            key = LineKey(
                client=each.client,
                currency=self.currency_of(rule.currency, each.client, entry.day),
                month=month,
                basis="billing_rule",
                line_type="covered",
                rule=(rule.project, rule.first_day),
                project=rule.project,
            )
            seconds = billable[entry.id]
            # Pieces of the entry in order, each with its line; none: capped.
            pieces: list[tuple[int, LineKey | None]]
            if rule.kind == "hourly":
                hourly = replace(key, line_type="hourly", unit_price=rule.rate)
                overtime = replace(hourly, line_type="overtime", multiplier=rule.overtime_multiplier)
                before = day_used[entry.person, entry.day]
                day_used[entry.person, entry.day] += seconds
                beyond = min(seconds, max(0, before + seconds - OVERTIME_AFTER))
                if rule.overtime_multiplier == 1:
                    beyond = 0
                pieces = []
                for piece, line in ((seconds - beyond, hourly), (beyond, overtime)):
                    within = piece if limit is None else min(piece, left[month])
                    left[month] -= within
                    pieces += [(within, line), (piece - within, None)]
            elif rule.kind == "retainer" and limit is not None and rule.overage_rate_cents is not None:
                within = min(seconds, left[month])
                left[month] -= within
                overage = replace(key, line_type="overage", unit_price=Decimal(rule.overage_rate_cents) / 100)
                pieces = [(within, key), (seconds - within, overage)]
            else:
                pieces = [(seconds, key)]
            raw = entry.seconds
            for piece, of_line in pieces:
                part = min(raw, piece)
                raw -= part
                if of_line is None:
                    self.refuse(entry, part, "capped")
                else:
                    self.put(of_line, entry, part, piece)

    @staticmethod
    def rounded_up(rule: Rule, worked: Iterable[_Counted]) -> dict[str, int]:
        """Seconds by entry, rounded up to the increment; sessions of a person and day together, dealt back (32)."""
        increment = rule.increment * 60 or 1
        groups: dict[tuple[str, ...], dict[str, int]] = defaultdict(dict)
        for each in worked:
            entry = each.entry
            group = (entry.person, str(entry.day)) if entry.source == "claude_session" else (entry.id,)
            groups[group][entry.id] = entry.seconds
        billable: dict[str, int] = {}
        for seconds in groups.values():
            billable |= dealt(-(-sum(seconds.values()) // increment) * increment, seconds)
        return billable

    # --- Client terms (5.5, 4) -----------------------------------------------------------------------------------

    def bill_by_terms(self, each: _Counted) -> None:
        entry, project, client = each.entry, each.project, each.client
        assert client is not None
        terms = self.terms_of(client, entry.day)
        project_terms = self.project_terms_of(project, entry.day)
        rate: Decimal | None = project_terms.hourly_rate if project_terms else None
        if rate is None and project and project.clockify_rate:
            rate = Decimal(project.clockify_rate) / 100
        is_retainer = terms is not None and terms.billing_model == "retainer"
        if terms is None or (terms.retainer_amount if is_retainer else project and rate) is None:
            self.refuse(entry, entry.seconds, "no_rate")
            return
        key = LineKey(
            client=client,
            currency=terms.currency,
            month=month_of(entry.day),
            basis="client_terms",
            line_type="covered" if is_retainer else "hourly",
            project=project.name if project else None,
            unit_price=ZERO if is_retainer or rate is None else rate,
        )
        self.put(key, entry, entry.seconds, entry.seconds)

    # --- Lines, fixed amounts, prefills --------------------------------------------------------------------------

    def gather_lines(self) -> None:
        parts: dict[LineKey, list[Part]] = defaultdict(list)
        for part in self.bill.line_entries:
            parts[part.key].append(part)
        for key, of_line in parts.items():
            billable = sum(part.billable for part in of_line)
            self.bill.lines.append(
                Line(
                    key,
                    sum(part.raw for part in of_line),
                    billable,
                    rounded(Fraction(billable, HOUR), 4),
                    price(billable, key.unit_price, key.multiplier),
                )
            )

    def fix(self, amount: Decimal | None, **columns: Any) -> None:
        if amount:
            key = LineKey(unit_price=amount, **columns)
            self.bill.lines.append(Line(key, 0, 0, ONE, cents(amount)))

    def bill_fixed_amounts(self) -> None:
        """Amounts that a month costs, worked or not (25, 26)."""
        as_of = self.agency.as_of
        for application in self.case.applications:
            if application.client is None:
                continue
            for month in fixed_months(application, self.first_worked.get(application.client), as_of):
                amounts = {
                    "FIX": {"fixed": application.base_amount},
                    "SUP": {"support": application.base_amount, "monitoring": application.monitoring_amount},
                }.get(application.kind, {})
                for line_type, amount in amounts.items():
                    self.fix(
                        amount,
                        client=application.client,
                        currency=self.currency_of(application.currency, application.client, last_day(month)),
                        month=month,
                        basis="application",
                        line_type=line_type,
                        application=application.id,
                    )
        for rule in self.case.rules:
            self.bill_fixed_rule(rule)
        for terms in self.case.client_terms:
            for month in fixed_months(terms, self.first_worked.get(terms.client), as_of):
                if terms.billing_model == "retainer":
                    self.fix(
                        terms.retainer_amount,
                        client=terms.client,
                        currency=terms.currency,
                        month=month,
                        basis="client_terms",
                        line_type="retainer",
                    )
        for line in self.case.fixed_lines:
            for month in fixed_months(line, self.first_worked.get(line.client), as_of):
                self.fix(
                    line.amount,
                    client=line.client,
                    currency=line.currency,
                    month=month,
                    basis="fixed_line",
                    line_type="fixed",
                    description=line.description,
                )

    def bill_fixed_rule(self, rule: Rule) -> None:
        project = self.projects[rule.project]
        nobodys = Entry(id="", source="", person="", day=date.min, start=None, seconds=0, billable=True)
        if rule.kind == "hourly" or self.classification_of(_Counted(nobodys, None, project, None)) != "billable":
            return
        # On a project that moved, the client of the month's last day.
        for client in self.case.clients:
            for month in fixed_months(rule, self.first_worked.get(client), self.agency.as_of):
                if client == self.client_of(project, last_day(month)):
                    self.fix(
                        rule.rate,
                        client=client,
                        currency=self.currency_of(rule.currency, client, last_day(month)),
                        month=month,
                        basis="billing_rule",
                        line_type=rule.kind,
                        rule=(rule.project, rule.first_day),
                        project=rule.project,
                    )

    def bill_prefills(self) -> None:
        subtotals: dict[tuple[str, str, date], Decimal] = defaultdict(Decimal)
        for line in self.bill.lines:
            subtotals[line.key.client, line.key.currency, line.key.month] += line.total
        # Nothing but unpriced work: an empty prefill with its warnings.
        for client, month in self.unpriced - {(client, month) for client, _, month in subtotals}:
            subtotals[client, self.currency_of(None, client, last_day(month)), month] = ZERO
        # Sessions whose time was logged as something else: a prefill that says so.
        for each in self.yielding:
            if each.client and not self.reason(each):
                rule = in_force(
                    (rule for rule in self.case.rules if rule.project == self.name_of(each.project)), each.entry.day
                )
                currency = self.currency_of(rule.currency if rule else None, each.client, each.entry.day)
                subtotals.setdefault((each.client, currency, month_of(each.entry.day)), ZERO)
        for (client, currency, month), subtotal in subtotals.items():
            terms = self.terms_of(client, last_day(month))
            tax = cents(subtotal * terms.tax_rate) if terms else ZERO
            self.bill.prefills[client, currency, month] = (subtotal, tax, subtotal + tax)


def in_force(rows: Iterable[DatedRow], day: date) -> DatedRow | None:
    """The row in force on a day."""
    return next((row for row in rows if row.holds_on(day)), None)


def labels_of(entry: Entry) -> set[str]:
    """Labels of a worklog: the mirror's, or its Jira project's key and name and its issue's labels."""
    labels = {entry.mirror_label} if entry.mirror_label else set()
    if entry.issue and not entry.mirror_label:
        labels |= {entry.issue.jira_key, entry.issue.jira_name, *entry.issue.labels}
    return labels


def price(seconds: int, unit_price: Decimal, multiplier: Decimal) -> Decimal:
    """A line's total: rounded once, from exact seconds (2)."""
    return rounded(Fraction(seconds) * Fraction(unit_price) * Fraction(multiplier) / HOUR, 2)


def bill_of(case: Case, agency: Agency) -> Bill:
    """Work out the bill of one case."""
    return _Biller(case, agency).work_out()
