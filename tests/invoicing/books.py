"""A warehouse whose marts are filled by hand, as far as invoicing reads them, so that no build is needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from invoicing.issuing import Outcome, issue
from invoicing.prefills import Warned, read_prefill
from orchestration.warehouse.connection import Warehouse

TODAY = date(2026, 7, 10)
JUNE = date(2026, 6, 1)
MAY = date(2026, 5, 1)
ZERO = Decimal(0)

_TABLES = """
    create table intermediate.int_identity__agency (
        legal_name text, address text, tax_id text, bank text, swift text, invoice_number_format text, logo text,
        currency text,
        timezone text, calendar text, vat_id text, registration_id text, registration_scheme text, street text,
        city text, zip_code text, country text, e_address text, e_address_scheme text, contact_name text,
        contact_phone text, contact_email text, bank_accounts jsonb default '{}'
    );
    create table marts.clients (
        id text, name text, company_name text, trading_name text, parent_client_id text, account_number text,
        tax_id text, payment_terms text,
        contact_name text,
        contact_email text, email text, billing_address_same boolean, address_line_1 text, address_line_2 text,
        city text, state text,
        zip_code text, country text, billing_address_line_1 text, billing_address_line_2 text, billing_city text,
        billing_state text,
        billing_zip_code text, billing_country text, language text, date_format text, paper_size text,
        e_invoice boolean, vat_id text, e_address text, e_address_scheme text, buyer_reference text,
        invoice_number_format text
    );
    create table marts.invoice_prefills (
        id text, client_id text, currency text, invoice_month date, subtotal numeric(14, 2), tax_rate numeric,
        tax numeric(14, 2),
        total numeric(14, 2), warnings jsonb, vat_category text, vat_exemption_reason text
    );
    create table marts.invoice_prefill_lines (
        id text, prefill_id text, basis text, line_type text, application_id text, contract_id text,
        contract_period_id text,
        billing_rule_id text, rate_tier text,
        project_id text, issue_key text, description text, raw_seconds bigint, billable_seconds bigint,
        quantity numeric(14, 4),
        unit_price numeric(16, 4), rate_multiplier numeric(8, 4), line_total numeric(14, 2), rate_source text,
        billing_rule_snapshot jsonb
    );
    create table marts.invoice_prefill_line_entries (
        line_id text, time_entry_id text, raw_seconds bigint, billable_seconds bigint
    );
    create table marts.time_entries (
        id text, description text, local_date date, start_time timestamptz, allocated_seconds bigint, status text
    );
    create table intermediate.int_billing__billed_months (
        client_id text, currency text, billed_month date, invoice_id text, billed_by text
    );
    create table intermediate.int_reports__entry_amounts (line_id text, time_entry_id text, amount numeric(14, 2));
    create table staging.stg_plaid__transactions (
        transaction_id text, plaid_amount numeric, currency text, is_pending boolean, is_deleted boolean
    );
    create table intermediate.int_money__deposits (
        id text, transaction_id text, date date, amount numeric(14, 2), amount_as_sent numeric, currency text,
        description text, payer text, bank_text text, method text, account_id text, client_id text, is_income boolean,
        fees jsonb
    );
    create table staging.stg_reference__fx_rates (
        from_currency text, to_currency text, rate_date date, rate numeric, row_number bigint
    );
