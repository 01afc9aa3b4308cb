"""Deliveries whose process is killed anywhere: nothing arrives twice, nothing is lost, the rest is `unknown`.

`python -m tests.invoicing.delivery.test_broken_off 200` kills as many processes.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from invoicing.delivery.dispatch import WAITS_MINUTES, deliver, deliver_due
from invoicing.delivery.mail import MailChannel, MailServer
from invoicing.delivery.planfact import PlanFactChannel
from invoicing.delivery.port import Channel, Parcel
from invoicing.delivery.storage import StorageChannel
from orchestration.settings import PROJECT_FOLDER
from orchestration.warehouse.embedded import EmbeddedServer
from sandbox.mailbox import Mailbox
from sandbox.server import SandboxServer
from sandbox.vendors import planfact
from tests.invoicing.books import Books
from tests.invoicing.delivery.outside import SENDER, Outside, lay_out

ADDRESS = "books@client.example"
MODULE = "tests.invoicing.delivery.test_broken_off"


def test_nothing_arrives_twice_whenever_the_process_is_killed(books: Books, outside: Outside) -> None:
    killed = deliver_under_fire(books, outside, rounds=20, seed=1)
    assert killed > 5, "too few processes were killed to show anything"


def deliver_under_fire(books: Books, outside: Outside, *, rounds: int, seed: int) -> int:
    """Deliver invoices by processes that are killed at random; then let one finish, and look at what has arrived.

    Returns:
        How many processes were killed while they worked.
    """
    numbers = []
    for _ in range(max(rounds // 4, 3)):
        client = books.client()
        books.change("update marts.clients set contact_email = %s where id = %s", (ADDRESS, client))
        books.prefill(client)
        numbers.append(books.issued(client).invoice.number)
    # Waits a little, so that kills fall into the sending, too.
    outside.fails("email", kind="slow", method="DATA", seconds=0.02, times=0)
    outside.fails("accounting", kind="slow", path="income", seconds=0.02, times=0)
    places = [books.warehouse.dsn("owner"), outside.mailbox.url, outside.server.url, str(outside.files)]
    worker = subprocess.run(
        [sys.executable, "-m", MODULE, "--worker", *places, str(rounds), str(seed), *numbers],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT_FOLDER,
    )
    outside.server.faults.clear()
    channels: list[Channel] = [outside.storage, outside.mail, outside.planfact]
    with books.connect() as connection:
        deliver_due(connection, channels, actor="ada")
        # Whatever was never begun, or failed for sure.
        for number in numbers:
            for channel in channels:
                deliver(connection, number, channel, actor="ada")
    _assert_once(books, outside, numbers)
    return int(worker.stdout)


def _assert_once(books: Books, outside: Outside, numbers: Sequence[str]) -> None:
    states = books.rows(
        "select i.invoice_number, i.id, d.channel, d.state from billing.deliveries as d"
        " inner join billing.invoices as i on d.invoice_id = i.id where i.invoice_number = any(%s)",
        (list(numbers),),
    )
    assert Counter((number, channel) for number, _, channel, _ in states) == Counter(
        (number, channel) for number in numbers for channel in ("storage", "email", "accounting")
    )
    for number, invoice_id, channel, state in states:
        arrived = {
            "storage": len(list(outside.files.glob(f"2026/{number}-*.pdf"))),
            "email": len(outside.mails(number)),
            "accounting": len(outside.operations(invoice_id)),
        }[channel]
        # Only where nobody can look is anything unknown.
        allowed = {"delivered": (1,), "unknown": () if channel == "storage" else (0, 1)}
        assert arrived in allowed[state], (number, channel, state, arrived)


@pytest.mark.parametrize("arrived", [True, False])
def test_a_lost_warehouse_after_the_sending_leaves_unknown(books: Books, outside: Outside, arrived: bool) -> None:
    client = books.client()
    books.change("update marts.clients set contact_email = %s where id = %s", (ADDRESS, client))
    books.prefill(client)
    number = books.issued(client).invoice.number

    class Loses(MailChannel):
        """Loses the connection to the warehouse before or after the message has left."""

        def send(self, parcel: Parcel, /) -> str:
            if arrived:
                super().send(parcel)
            with books.connect() as other:
                other.execute("select pg_terminate_backend(%s)", (connection.info.backend_pid,))
            return "sent"

    connection = books.connect()
    with pytest.raises(psycopg.OperationalError):
        deliver(connection, number, Loses(outside.mail.server), actor="ada")
    with books.connect() as next_one:
        [delivery] = deliver_due(next_one, [outside.mail], actor="ada")
        assert delivery.state == "unknown"
        assert delivery.last_error is not None
        assert "broken off while sending" in delivery.last_error
        assert not deliver_due(next_one, [outside.mail], actor="ada")
    assert len(outside.mails(number)) == arrived


def test_a_failure_is_tried_again_later_and_later_and_then_left_to_a_person(books: Books, outside: Outside) -> None:
    client = books.client()
    books.change("update marts.clients set contact_email = %s where id = %s", (ADDRESS, client))
    books.prefill(client)
    number = books.issued(client).invoice.number
    outside.fails("email", kind="status", method="RCPT", status=451, times=0)
    with books.connect() as connection:
        waits = []
        for _ in range(len(WAITS_MINUTES) + 1):
            delivery = deliver(connection, number, outside.mail, actor="ada")
            assert delivery.state == "failed"
            [(minutes,)] = connection.execute(
                "select round(extract(epoch from next_attempt_at - clock_timestamp()) / 60)"
                " from billing.deliveries where id = %s",
                (delivery.id,),
            ).fetchall()
            waits.append(minutes)
            # Not due yet.
            assert not deliver_due(connection, [outside.mail], actor="ada")
        assert waits == [*WAITS_MINUTES, None]
        outside.server.faults.clear()
        assert deliver(connection, number, outside.mail, actor="ada").state == "delivered"


def _work(arguments: Sequence[str]) -> None:
    """Fork a process for each round, which delivers everything, and kill it; print how many were still at work."""
    dsn, mail_url, url, files, rounds, seed, *numbers = arguments
    from invoicing.delivery.codes import Codes

    codes = {("account", "usd"): "201", ("category", "income"): str(planfact.INCOME)}
    clients = {("client", f"c{number:04}"): "101" for number in range(1, 500)}
    channels: list[Channel] = [
        StorageChannel(files),
        MailChannel(MailServer(mail_url, SENDER)),
        PlanFactChannel(planfact.API_KEY, Codes("planfact", codes | clients), f"{url}/planfact"),
    ]
    choices, killed = random.Random(int(seed)), 0
    for _ in range(int(rounds)):
        child = os.fork()
        if child == 0:
            with psycopg.connect(dsn, autocommit=True) as connection:
                choices.shuffle(numbers)
                for number in numbers:
                    for channel in choices.sample(channels, len(channels)):
                        deliver(connection, number, channel, actor="ada")
            os._exit(0)
        # At times the next one begins while this one still sends.
        time.sleep(choices.random() / 4)
        if os.waitpid(child, os.WNOHANG) == (0, 0):
            killed += 1
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    print(killed)


def _main(rounds: int) -> None:
    # Not the folder of tests: started by root, the server runs as another user.
    with tempfile.TemporaryDirectory(prefix="workledger-delivery-") as folder:
        place = Path(folder)
        place.chmod(0o711)
        server = EmbeddedServer(place / "postgres")
        lay_out(place / "dataset")
        try:
            books = Books(server.open("invoicing", query_timeout_seconds=5))
            books.create()
            with SandboxServer(place / "dataset", remember=False) as sandbox:
                mailbox = Mailbox(place / "mailbox", sandbox.faults)
                outside = Outside(sandbox, mailbox, place / "files")
                killed = deliver_under_fire(books, outside, rounds=rounds, seed=rounds)
                mailbox.stop()
            states = books.rows("select channel, state, count(*) from billing.deliveries group by 1, 2 order by 1, 2")
            print(f"{rounds} processes, {killed} killed at work; deliveries: {states}; nothing twice, nothing lost")
        finally:
            server.stop()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        _work(sys.argv[2:])
    else:
        _main(int(sys.argv[1]) if sys.argv[1:] else 200)
