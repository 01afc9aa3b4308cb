"""Random months of many developers: margin, rollup and figures are, to the cent, what a plain calculation says."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.dbt_project.conftest import DbtProject
from tests.dbt_project.money.plain_margin import (
    BENCH,
    Cell,
    Cost,
    Exchange,
    Month,
    Rate,
    Work,
    ai_costs,
    labour,
    month_of,
    whole,
)

SEED = 20261121
DEVELOPERS = 110
FIRST_DAY = date(2023, 1, 1)
AS_OF = date(2025, 9, 10)
ZONES = ("Asia/Kathmandu", "Pacific/Auckland", "America/New_York", "UTC")
CURRENCY = "CHF"
# Each begins when it does: before, its amounts are unknown.
FIRST_RATES = {
    ("USD", "CHF"): date(2023, 3, 31),
    ("EUR", "CHF"): date(2022, 11, 3),
    ("GBP", "CHF"): date(2024, 2, 1),
    ("CHF", "EUR"): date(2023, 6, 1),
}
# Ids are CLI- and the first eight characters; Beta is below Acme, Gamma below Beta.
CLIENTS = {"acme0001": "Acme", "beta0001": "Beta", "gamm0001": "Gamma", "delt0001": "Delta"}
PARENTS = {"Beta": "Acme", "Gamma": "Beta"}
CLIENT_CURRENCY = {"CLI-acme0001": "CHF", "CLI-beta0001": "EUR", "CLI-gamm0001": "GBP", "CLI-delt0001": "CHF"}
FAMILIES = {
    "CLI-acme0001": ("CLI-acme0001", "CLI-beta0001", "CLI-gamm0001"),
    "CLI-beta0001": ("CLI-beta0001", "CLI-gamm0001"),
    "CLI-gamm0001": ("CLI-gamm0001",),
    "CLI-delt0001": ("CLI-delt0001",),
    BENCH: (BENCH,),
}
# Hours by ISO weekday: a short Friday, a break at noon.
OPEN = {
    **dict.fromkeys(range(1, 5), (("09:00", "12:30"), ("13:00", "17:30"))),
    5: (("08:30", "12:00"),),
}
OPEN_SECONDS = {**dict.fromkeys(range(1, 5), 8 * 3600), 5: 12_600}
HOLIDAYS = (date(2023, 5, 1), date(2024, 12, 25), date(2024, 12, 28), date(2025, 9, 8))
IDS = {name: f"CLI-{clockify_id}" for clockify_id, name in CLIENTS.items()}


def _day(random: Random, last: date = AS_OF) -> date:
    return FIRST_DAY + timedelta(days=random.randrange((last - FIRST_DAY).days + 1))


def _costs(random: Random) -> list[Cost]:
    """Up to four stretches a developer, with gaps, in any currency, by the month, the hour, both or neither."""
    costs = []
    for number in range(DEVELOPERS):
        edges = sorted({_day(random) for _ in range(random.randrange(5))})
        firsts = [random.choice((None, FIRST_DAY, date(2022, 12, 20))), *edges]
        for place, first_day in enumerate(firsts):
            if place and random.random() < 0.2:
                continue
            last_day = edges[place] - timedelta(days=1) if place < len(edges) else None
            if last_day and first_day and last_day < first_day:
                continue
            monthly = random.choice((None, Fraction(100), Fraction(850050, 100), Fraction(1, 100), Fraction(0)))
            hourly = random.choice((None, Fraction(18), Fraction(625, 10), Fraction(123457, 10000)))
            costs.append(
                Cost(
                    f"u{number:03d}", monthly, hourly, random.choice(("CHF", "CHF", "EUR", "GBP")), first_day, last_day
                )
            )
    return costs


def _rates(random: Random) -> list[Rate]:
    rates = []
    for pair, first_day in FIRST_RATES.items():
        day = first_day
        while day < AS_OF:
            # A half makes ties of half a cent.
            rate = random.choice((Fraction(1, 2), Fraction(random.randrange(5000, 15000), 10000)))
            rates.append(Rate(day, pair, rate))
            day += timedelta(days=random.choice((3, 29, 31, 70)))
    return rates


def _moments(random: Random) -> list[tuple[int, str | None, datetime, int]]:
    """Developer, client, start and seconds of entries; many of them equal, so that remainders tie."""
    moments = []
    for number in range(DEVELOPERS):
        for _ in range(random.choice((0, 20, 50, 80))):
            day = _day(random, date(2025, 9, 30)) if random.random() < 0.98 else date(2025, 12, random.randrange(2, 30))
            start = datetime.combine(day, time(random.randrange(24)), UTC)
            seconds = random.choice((1, 60, 1800, 3600, 3600, 3600, 9999))
            moments.append((number, random.choice((*CLIENTS.values(), None)), start, seconds))
    return moments


@dataclass(frozen=True)
class World:
    """What is loaded, and what a plain calculation makes of it: cents by client and month, None where unknown."""

    costs: list[Cost]
    exchange: Exchange
    seconds: Mapping[Cell, int]
    labour: Mapping[Cell, int | None]
    ai: Mapping[Cell, int | None]
    money: Mapping[str, Mapping[tuple[str, Month, str], Fraction]]

    def converted(self, kind: str, client: str, month: Month, currency: str) -> Fraction | None:
        """Return units of `currency` of money by currencies, rounded to cents after the sum."""
        amounts = [
            self.exchange.converted(amount, (own, currency), month)
            for (owner, when, own), amount in self.money[kind].items()
            if (owner, when) == (client, month)
        ]
        known = [amount for amount in amounts if amount is not None]
        return Fraction(whole(100 * sum(known, Fraction())), 100) if len(known) == len(amounts) else None


def _months(first: date, last: date) -> Iterable[date]:
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = (month + timedelta(days=32)).replace(day=1)


@pytest.fixture(scope="module")
def world(dbt_project: DbtProject) -> World:
    random = Random(SEED)
    costs, rates, moments = _costs(random), _rates(random), _moments(random)
    zones = [random.choice(ZONES) for _ in range(DEVELOPERS)]
    entries = [
        {
            "id": f"e{place}",
            "user_id": f"u{number:03d}",
            "project_id": client and f"p-{client}",
            "type": "REGULAR",
            "billable": True,
            "start_time": start,
            "end_time": start + timedelta(seconds=seconds),
        }
        for place, (number, client, start, seconds) in enumerate(moments)
    ]
    works = [
        Work(
            f"u{number:03d}",
            IDS[client] if client else None,
            start.astimezone(ZoneInfo(zones[number])).date(),
            seconds,
        )
        for number, client, start, seconds in moments
    ]
    messages, answers = _answers(random, zones)
    accrued, fixed_lines = _accrued(random)
    received, transactions = _received(random)
    dbt_project.load(
        {
            "reference.agency": [{"legal_name": "Agency", "currency": CURRENCY, "timezone": "Europe/Zurich"}],
            "reference.developers": [
                {
                    "email": f"u{number:03d}@example.com",
                    "name": f"u{number:03d}",
                    "clockify_id": f"u{number:03d}",
                    "timezone": zone,
                    "status": "active",
                }
                for number, zone in enumerate(zones)
            ],
            "reference.developer_costs": [
                {
                    "email": f"{cost.developer}@example.com",
                    "monthly_cost": _number(cost.monthly),
                    "cost_rate": _number(cost.hourly),
                    "currency": cost.currency,
                    "valid_from": cost.first_day,
                    "valid_to": cost.last_day,
                }
                for cost in costs
            ],
            "reference.fx_rates": [
                {
                    "date": rate.day,
                    "from_currency": rate.pair[0],
                    "to_currency": rate.pair[1],
                    "rate": _number(rate.rate),
                    "row_key": f"{rate.day}|{rate.pair}",
                }
                for rate in rates
            ],
            "reference.clients": [
                {"client": name, "company_name": name, "parent_client": PARENTS.get(name), "status": "active"}
                for name in CLIENTS.values()
            ],
            "reference.client_terms": [
                {
                    "client": name,
                    "billing_model": "hourly",
                    "currency": CLIENT_CURRENCY[IDS[name]],
                    "tax_rate": Decimal("0.2"),
                }
                for name in CLIENTS.values()
            ],
            "reference.business_calendars": [
                {"calendar": "default", "timezone": "UTC", "weekday": weekday, "opens": opens, "closes": closes}
                for weekday, intervals in OPEN.items()
                for opens, closes in intervals
            ],
            "reference.holidays": [{"calendar": "default", "date": day, "name": "Feast"} for day in HOLIDAYS],
            "reference.fixed_lines": fixed_lines,
            # Time on an internal project that has a client is on the client's row.
            "reference.project_classifications": [{"project": "Project Delta", "classification": "internal"}],
            "reference.time_policies": [{"sources": "clockify"}],
            "reference.session_roots": [
                {"path": f"root-{number}", "email": f"u{number:03d}@example.com"} for number in range(len(ZONES))
            ],
            "reference.repo_mappings": [
                {"repo": name, "client": name, "path_globs": f"/work/{name}"} for name in CLIENTS.values()
            ],
            "reference.accounts": [
                {"plaid_account_id": "business", "label": "Business", "scope": "business", "account_type": "checking"}
            ],
            "reference.transaction_rules": [
                {"order": place, "pattern": f"from {name}", "set_client": name}
                for place, name in enumerate(CLIENTS.values())
            ],
            "clockify.clients": [{"id": clockify_id, "name": name} for clockify_id, name in CLIENTS.items()],
            "clockify.projects": [
                {"id": f"p-{name}", "client_id": clockify_id, "name": f"Project {name}"}
                for clockify_id, name in CLIENTS.items()
            ],
            "clockify.time_entries": entries,
            "claude_code.files": [
                {"file_id": f"s{number}", "root_path": f"root-{number}", "generation": 0, "read_offset": 1}
                for number in range(len(ZONES))
            ],
            "claude_code.events": [
                {name: value for name, value in message.items() if name not in _OF_ANSWERS_ALONE}
                | {"occurred_at": message["answered_at"], "kind": "answer"}
                for message in messages
            ],
            "claude_code.messages": messages,
            "plaid.items": [{"item_id": "item", "cursor": "c", "update_number": 1}],
            "plaid.accounts": [{"account_id": "business", "item_id": "item", "mask": "1", "type": "depository"}],
            "plaid.transactions": transactions,
        }
    )
    dbt_project.dbt(
        "build",
        "--exclude-resource-type",
        "unit_test",
        "--exclude-resource-type",
        "test",
        "--select",
        "+client_margin",
        "+client_margin_rollup",
        "+agency_kpis",
        "+claude_sessions",
        as_of=str(AS_OF),
    )
    seconds: dict[Cell, int] = defaultdict(int)
    for work in works:
        seconds[(work.client or BENCH, month_of(work.day))] += work.seconds
    exchange = Exchange(rates)
    of_developers = labour(costs, works, exchange, CURRENCY, AS_OF)
    assert sum(len({month for _, month in cells}) for cells in of_developers.values()) > 2_000
    return World(
        costs,
        exchange,
        seconds,
        _summed(of_developers.values()),
        ai_costs(answers, exchange, CURRENCY),
        {"accrued": accrued, "received": received},
    )


_OF_ANSWERS_ALONE = (
    "message_id",
    "answered_at",
    "model",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_creation_tokens",
    "line_cost_usd",
)


def _number(value: Fraction | None) -> Decimal | None:
    return None if value is None else Decimal(value.numerator) / value.denominator


def _summed(parts: Iterable[Mapping[Cell, int | None]]) -> dict[Cell, int | None]:
    sums: dict[Cell, int | None] = {}
    for part in parts:
        for cell, cents in part.items():
            before = sums.get(cell, 0)
            sums[cell] = None if cents is None or before is None else before + cents
    return sums


def _answers(
    random: Random, zones: list[str]
) -> tuple[list[dict[str, Any]], list[tuple[str | None, Month, Fraction | None]]]:
    """Raw answers of a session for each of the first developers, and what they cost whom, by month."""
    messages, answers = [], []
    for number in range(400):
        developer = number % len(ZONES)
        at = datetime.combine(_day(random), time(random.randrange(24), 30), UTC)
        client = random.choice((*CLIENTS.values(), None))
        dollars = random.choice(
            (None, Fraction(1, 3 * 2**8), Fraction(5, 1000), Fraction(1, 2), Fraction(1, 2), Fraction(0))
        )
        dollars = dollars and Fraction(round(dollars * 10**10), 10**10)
        messages.append(
            {
                "file_id": f"s{developer}",
                "generation": 0,
                "record_index": 0,
                "line_offset": number,
                "session_id": f"s{developer}",
                "uuid": f"line-{number}",
                "message_id": f"m{number}",
                "answered_at": at,
                "cwd": f"/work/{client}" if client else "/home",
                "model": "mystery-1",
                "input_tokens": 1,
                "output_tokens": 1,
                "cache_read_tokens": 0,
                "cache_creation_tokens": 0,
                "line_cost_usd": _number(dollars),
            }
        )
        month = month_of(at.astimezone(ZoneInfo(zones[developer])).date())
        answers.append((IDS[client] if client else None, month, dollars))
    return messages, answers


def _accrued(random: Random) -> tuple[dict[tuple[str, Month, str], Fraction], list[dict[str, Any]]]:
    amounts: dict[tuple[str, Month, str], Fraction] = defaultdict(Fraction)
    lines = []
    for number in range(30):
        client, currency = random.choice(list(CLIENTS.values())), random.choice(("CHF", "EUR", "GBP", "USD"))
        first, amount = _day(random).replace(day=1), Fraction(random.randrange(1, 200_000), 100)
        lines.append(
            {
                "client": client,
                "description": f"Line {number}",
                "amount": _number(amount),
                "currency": currency,
                "valid_from": first,
                "row_key": str(number),
            }
        )
        for month in _months(first, AS_OF):
            amounts[(IDS[client], month_of(month), currency)] += amount
    return amounts, lines


def _received(random: Random) -> tuple[dict[tuple[str, Month, str], Fraction], list[dict[str, Any]]]:
    amounts: dict[tuple[str, Month, str], Fraction] = defaultdict(Fraction)
    transactions = []
    for number in range(120):
        client, currency = random.choice(list(CLIENTS.values())), random.choice(("CHF", "EUR"))
        day, amount = _day(random), Fraction(random.randrange(-5_000, 500_000), 100)
        transactions.append(
            {
                "transaction_id": f"t{number}",
                "item_id": "item",
                "account_id": "business",
                "amount": _number(-amount),
                "iso_currency_code": currency,
                "date": day,
                "pending": False,
                "name": f"ACH FROM {client.upper()}",
                "category_primary": "INCOME",
                "update_number": 1,
            }
        )
        amounts[(IDS[client], month_of(day), currency)] += amount
    return amounts, transactions


def _rows(dbt_project: DbtProject, mart: str) -> dict[Cell, dict[str, Any]]:
    return {(row["client_id"], month_of(row["month"])): row for row in dbt_project.rows(f"select * from marts.{mart}")}


def _units(cents: int | None) -> Decimal | None:
    return None if cents is None else Decimal(cents) / 100


def _difference(accrued: Any, *costs: Any) -> Any:
    return None if None in (accrued, *costs) else accrued - sum(costs)


def test_margin_of_every_client_and_month_is_the_plain_one(dbt_project: DbtProject, world: World) -> None:
    rows = _rows(dbt_project, "client_margin")
    cells = {(client, month) for kind in world.money.values() for client, month, _ in kind}
    cells |= set(world.seconds) | set(world.labour) | set(world.ai)
    later = {cell for cell in cells if cell[1] > month_of(AS_OF)}

    # There is time after as_of, and no row of a month after its own.
    assert later
    assert set(rows) >= cells - later
    assert max(month for _, month in rows) == month_of(AS_OF)
    for cell, row in rows.items():
        labour_cost, ai_cost = _units(world.labour.get(cell, 0)), _units(world.ai.get(cell, 0))
        accrued = world.converted("accrued", *cell, CURRENCY)
        expected = {
            "accrued": _number(accrued),
            "received": _number(world.converted("received", *cell, CURRENCY)),
            "labour_cost": labour_cost,
            "ai_cost": ai_cost,
            "margin": _difference(_number(accrued), labour_cost, ai_cost),
            "counted_seconds": world.seconds.get(cell, 0),
            "accrued_later": 0,
        }
        assert {name: row[name] for name in expected} == expected, cell
        assert (None in expected.values()) <= bool(row["warnings"]), cell
    # Half a cent, ties, missing rates and months of answers without a price are among the cases.
    assert any(cents is None for cents in world.labour.values())
    assert any(cents is None for cents in world.ai.values())
    assert any(row["accrued"] is None for row in rows.values())


def test_clients_own_currency_needs_no_way_over_the_agencys(dbt_project: DbtProject, world: World) -> None:
    for cell, row in _rows(dbt_project, "client_margin").items():
        currency = CLIENT_CURRENCY.get(cell[0], CURRENCY)
        cents = world.labour.get(cell, 0)
        amount = (
            None if cents is None else world.exchange.converted(Fraction(cents, 100), (CURRENCY, currency), cell[1])
        )
        expected = {
            "client_currency": currency,
            "accrued_in_client_currency": _number(world.converted("accrued", *cell, currency)),
            "labour_cost_in_client_currency": None if amount is None else _units(whole(100 * amount)),
        }
        assert {name: row[name] for name in expected} == expected, cell


def test_rollup_adds_children_to_parents(dbt_project: DbtProject, world: World) -> None:
    own = _rows(dbt_project, "client_margin")
    for (client, month), row in _rows(dbt_project, "client_margin_rollup").items():
        members = [own[(member, month)] for member in FAMILIES[client] if (member, month) in own]
        for column in ("accrued", "received", "labour_cost", "counted_seconds"):
            amounts = [member[column] for member in members]
            assert row[column] == (None if None in amounts else sum(amounts)), (client, month, column)


def _available(costs: list[Cost], beginning: date) -> dict[Month, int]:
    """Seconds of the calendar of everybody on the days on which a cost of theirs is in force."""
    seconds: dict[Month, int] = defaultdict(int)
    spans = [(cost.first_day or beginning, min(cost.last_day or AS_OF, AS_OF)) for cost in costs]
    costed = {cost.developer for cost in costs}
    spans += [(beginning, AS_OF) for number in range(DEVELOPERS) if f"u{number:03d}" not in costed]
    for first, last in spans:
        for offset in range((last - first).days + 1):
            day = first + timedelta(days=offset)
            seconds[month_of(day)] += 0 if day in HOLIDAYS else OPEN_SECONDS.get(day.isoweekday(), 0)
    return seconds


def test_figures_of_the_agency_are_ratios_of_plain_sums(dbt_project: DbtProject, world: World) -> None:
    beginning = date(*min(month for _, month in world.seconds), 1)
    available = _available(world.costs, beginning)
    rows = {month_of(row["month"]): row for row in dbt_project.rows("select * from marts.agency_kpis")}
    clients = {client for client, *_ in world.money["accrued"]}
    waiting: Decimal | None = Decimal()
    for month in sorted(rows):
        row = rows[month]
        # Everything of these entries is billable, the bench's too.
        seconds = sum(value for (_, when), value in world.seconds.items() if when == month)
        of_clients = seconds - world.seconds.get((BENCH, month), 0)
        assert row["available_seconds"] == available.get(month, 0), month
        assert row["billable_seconds"] == seconds, month
        assert row["client_seconds"] == of_clients, month
        assert row["utilization"] == _ratio(seconds, row["available_seconds"]), month
        amounts = [_number(world.converted("accrued", client, month, CURRENCY)) for client in clients]
        known = [amount for amount in amounts if amount is not None]
        accrued = sum(known, Decimal()) if len(known) == len(amounts) else None
        waiting = None if accrued is None or waiting is None else waiting + accrued
        assert (row["accrued"], row["work_in_progress"]) == (accrued, waiting), month
        if accrued is not None and None not in (row["labour_cost"], row["ai_cost"]):
            assert row["delivery_margin"] == _ratio(accrued - row["labour_cost"] - row["ai_cost"], accrued), month
        assert row["average_cost_per_hour"] == _ratio(row["labour_cost"], seconds, 3600), month
        assert row["effective_bill_rate"] == _ratio(accrued, of_clients, 3600), month


def _ratio(part: Any, base: Any, factor: int = 1) -> Decimal | None:
    """Return factor × part ÷ base to four decimals, half away from zero."""
    if part is None or not base:
        return None
    return Decimal(whole(10_000 * factor * Fraction(part) / Fraction(base))) / 10_000


def test_reconciliations_hold(dbt_project: DbtProject, world: World) -> None:
    statuses = dbt_project.dbt("test", "--select", "path:tests/singular/money", as_of=str(AS_OF))

    assert statuses.pop("every_amount_of_the_margin_is_known") == "warn"
    assert set(statuses.values()) == {"pass"}
    sums = """
        select month, sum(labour_cost) as labour_cost from marts.client_margin
        group by month having count(*) = count(labour_cost)
    """
    assert (
        dbt_project.value(
            f"select count(*) from marts.agency_kpis inner join ({sums}) as sums using (month)"
            " where agency_kpis.labour_cost is distinct from sums.labour_cost"
        )
        == 0
    )