"""


@dataclass
class Books:
    """The warehouse, the marts of which a test fills; each client is a test's own."""

    warehouse: Warehouse
    clients: int = 0
    deposits: int = 0

    def create(self) -> None:
        """Create the tables and the agency."""
        with self.warehouse.connect("transformer") as connection:
            connection.execute(_TABLES)
            connection.execute(
                "insert into intermediate.int_identity__agency values ('Lanternworks', '12 Lantern Street', '00-1',"
                " 'Riverbend Bank 5809', 'RVBDUS00', 'LW-{year}-{number:04}', null, 'USD', 'America/New_York',"
                " 'default')"
            )

    def connect(self) -> psycopg.Connection[Any]:
        """A connection of role owner."""
        return self.warehouse.connect("owner")

    def client(self, payment_terms: str = "net30", parent: str | None = None) -> str:
        """A new client; returns its identifier."""
        self.clients += 1
        client_id = f"CLI-{self.clients:08}"
        self.change(
            "insert into marts.clients (id, name, company_name, parent_client_id, account_number, payment_terms,"
            " billing_address_same, address_line_1, city, country)"
            " values (%s, %s, %s, %s, %s, %s, true, '1 Main Road', 'Riverbend', 'US')",
            (
                client_id,
                f"client {self.clients}",
                f"Client {self.clients} Ltd",
                parent,
                f"C{self.clients:04}",
                payment_terms,
            ),
        )
        return client_id

    def prefill(
        self,
        client: str,
        month: date = JUNE,
        totals: Sequence[str] = ("1000.00",),
        *,
        currency: str = "USD",
        tax_rate: str = "0",
        warnings: Sequence[Warned] = (),
    ) -> None:
        """Replace a client's prefill: one line of two entries for each total, at 100.00 an hour."""
        prefill_id = f"PRE-{client}-{currency}-{month:%Y%m}"
        subtotal = sum(map(Decimal, totals), Decimal(0))
        tax = (subtotal * Decimal(tax_rate)).quantize(Decimal("0.01"))
        with self.warehouse.connect("transformer", autocommit=False) as connection:
            for statement in (
                "delete from intermediate.int_reports__entry_amounts where line_id like %s",
                "delete from marts.invoice_prefill_line_entries where line_id like %s",
                "delete from marts.time_entries where id like %s",
                "delete from marts.invoice_prefill_lines where prefill_id like %s",
                "delete from marts.invoice_prefills where id like %s",
            ):
                connection.execute(statement, (f"%{prefill_id}%",))
            connection.execute(
                "insert into marts.invoice_prefills values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    prefill_id,
                    client,
                    currency,
                    month,
                    subtotal,
                    Decimal(tax_rate),
                    tax,
                    subtotal + tax,
                    Jsonb([{"code": one.code, "detail": one.detail} for one in warnings]),
                ),
            )
            for number, total in enumerate(totals, 1):
                self._line(connection, prefill_id, number, Decimal(total), month)

    def _line(
        self, connection: psycopg.Connection[Any], prefill_id: str, number: int, total: Decimal, month: date
    ) -> None:
        line_id = f"LIN-{prefill_id}-{number}"
        seconds = int(total * 36)
        connection.execute(
            "insert into marts.invoice_prefill_lines (id, prefill_id, basis, line_type, project_id, description,"
            " raw_seconds, billable_seconds, quantity, unit_price, rate_multiplier, line_total, rate_source,"
            " billing_rule_snapshot) values (%s, %s, 'client_terms', 'hourly', 'PRJ-1', %s, %s, %s, %s, 100, 1, %s,"
            " 'project_terms.hourly_rate', '{\"hourly_rate\": 100.10}')",
            (line_id, prefill_id, f"Work {number}", seconds, seconds, Decimal(seconds) / 3600, total),
        )
        half = seconds // 2
        amount = (total / 2).quantize(Decimal("0.01"))
        for part, (part_seconds, part_amount) in enumerate([(half, amount), (seconds - half, total - amount)], 1):
            entry_id = f"TIM-{prefill_id}-{number}-{part}"
            connection.execute(
                "insert into marts.time_entries values (%s, 'Wrote it', %s, %s, %s, 'submitted')",
                (entry_id, month, month, part_seconds),
            )
            connection.execute(
                "insert into marts.invoice_prefill_line_entries values (%s, %s, %s, %s)",
                (line_id, entry_id, part_seconds, part_seconds),
            )
            connection.execute(
                "insert into intermediate.int_reports__entry_amounts values (%s, %s, %s)",
                (line_id, entry_id, part_amount),
            )

    def deposit(
        self,
        amount: str,
        text: str,
        *,
        on: date = TODAY,
        payer: str | None = None,
        client: str | None = None,
        currency: str = "USD",
        is_income: bool = True,
        fees: Sequence[dict[str, Any]] = (),
    ) -> str:
        """A posted deposit as the models make it; returns its identifier, which is TXN- and the bank's."""
        self.deposits += 1
        name = f"bank-{self.deposits}"
        self.change(
            "insert into staging.stg_plaid__transactions values (%s, %s, %s, false, false)",
            (name, -Decimal(amount), currency),
        )
        self.change(
            "insert into intermediate.int_money__deposits"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'wire', 'CHK-1', %s, %s, %s)",
            (
                f"TXN-{name}",
                name,
                on,
                Decimal(amount),
                Decimal(amount),
                currency,
                text,
                payer,
                text,
                client,
                is_income,
                Jsonb(list(fees)),
            ),
        )
        return f"TXN-{name}"

    def withdraw(self, deposit: str) -> None:
        """The bank withdraws a deposit."""
        name = deposit.removeprefix("TXN-")
        self.change("update staging.stg_plaid__transactions set is_deleted = true where transaction_id = %s", (name,))
        self.change("delete from intermediate.int_money__deposits where transaction_id = %s", (name,))

    def change(self, statement: Any, values: Any = None) -> None:
        """Change a mart, as a build does."""
        with self.warehouse.connect("transformer") as connection:
            connection.execute(statement, values)

    def rows(self, query: Any, values: Any = None) -> list[tuple[Any, ...]]:
        """Run a query as owner."""
        with self.connect() as connection:
            return connection.execute(query, values).fetchall()

    def issued(self, client: str, month: date = JUNE, **options: Any) -> Outcome:
        """Issue a client's month."""
        with self.connect() as connection:
            return issue(connection, client, month, **{"actor": "ada", "today": TODAY, **options})

    def hash(self, client: str, month: date = JUNE) -> str:
        """The hash of a prefill as it is."""
        with self.connect() as connection:
            return read_prefill(connection, client, month).hash
