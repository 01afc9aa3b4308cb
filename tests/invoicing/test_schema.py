"""Schema billing: what the database itself refuses, also to its owner, and how it comes to be."""

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from invoicing.errors import InvoicingError
from invoicing.issuing import cancel
from invoicing.payments import pay, undo
from invoicing.records import Invoice, read_invoice
from invoicing.schema import REVISIONS, migrate
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.embedded import EmbeddedServer
from orchestration.warehouse.programs import Installation
from tests.invoicing.books import MAY, TODAY, Books

TABLES = (
    "number_series",
    "number_counters",
    "invoices",
    "invoice_line_items",
    "invoice_line_entries",
    "invoice_events",
    "invoice_documents",
    "invoices_before_documents",
    "deliveries",
    "payments",
    "payment_allocations",
    "restatements",
    "settled_restatements",
    "contract_reports",
    "payer_aliases",
    "joined_deposits",
    "unmatched_deposits",
)
CHECK, RESTRICT = psycopg.errors.CheckViolation, psycopg.errors.RestrictViolation
UNIQUE, DENIED = psycopg.errors.UniqueViolation, psycopg.errors.InsufficientPrivilege

DEPOSIT = """
    insert into billing.payments (
        id, client_id, method, source, bank_transaction_id, received_on, amount, currency, actor, idempotency_key
    )
    values (%(id)s, %(client)s, 'wire', 'bank', %(deposit)s, '2026-07-10', %(amount)s, %(currency)s, 'ada', %(id)s)
"""
ALLOCATION = """
    insert into billing.payment_allocations (payment_id, invoice_id, amount, payment_amount, effective_on, actor)
    values (%(payment)s, %(invoice)s, %(amount)s, %(amount)s, '2026-07-10', 'ada')
"""
DRAFT = """
    insert into billing.invoices (
        id, client_id, currency, invoice_month, prefill_id, prefill_hash, supply_from, supply_to, payment_terms,
        subtotal, tax_rate, tax,
        total, seller, buyer
    )
    values ('INV-aaaaaaaa', 'CLI-x', 'USD', '2026-06-01', 'PRE', 'hash', '2026-06-01', '2026-06-30', 'net30', 10, 0,
    0, 10, '{}', '{}')
"""
LINE = """
    insert into billing.invoice_line_items (
        id, invoice_id, position, basis, line_type, description, raw_seconds, billable_seconds, quantity,
        unit_price, line_total
    )
    values ('LNI-aaaaaaaa', 'INV-aaaaaaaa', 1, 'fixed_line', 'fixed', 'Work', 0, 0, 1, 10, %(line)s)
"""
EVENT = "insert into billing.invoice_events (invoice_id, event_type, actor) values ('INV-aaaaaaaa', 'issued', 'ada')"
DOCUMENT = """
    insert into billing.invoice_documents (id, invoice_id, kind, media_type, sha256, bytes, renderer, template_version)
    values ('DOC-a', 'INV-aaaaaaaa', 'html', 'text/html', encode(sha256('x'), 'hex'), 'x', 'x', '1')
"""
COUNT = """
    update billing.number_counters set next_number = next_number + %(step)s where series = 'agency' and period = '2026'
"""
NUMBER = """
    update billing.invoices
    set
        status = 'sent', series = 'agency', number_period = '2026', invoice_number = 'X-1',
        issue_date = %(issue_date)s,
        due_date = '2026-12-31', finalized_at = now(),
        number = %(back)s + (
            select next_number from billing.number_counters where series = 'agency' and period = '2026'
        )
    where id = 'INV-aaaaaaaa'
"""
WHOLE = {"line": 10, "step": 1, "back": -1, "issue_date": "2026-07-10"}


@pytest.fixture(scope="module")
def invoice(books: Books) -> Invoice:
    """An invoice of 1,000.00, of which a deposit of 100.00 is paid."""
    client = books.client()
    books.prefill(client)
    sent = books.issued(client).invoice
    with books.connect() as connection:
        _deposit(connection, "PAY-00000001", client, "TX-1", "100")
        connection.execute(ALLOCATION, {"payment": "PAY-00000001", "invoice": sent.id, "amount": 100})
    return sent


def _deposit(connection: psycopg.Connection[Any], name: str, client: str, deposit: str, amount: str) -> None:
    values = {"id": name, "client": client, "deposit": deposit, "amount": Decimal(amount), "currency": "USD"}
    connection.execute(DEPOSIT, values)


