"""Filters of a page: read from its address, checked against what the warehouse knows, bound as parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import psycopg

DEFAULT_RANGE: Final = "last_12_months"


class FilterError(Exception):
    """A filter names what does not exist; the message says what does."""


@dataclass(frozen=True)
class Option:
    """One value of a filter."""

    value: str
    label: str


@dataclass(frozen=True)
class Options:
    """The values that each filter can have; `today` is the day of as_of."""

    ranges: Mapping[str, tuple[str, date, date]]
    lists: Mapping[str, tuple[Option, ...]]
    today: date


@dataclass(frozen=True)
class Filters:
    """The filters in force; None where one is not set."""

    range: str
    start: date
    end: date
    today: date
    client: str | None = None
    person: str | None = None
    currency: str | None = None
    parent: str | None = None
    """Key of the row whose rows below it are asked for; not a filter of a page."""

    def parameters(self) -> dict[str, Any]:
        """The values that queries bind, by name; each span of dates that pages read is here and nowhere else.

        `start_date` to `end_date` is the range, `last_day` its last day up to as_of; `months_from` to `months_to` are
        the whole months that it touches, up to as_of. `figures_from` begins the months of the figures, the last of
        which is `this_month`, the running one, and the last but one `last_month`.
        """
        this_month = self.today.replace(day=1)
        return {
            "start_date": self.start,
            "end_date": self.end,
            "last_day": min(self.end, self.today),
            "months_from": self.start.replace(day=1),
            "months_to": min(_month_after(self.end) - timedelta(days=1), self.today),
            "figures_from": this_month.replace(year=this_month.year - 1),
            "last_month": (this_month - timedelta(days=1)).replace(day=1),
            "this_month": this_month,
            "today": self.today,
            "client": self.client,
            "person": self.person,
            "currency": self.currency,
            "parent": self.parent,
        }

    def address(self) -> str:
        """The part of an address behind `?` that stands for these filters; empty for the defaults."""
        chosen = {
            "range": self.range,
            "client": self.client,
            "person": self.person,
            "currency": self.currency,
        }
        return urlencode({name: value for name, value in chosen.items() if value and value != DEFAULT_RANGE})


def _month_after(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def read_options(connection: psycopg.Connection[Any]) -> Options:
    """Ask the warehouse which clients, people, currencies and ranges of dates there are.

    Raises:
        psycopg.Error: the warehouse is not built, or cannot be read.
    """
    ranges = {
        preset: (label, start, end)
        for preset, label, start, end in connection.execute(
            "select preset, label, start_date, end_date from reports.date_ranges order by days, preset"
        )
    }
    lists = {
        "client": "select id, name from marts.clients where not is_deleted order by lower(name), id",
        "person": "select id, name from marts.developers order by lower(name), id",
        "currency": "select distinct currency, currency from marts.invoice_prefills order by 1",
    }
    # `last_30_days` ends on the day of as_of.
    return Options(
        ranges,
        {name: tuple(Option(*row) for row in connection.execute(query)) for name, query in lists.items()},
        ranges["last_30_days"][2],
    )


def read_filters(given: Mapping[str, str], options: Options, allowed: tuple[str, ...]) -> Filters:
    """Read the filters of an address.

    Args:
        given: names and values of the address; empty values count as absent.
        options: what the warehouse knows.
        allowed: filters of the page besides the range; others are ignored, so that links between pages keep them.

    Raises:
        FilterError: there is no such range, client, person or currency.
    """
    chosen = given.get("range") or DEFAULT_RANGE
    if chosen not in options.ranges:
        raise FilterError(f"There is no range {chosen}; ranges are {', '.join(options.ranges)}.")
    values = {name: given[name] for name in allowed if given.get(name)}
    for name, value in values.items():
        if value not in {option.value for option in options.lists[name]}:
            raise FilterError(f"There is no {name} {value} in the warehouse.")
    _, start, end = options.ranges[chosen]
    return Filters(chosen, start, end, options.today, **values)
