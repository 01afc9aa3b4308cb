"""Labour, AI cost and conversion once more, from rules 9.5 to 9.10, on exact fractions."""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from math import floor

BENCH = "bench"
Month = tuple[int, int]
Cell = tuple[str, Month]


@dataclass(frozen=True)
class Cost:
    """A row of developer_costs.csv; amounts in units of `currency`, open ends are None."""

    developer: str
    monthly: Fraction | None
    hourly: Fraction | None
    currency: str
    first_day: date | None
    last_day: date | None


@dataclass(frozen=True)
class Work:
    """Counted seconds of a developer on a local day; no client is None."""

    developer: str
    client: str | None
    day: date
    seconds: int


@dataclass(frozen=True)
class Rate:
    """A row of fx_rates.csv."""

    day: date
    pair: tuple[str, str]
    rate: Fraction


def month_of(day: date) -> Month:
    """Return the month of a day."""
    return (day.year, day.month)


def whole(amount: Fraction) -> int:
    """Round to a whole number, half away from zero."""
    return floor(amount + Fraction(1, 2)) if amount >= 0 else -floor(-amount + Fraction(1, 2))


def dealt(cents: int, weights: Mapping[str, Fraction]) -> dict[str, int]:
    """Deal whole cents by largest remainder; of equal remainders the smaller id is first."""
    total = sum(weights.values(), Fraction())
    exact = {key: cents * weight / total for key, weight in weights.items()}
    parts = {key: floor(share) for key, share in exact.items()}
    order = sorted(exact, key=lambda key: (parts[key] - exact[key], key.encode()))
    for key in order[: cents - sum(parts.values())]:
        parts[key] += 1
    return parts


class Exchange:
    """Rates by month: the last on or before its end, in the direction that is stated and no other."""

    def __init__(self, rates: Iterable[Rate]) -> None:
        self._rates = sorted(rates, key=lambda rate: rate.day)

    def converted(self, amount: Fraction, pair: tuple[str, str], month: Month) -> Fraction | None:
        """Return the amount in the pair's second currency, None without a rate."""
        if pair[0] == pair[1] or amount == 0:
            return amount
        last_day = date(*month, monthrange(*month)[1])
        known = [rate.rate for rate in self._rates if rate.pair == pair and rate.day <= last_day]
        return amount * known[-1] if known else None


def _days(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += timedelta(days=1)


def labour(
    costs: Iterable[Cost], works: Iterable[Work], exchange: Exchange, currency: str, as_of: date
) -> dict[str, dict[Cell, int | None]]:
    """Return cents in the agency's currency by developer, then client or bench and month; None without a rate."""
    works = list(works)
    beginning = min(work.day for work in works).replace(day=1)
    end = date(as_of.year, as_of.month, monthrange(as_of.year, as_of.month)[1])
    found: dict[str, dict[Cell, int | None]] = {}
    costs_of, works_of = defaultdict(list), defaultdict(list)
    for cost in costs:
        costs_of[cost.developer].append(cost)
    for work in works:
        works_of[work.developer].append(work)
    for developer, own in costs_of.items():
        months = {
            month_of(day) for cost in own for day in _days(cost.first_day or beginning, min(cost.last_day or end, end))
        }
        months |= {month_of(work.day) for work in works_of[developer]}
        found[developer] = {}
        for month in months:
            of_month = [work for work in works_of[developer] if month_of(work.day) == month]
            parts = _developer_month(own, of_month, month, exchange, currency, beginning)
            found[developer] |= {(client, month): cents for client, cents in parts.items()}
    return found


def _developer_month(
    costs: list[Cost], works: list[Work], month: Month, exchange: Exchange, currency: str, beginning: date
) -> dict[str, int | None]:
    length = monthrange(*month)[1]
    in_force: dict[date, Cost] = {}
    for cost in costs:
        for day in _days(date(*month, 1), date(*month, length)):
            if (cost.first_day or beginning) <= day <= (cost.last_day or date.max):
                in_force[day] = cost
    exact: dict[str, Fraction] = defaultdict(Fraction)
    missing = False
    shares: dict[str, int] = defaultdict(int)
    for work in works:
        if work.day not in in_force:
            continue
        cost = in_force[work.day]
        if cost.monthly is not None:
            shares[work.client or BENCH] += work.seconds
        elif cost.hourly is not None:
            amount = exchange.converted(cost.hourly * work.seconds / 3600, (cost.currency, currency), month)
            missing = missing or amount is None
            exact[work.client or BENCH] += 1 if amount is None else amount
    monthly = Fraction()
    for cost in in_force.values():
        amount = exchange.converted((cost.monthly or Fraction()) / length, (cost.currency, currency), month)
        missing = missing or amount is None
        monthly += 1 if amount is None else amount
    if monthly:
        shares = shares or {BENCH: 1}
        for client, seconds in shares.items():
            exact[client] += monthly * seconds / sum(shares.values())
    exact = {client: amount for client, amount in exact.items() if amount}
    if missing:
        return dict.fromkeys(exact)
    return dict(dealt(whole(100 * sum(exact.values(), Fraction())), exact)) if exact else {}


def ai_costs(
    answers: Iterable[tuple[str | None, Month, Fraction | None]], exchange: Exchange, currency: str
) -> dict[Cell, int | None]:
    """Return cents in the agency's currency; None where no price is known, or no rate."""
    known: dict[Month, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    found: dict[Cell, int | None] = {}
    for client, month, dollars in answers:
        found[(client or BENCH, month)] = None
        if dollars is not None:
            known[month][client or BENCH] += dollars
    for month, by_client in known.items():
        # What costs nothing does so in every currency.
        found |= {(client, month): 0 for client, dollars in by_client.items() if dollars == 0}
        costly = {client: dollars for client, dollars in by_client.items() if dollars}
        amount = exchange.converted(sum(costly.values(), Fraction()), ("USD", currency), month)
        if amount:
            parts = dealt(whole(100 * amount), costly)
            found |= {(client, month): cents for client, cents in parts.items()}
    return found