def _refused(books: Books, error: type[psycopg.Error], said: str, *statements: str, **values: Any) -> None:
    """Run statements in one transaction as owner, up to its commit; nothing of it may stay."""
    before = books.rows("select series, period, next_number from billing.number_counters order by 1, 2")
    with books.connect() as connection, pytest.raises(error, match=said):
        _run(connection, statements, values)
    assert books.rows("select series, period, next_number from billing.number_counters order by 1, 2") == before


def _run(connection: psycopg.Connection[Any], statements: tuple[str, ...], values: dict[str, Any]) -> None:
    with connection.transaction():
        for statement in statements:
            connection.execute(statement, values)


@pytest.mark.parametrize("table", TABLES)
def test_owner_deletes_and_truncates_nothing(books: Books, invoice: Invoice, table: str) -> None:
    _refused(books, DENIED, "permission denied", f"delete from billing.{table}")
    _refused(books, DENIED, "permission denied", f"truncate billing.{table} cascade")


def test_nor_does_whoever_has_every_right(
    books: Books, invoice: Invoice, server: EmbeddedServer, warehouse: Warehouse
) -> None:
    """A superuser, also while triggers of others are off: the rows stay unless somebody takes the triggers away."""
    with psycopg.connect(**server.administrator(warehouse.database), autocommit=True) as connection:
        for replication in ("origin", "replica"):
            connection.execute(f"set session_replication_role = {replication}")
            for table in TABLES:
                with pytest.raises(RESTRICT, match=f"billing.{table} keeps its rows: truncate is refused"):
                    connection.execute(f"truncate billing.{table} cascade")
            for table in ("invoices", "invoice_line_items", "invoice_events", "payments", "payment_allocations"):
                with pytest.raises(RESTRICT, match=f"billing.{table} keeps its rows: delete is refused"):
                    connection.execute(f"delete from billing.{table}")
            for change in (
                "invoice_line_items set description = 'x'",
                "invoice_events set actor = 'x'",
                "payment_allocations set actor = 'x'",
            ):
                with pytest.raises(RESTRICT, match="update is refused"):
                    connection.execute(f"update billing.{change}")
            with pytest.raises(RESTRICT, match="is issued and cannot change"):
                connection.execute("update billing.invoices set total = total + 1, subtotal = subtotal + 1")
            with pytest.raises(RESTRICT, match="is recorded and cannot change"):
                connection.execute("update billing.payments set amount = amount + 1")


@pytest.mark.parametrize(
    "statement",
    [
        "update billing.invoices set total = 1",
        "update billing.invoices set settled = 0",
        "update billing.invoices set seller = '{}'",
        "update billing.payments set amount = 1",
        "update billing.invoice_line_items set line_total = 1",
        "alter table billing.invoices disable trigger user",
        "alter table billing.invoices owner to owner",
        "drop table billing.invoices cascade",
        "drop schema billing cascade",
        "create or replace function billing.refuse() returns trigger language plpgsql as 'begin return old; end'",
        "set role billing_keeper",
        "set session_replication_role = replica",
        "grant billing_keeper to owner",
        "update billing.alembic_version set version_num = '0'",
    ],
)
def test_owner_cannot_get_around_it(books: Books, invoice: Invoice, statement: str) -> None:
    _refused(books, DENIED, "permission denied|must be owner|must have", statement)


def test_a_whole_invoice_by_hand_passes_so_that_what_follows_is_refused_for_its_own_reason(books: Books) -> None:
    with books.connect() as connection, connection.transaction(force_rollback=True):
        for statement in (DRAFT, LINE, EVENT, COUNT, NUMBER, DOCUMENT, "set constraints all immediate"):
            connection.execute(statement, WHOLE)


@pytest.mark.parametrize(
    ("left_out", "spoilt", "error", "said"),
    [
        (EVENT, {}, CHECK, "lacks an event"),
        (LINE, {}, CHECK, "lines sum to nothing, not 10.00"),
        (None, {"line": "9.99"}, CHECK, "lines sum to 9.99, not 10.00"),
        (COUNT, {"back": 0}, CHECK, "was not taken from its counter"),
        (COUNT, {}, UNIQUE, "invoices_series_number_period_number_key"),
        (NUMBER, {}, CHECK, "number .* of series agency would be missing"),
        (DOCUMENT, {}, CHECK, "lacks its document html"),
        (None, {"step": 2, "back": -1}, RESTRICT, "moves by one"),
        (None, {"step": -1, "back": 0}, RESTRICT, "moves by one"),
        (None, {"issue_date": "2026-07-09"}, CHECK, "is dated before one with a lower number"),
    ],
)
def test_no_invoice_without_event_lines_and_the_next_number(
    books: Books, invoice: Invoice, left_out: str | None, spoilt: dict[str, Any], error: type[psycopg.Error], said: str
) -> None:
    statements = [one for one in (DRAFT, LINE, EVENT, COUNT, NUMBER, DOCUMENT) if one is not left_out]
    _refused(books, error, said, *statements, **{**WHOLE, **spoilt})


