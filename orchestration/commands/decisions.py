"""What commands share by which a person decides: the warehouse as role owner, who decides, and how they print."""

import getpass
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table
from rich.text import Text

from invoicing.prefills import today_of
from orchestration.settings import Settings
from orchestration.warehouse.opening import open_warehouse
from sources.kit.visible import visible

Notify = Callable[[str], None]


@contextmanager
def opened(settings: Settings, notify: Notify) -> Iterator[tuple[psycopg.Connection, date]]:
    """The warehouse as role owner, and the day of as_of."""
    with open_warehouse(settings, notify).connect("owner") as connection:
        yield connection, today_of(connection, settings.as_of)


def who(actor: str | None) -> str:
    """Who decides: as named, else the user of this computer."""
    return actor or getpass.getuser()


def hours(seconds: int) -> str:
    """Seconds as h:mm:ss; empty for none."""
    sign, minutes = "-" if seconds < 0 else "", abs(seconds) // 60
    return f"{sign}{minutes // 60}:{minutes % 60:02}:{abs(seconds) % 60:02}" if seconds else ""


def say(sentence: str) -> None:
    """Print a sentence."""
    print(visible(sentence))


def print_table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows under their names, numbers to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, name in enumerate(names):
        is_number = bool(rows) and all(isinstance(row[index], Decimal | int) for row in rows)
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(str(cell))) for cell in row))
    console = Console()
    (console if console.is_terminal else Console(width=100_000)).print(table)
