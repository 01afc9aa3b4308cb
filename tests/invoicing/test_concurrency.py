"""Many callers at once, some of them killed: numbers stay gapless, and nothing is issued twice or by halves.

`python -m tests.invoicing.test_concurrency 200` runs as many rounds, each with other kills.
"""

import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import psycopg

from invoicing.issuing import cancel, credit, issue
from orchestration.warehouse.embedded import EmbeddedServer
from tests.invoicing.books import TODAY, Books

CALLERS = 8


class _FellOverError(Exception):
    """What a caller raises in the middle of its work."""


def _months(count: int) -> list[date]:
    return [date(2020 + number // 12, 1 + number % 12, 1) for number in range(count)]


def test_eight_callers_of_one_prefill_get_one_invoice(books: Books) -> None:
    client = books.client()
    books.prefill(client)
    with ThreadPoolExecutor(CALLERS) as pool:
        outcomes = list(pool.map(lambda _: books.issued(client), range(CALLERS)))
    assert len({outcome.invoice.id for outcome in outcomes}) == 1
    assert sorted(outcome.is_new for outcome in outcomes) == [False] * (CALLERS - 1) + [True]
    _assert_whole(books)


def test_complaint_11_no_number_twice_or_missing_when_callers_come_at_once_and_some_are_killed(books: Books) -> None:
    assert issue_under_fire(books, seed=1, prefills=16) > 5, "too few callers were lost to show anything"


def issue_under_fire(books: Books, *, seed: int, prefills: int) -> int:
    """Issue prefills, each by several of eight callers, some of which are killed anywhere; then look at what is there.

    Returns:
        How many callers were killed or fell over.
    """
    choices = random.Random(seed)
    client = books.client()
    months = _months(prefills)
    for month in months:
        books.prefill(client, month, totals=["10.00", "20.00"])
    work = [month for month in months for _ in range(3)]
    choices.shuffle(work)
    fates = [choices.choice(["none", "none", "killed", "raises"]) for _ in work]
    points = [choices.randrange(1, 15) for _ in work]
    with ThreadPoolExecutor(CALLERS) as pool:
        lost = sum(pool.map(lambda one: _call(books, client, *one), zip(work, fates, points, strict=True)))
    # Whoever was killed calls again, as a retry does.
    for month in months:
        books.issued(client, month)
    # Of some, the same again after they are undone: numbers go on.
    for month in months[:4]:
        invoice = books.issued(client, month).invoice
        with books.connect() as connection:
            undo = cancel if choices.random() < 0.5 else credit
            undo(connection, invoice.number, actor="ada", today=TODAY, reason="again")
        assert books.issued(client, month).is_new
    _assert_whole(books)
    assert books.rows("select count(*) from billing.invoices where client_id = %s and is_live", (client,)) == [
        (prefills,)
    ]
    return lost


def _call(books: Books, client: str, month: date, fate: str, point: int) -> bool:
    """One caller; `point` is the statement at which it is killed or falls over."""
    try:
        with books.connect() as connection:
            _fall(connection, books, fate, point)
            issue(connection, client, month, actor="ada", today=TODAY)
    except (psycopg.OperationalError, _FellOverError):
        return True
    return False


def _fall(connection: psycopg.Connection[Any], books: Books, fate: str, point: int) -> None:
    """Have the connection end, or raise, at its nth statement."""
    if fate == "none":
        return
    execute: Callable[..., Any] = connection.execute
    left = point

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 and fate == "raises":
            raise _FellOverError
        if left == 0:
            # Somewhere within the statement, or right before it.
            threading.Timer(random.random() / 500, _kill, (books, connection.info.backend_pid)).start()
        return execute(*arguments, **options)

    connection.execute = counted  # type: ignore[method-assign]


def _kill(books: Books, process: int) -> None:
    with books.connect() as connection:
        connection.execute("select pg_terminate_backend(%s)", (process,))


def _assert_whole(books: Books) -> None:
    """Every number from 1 on, once, in order of dates; each with lines that sum, entries and its event."""
    assert books.rows("select count(*) from billing.invoices where status = 'draft'") == [(0,)]
    for series, period, following, numbers, first, last in books.rows(
        "select c.series, c.period, c.next_number, count(distinct i.number), min(i.number), max(i.number)"
        " from billing.number_counters as c left join billing.invoices as i"
        " on c.series = i.series and c.period = i.number_period group by c.series, c.period, c.next_number"
    ):
        assert (first, last, numbers) == (1, following - 1, following - 1), (series, period)
    assert not books.rows(
        "select i.id from billing.invoices as i"
        " left join (select invoice_id, sum(line_total) as total from billing.invoice_line_items group by 1) as l"
        " on i.id = l.invoice_id"
        " left join (select invoice_id, count(*) as entries from billing.invoice_line_entries"
        " inner join billing.invoice_line_items on line_id = id group by 1) as e on i.id = e.invoice_id"
        " left join (select invoice_id, count(*) as events from billing.invoice_events"
        " where event_type = 'issued' group by 1) as v on i.id = v.invoice_id"
        " where l.total is distinct from i.subtotal or e.entries is null or v.events is distinct from 1"
    )


def _main(rounds: int) -> None:
    # Not the folder of tests: started by root, the server runs as another user.
    with tempfile.TemporaryDirectory(prefix="workledger-invoicing-") as folder:
        Path(folder).chmod(0o711)
        server = EmbeddedServer(Path(folder, "postgres"))
        try:
            books = Books(server.open("invoicing", query_timeout_seconds=5))
            books.create()
            began, lost = time.monotonic(), 0
            for number in range(rounds):
                lost += issue_under_fire(books, seed=number, prefills=8)
            [(count,)] = books.rows("select count(*) from billing.invoices")
            seconds = time.monotonic() - began
            print(
                f"{rounds} rounds, {count} numbers without a gap, {lost} callers killed or fallen over, {seconds:.0f} s"
            )
        finally:
            server.stop()


if __name__ == "__main__":
    _main(int(sys.argv[1]))