def test_no_lines_come_after_the_number(books: Books, invoice: Invoice) -> None:
    copied = (
        "insert into billing.invoice_line_items (id, invoice_id, position, basis, line_type, description, raw_seconds,"
        " billable_seconds, quantity, unit_price, line_total)"
        f" values ('LNI-bbbbbbbb', '{invoice.id}', 99, 'fixed_line', 'fixed', 'More', 0, 0, 1, 5, 5)"
    )
    _refused(books, RESTRICT, "is issued and gets no more lines", copied)
    entries = (
        "insert into billing.invoice_line_entries (line_id, time_entry_id, raw_seconds, billable_seconds, amount,"
        " entry_snapshot) select id, 'TIM-9', 1, 1, 0, '{}' from billing.invoice_line_items limit 1"
    )
    _refused(books, RESTRICT, "is issued and gets no more lines", entries)


def test_no_entries_that_are_not_their_line(books: Books, invoice: Invoice) -> None:
    entry = (
        "insert into billing.invoice_line_entries (line_id, time_entry_id, raw_seconds, billable_seconds, amount,"
        " entry_snapshot) values ('LNI-aaaaaaaa', 'TIM-9', 1, 1, 0, '{}')"
    )
    _refused(
        books,
        CHECK,
        "the entries of line LNI-aaaaaaaa are not the line",
        DRAFT,
        LINE,
        entry,
        EVENT,
        COUNT,
        NUMBER,
        **WHOLE,
    )


def test_no_second_live_invoice_of_one_prefill(books: Books, invoice: Invoice) -> None:
    second = DRAFT.replace("CLI-x", invoice.client_id)
    _refused(books, UNIQUE, "one_live_invoice_per_prefill", second)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("status = 'draft'", "partial to draft is no step"),
        ("status = 'paid'", "is not paid: 100.00 of 1000.00 are settled"),
        ("status = 'sent'", "is not sent: 100.00 of 1000.00 are settled"),
        ("status = 'canceled', canceled_on = issue_date, canceled_at = now()", "partial to canceled is no step"),
        ("issue_date = issue_date + 1", "is issued and cannot change"),
        ("invoice_number = 'LW-2026-9999'", "is issued and cannot change"),
    ],
)
def test_no_unlawful_step(books: Books, invoice: Invoice, change: str, said: str) -> None:
    _refused(books, RESTRICT, said, f"update billing.invoices set {change} where id = '{invoice.id}'")


def test_a_credited_invoice_has_its_credit_note(books: Books, invoice: Invoice) -> None:
    event = (
        f"insert into billing.invoice_events (invoice_id, event_type, actor) values ('{invoice.id}', 'credited', 'x')"
    )
    change = f"update billing.invoices set credited_at = now() where id = '{invoice.id}'"
    _refused(books, CHECK, "has no credit note", event, change)
    _refused(books, CHECK, "lacks an event", change)


def test_canceling_leaves_an_event(books: Books) -> None:
    client = books.client()
    books.prefill(client)
    sent = books.issued(client).invoice
    change = "update billing.invoices set status = 'canceled', canceled_on = issue_date, canceled_at = now()"
    _refused(books, CHECK, "lacks an event", f"{change} where id = '{sent.id}'")


def test_one_deposit_is_used_once_and_again_after_it_was_taken_back(books: Books, invoice: Invoice) -> None:
    again = {"id": "PAY-00000002", "client": invoice.client_id, "deposit": "TX-1", "amount": 100, "currency": "USD"}
    _refused(books, UNIQUE, "deposit TX-1 is used already", DEPOSIT, **again)
    with books.connect() as connection:
        _deposit(connection, "PAY-00000003", invoice.client_id, "TX-3", "100")
        undo(connection, "PAY-00000003", actor="ada", reason="x")
        _deposit(connection, "PAY-00000004", invoice.client_id, "TX-3", "100")
    _refused(books, UNIQUE, "deposit TX-3 is used already", DEPOSIT, **{**again, "deposit": "TX-3"})


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read"])
def test_one_deposit_is_used_once_by_two_at_once(books: Books, isolation: str) -> None:
    client, deposit = books.client(), f"TX-{isolation}"
    with books.connect() as one, books.connect() as two:
        for connection in (one, two):
            connection.execute(f"begin isolation level {isolation}")
            connection.execute("select 1 from billing.payments limit 1")
        _deposit(one, f"PAY-a{len(isolation):07}", client, deposit, "10")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(_deposit, two, f"PAY-b{len(isolation):07}", client, deposit, "10")
            one.execute("commit")
            with pytest.raises(UNIQUE):
                waiting.result(timeout=10)


def test_one_cent_too_much_is_refused_on_either_side(books: Books) -> None:
    client = books.client()
    books.prefill(client)
    books.prefill(client, MAY, totals=["50.00"])
    large, small = books.issued(client).invoice, books.issued(client, MAY).invoice
    with books.connect() as connection:
        _deposit(connection, "PAY-00000010", client, "TX-10", "100.00")
        connection.execute(ALLOCATION, {"payment": "PAY-00000010", "invoice": small.id, "amount": 40})
    allocate = {"payment": "PAY-00000010", "invoice": small.id}
    _refused(books, CHECK, "never_settled_beyond_the_total", ALLOCATION, **allocate, amount=Decimal("10.01"))
    allocate["invoice"] = large.id
    _refused(books, CHECK, "never_allocated_beyond_the_amount", ALLOCATION, **allocate, amount=Decimal("60.01"))
    _refused(books, CHECK, "never_settled|never_allocated", ALLOCATION, **allocate, amount=Decimal("-0.01"))
    with books.connect() as connection:
        connection.execute(ALLOCATION, {**allocate, "amount": 60})
        assert read_invoice(connection, large.id).settled == 60


def test_money_of_another_currency_or_an_invoice_without_open_state_is_refused(books: Books, invoice: Invoice) -> None:
    euros = {"id": "PAY-00000020", "client": invoice.client_id, "deposit": "TX-20", "amount": 10, "currency": "USD"}
    uneven = ALLOCATION.replace("%(amount)s, %(amount)s", "%(amount)s, %(amount)s / 2")
    values = {**euros, "payment": "PAY-00000020", "invoice": invoice.id}
    _refused(books, CHECK, "in one currency", DEPOSIT, uneven, **values)
    client = books.client()
    books.prefill(client)
    gone = books.issued(client).invoice
    with books.connect() as connection:
        cancel(connection, gone.number, actor="ada", today=TODAY, reason="x")
    _refused(books, RESTRICT, "is not open for payments", DEPOSIT, ALLOCATION, **{**values, "invoice": gone.id})


def test_a_document_is_the_bytes_of_its_hash(books: Books, invoice: Invoice) -> None:
    document = (
        "insert into billing.invoice_documents (id, invoice_id, kind, media_type, sha256, bytes, renderer,"
        " template_version)"
        f" values ('DOC-1', '{invoice.id}', 'html', 'text/html', %(sha)s, 'abc', 'x', '1')"
    )
    _refused(books, CHECK, "invoice_documents_check", document, sha="0" * 64)
    right = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    again = document.replace("DOC-1", "DOC-2")
    _refused(books, UNIQUE, "invoice_documents_invoice_id_kind_key", document, again, sha=right)


def test_a_canceled_invoice_is_not_sent_and_one_being_sent_not_canceled(books: Books) -> None:
    client = books.client()
    books.prefill(client)
    sent = books.issued(client).invoice
    delivery = (
        "insert into billing.deliveries (id, invoice_id, document_sha256, channel, target, idempotency_key, state)"
        f" values ('DEL-9', '{sent.id}', repeat('0', 64), 'email', 'x@example.com', 'DEL-9', 'queued')"
    )
    with books.connect() as sender, books.connect() as other:
        sender.execute("begin")
        sender.execute(delivery)
        sender.execute("update billing.deliveries set state = 'sending' where id = 'DEL-9'")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(cancel, other, sent.number, actor="bob", today=TODAY, reason="x")
            sender.execute("commit")
            with pytest.raises((InvoicingError, RESTRICT), match="has left the house"):
                waiting.result(timeout=10)
    books.prefill(client, MAY)
    gone = books.issued(client, MAY).invoice
    with books.connect() as connection:
        cancel(connection, gone.number, actor="bob", today=TODAY, reason="x")
    _refused(books, RESTRICT, "is not sent", delivery.replace(sent.id, gone.id).replace("DEL-9", "DEL-8"))


def test_twenty_payments_at_once_settle_what_is_open_and_no_more(books: Books) -> None:
    client = books.client()
    books.prefill(client)
    sent = books.issued(client).invoice
    with books.connect() as connection:
        for number in range(20):
            _deposit(connection, f"PAY-c{number:07}", client, f"TX-c{number}", "300")

    def allocate(number: int) -> str | None:
        with books.connect() as connection:
            try:
                connection.execute(ALLOCATION, {"payment": f"PAY-c{number:07}", "invoice": sent.id, "amount": 300})
            except psycopg.Error as error:
                return error.sqlstate
        return "allocated"

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(map(str, pool.map(allocate, range(20))))
    assert outcomes == ["23514"] * 17 + ["allocated"] * 3
    with books.connect() as connection:
        assert read_invoice(connection, sent.id).settled == 900
        assert pay(connection, sent.number, Decimal(100), actor="ada", today=TODAY).invoice.status == "paid"


@pytest.mark.parametrize(
    ("role", "readable"),
    [
        ("loader", set()),
        ("transformer", {*TABLES, "invoice_payments"}),
        ("finance", {*TABLES, "invoice_payments"}),
        ("owner", {*TABLES, "invoice_payments"}),
        *(
            (role, {"invoices", "invoice_line_items", "invoice_line_entries", "invoice_events", "invoice_payments"})
            for role in ("analyst", "bi")
        ),
    ],
)
def test_roles_read_what_they_may_and_only_owner_issues(
    books: Books, invoice: Invoice, role: Any, readable: set[str]
) -> None:
    found = set()
    with books.warehouse.connect(role) as connection:
        for table in (*TABLES, "invoice_payments"):
            try:
                connection.execute(f"select count(*) from billing.{table}")
                found.add(table)
            except DENIED:
                pass
        if role != "loader":
            assert connection.execute("select count(*) > 0 from billing.ar_open('2026-07-10')").fetchone() == (True,)
        if role != "owner":
            # A default of readers, which every session may change; the rights are what holds.
            connection.execute("set default_transaction_read_only = off")
            for table in TABLES:
                with pytest.raises(DENIED):
                    connection.execute(f"insert into billing.{table} default values")
    assert found == readable


def test_migrations_run_once_for_many_first_starts(
    create_database: Callable[[], Warehouse], server: EmbeddedServer
) -> None:
    warehouse = create_database()

    def start(_: int) -> None:
        with psycopg.connect(**server.administrator(warehouse.database)) as connection:
            migrate(connection)

    with psycopg.connect(**server.administrator(warehouse.database), autocommit=True) as connection:
        connection.execute("drop schema billing cascade")
        connection.execute("create schema billing authorization billing_keeper")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(start, range(4)))
    with psycopg.connect(**server.administrator(warehouse.database), autocommit=True) as connection:
        assert connection.execute("select version_num from billing.alembic_version").fetchall() == [(REVISIONS[-1],)]
        owners = connection.execute(
            "select distinct tableowner, rolcanlogin from pg_tables inner join pg_roles on tableowner = rolname"
            " where schemaname = 'billing'"
        ).fetchall()
        assert owners == [("billing_keeper", False)]
        connection.execute("update billing.alembic_version set version_num = '9999'")
    with pytest.raises(InvoicingError, match=r"version 9999.*no way back"):
        start(0)


def test_a_dump_restores_the_invoices_and_what_is_refused(
    books: Books, invoice: Invoice, create_database: Callable[[], Warehouse], server: EmbeddedServer, tmp_path: Path
) -> None:
    """As docs/upgrading.md says: dumped as owner, restored by a login that can switch to the keeper."""
    programs = Installation.from_wheel().folder / "bin"
    dump = tmp_path / "billing.sql"
    saved = [str(programs / "pg_dump"), "-n", "billing", "-f", str(dump), books.warehouse.dsn("owner")]
    subprocess.run(saved, check=True, capture_output=True)
    other = create_database()
    administrator = server.administrator(other.database)
    with psycopg.connect(**administrator, autocommit=True) as connection:
        connection.execute("drop schema billing cascade")
    place = psycopg.conninfo.make_conninfo(**administrator)
    restore = [str(programs / "psql"), "-v", "ON_ERROR_STOP=1", "-1", "-q", "-f", str(dump), place]
    subprocess.run(restore, check=True, capture_output=True)
    with psycopg.connect(**administrator) as connection:
        migrate(connection)
    restored = Books(other)
    everything = "select to_jsonb(t) from billing.{} as t order by to_jsonb(t)::text"
    for table in TABLES:
        assert restored.rows(everything.format(table)) == books.rows(everything.format(table)), table
    canceled = f"update billing.invoices set status = 'canceled' where id = '{invoice.id}'"
    _refused(restored, RESTRICT, "is no step", canceled)
    _refused(restored, DENIED, "permission denied", "delete from billing.invoices")
    with restored.connect() as connection:
        paid = pay(connection, invoice.number, Decimal(5), actor="ada", today=TODAY)
    assert paid.invoice.settled == 105
