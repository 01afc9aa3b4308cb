"""The raw tables of Plaid: names, keys and typed columns; and the SPEC.

Deletes: `/transactions/sync` names removed transactions by id alone, so they land in `transaction_removals`; and after
a whole history was read again, what did not come back is gone too, as far as that reading reached. `update_number` (per
Item, growing) decides both in staging: a transaction is removed if its removal has the same or a later number, or if
its own number is smaller than its Item's `full_update_number` and its day not before `full_update_since`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sources.kit.spec import SourceSpec
from sources.kit.table import NOT_VISIBLE_SINCE, QUARANTINE, Column, Table

ITEMS = Table(
    name="items",
    description="Plaid Items: one login at one institution each. Access tokens are in no table.",
    key=("item_id",),
    columns=(
        Column("item_id", "text", "Plaid's id of the Item."),
        Column("institution_id", "text", "Plaid's id of the institution."),
        Column("institution_name", "text", "Name of the institution."),
        Column("error_type", "text", "Type of the error that keeps the Item from being read.", path="error.error_type"),
        Column("error_code", "text", "Code of that error, such as ITEM_LOGIN_REQUIRED.", path="error.error_code"),
        Column("cursor", "text", "Cursor of /transactions/sync behind the last update that was landed."),
        Column("update_number", "bigint", "Number of the last update that was landed."),
        Column("full_update_number", "bigint", "Number of the last update that began with an empty cursor."),
        Column(
            "full_update_since", "date", "First day that this update reached; earlier transactions stay as they are."
        ),
    ),
)

ACCOUNTS = Table(
    name="accounts",
    description="Bank accounts of all Items, with Plaid's cached balances.",
    key=("account_id",),
    identity=("item_id",),
    columns=(
        Column("account_id", "text", "Plaid's id of the account, case-sensitive."),
        Column("item_id", "text", "The Item that the account belongs to.", required=True),
        Column("persistent_account_id", "text", "An id that survives re-linking; few banks give one."),
        Column("mask", "text", "Last digits of the account number; not unique."),
        Column("name", "text", "Name given by the account's holder or the bank."),
        Column("official_name", "text", "Name given by the bank."),
        Column("type", "text", "depository, credit, loan, investment and so on."),
        Column("subtype", "text", "checking, savings, credit card and so on."),
        Column("currency", "text", "ISO code of the balances.", path="balances.iso_currency_code"),
        Column("balance_current", "numeric", "Current balance; positive is owed on credit.", path="balances.current"),
        Column("balance_available", "numeric", "Balance available to spend.", path="balances.available"),
        Column("is_deleted", "boolean", "Plaid, asked for it, does not know it: it was closed, or is not shared."),
        Column("deleted_at", "timestamp", "Start of the run that first missed it, UTC."),
        NOT_VISIBLE_SINCE,
    ),
)

TRANSACTIONS = Table(
    name="transactions",
    description="Bank transactions as /transactions/sync last reported them, pending ones included.",
    key=("transaction_id",),
    identity=("item_id",),
    columns=(
        Column("transaction_id", "text", "Plaid's id of the transaction, case-sensitive."),
        Column("item_id", "text", "The Item that it was read through.", required=True),
        Column("account_id", "text", "The account that moved.", required=True),
        Column("amount", "numeric", "Amount; positive is money out of the account.", required=True),
        Column("iso_currency_code", "text", "ISO code of the amount; null where the next column has it."),
        Column("unofficial_currency_code", "text", "Code of a currency that ISO does not know."),
        Column("date", "date", "Day of posting, of occurrence while pending.", required=True),
        Column("authorized_date", "date", "Day on which the user paid."),
        Column("pending", "boolean", "Whether the bank has not posted it yet."),
        Column("pending_transaction_id", "text", "The pending transaction that this posted one replaces."),
        Column("name", "text", "The bank's text, or the merchant's name."),
        Column("merchant_name", "text", "The merchant as Plaid sees it."),
        Column("original_description", "text", "The bank's own text."),
        Column("category_primary", "text", "Plaid's primary category.", path="personal_finance_category.primary"),
        Column("category_detailed", "text", "Plaid's detailed category.", path="personal_finance_category.detailed"),
        Column("payment_channel", "text", "online, in store or other."),
        Column("update_number", "bigint", "Number of the last update that reported it.", required=True),
    ),
)

TRANSACTION_REMOVALS = Table(
    name="transaction_removals",
    description="Transactions that Plaid reported as removed, by id.",
    key=("transaction_id",),
    identity=("item_id",),
    columns=(
        Column("transaction_id", "text", "Plaid's id of the removed transaction."),
        Column("item_id", "text", "The Item that reported it.", required=True),
        Column("account_id", "text", "The account that it had moved; some removals do not say."),
        Column("removed_at", "timestamp", "Start of the run that learned of the removal, UTC.", required=True),
        Column("update_number", "bigint", "Number of the update that reported it.", required=True),
    ),
)

TABLES = (ITEMS, ACCOUNTS, TRANSACTIONS, TRANSACTION_REMOVALS)

SPEC: Final = SourceSpec(
    name="plaid",
    title="Plaid",
    tables=(*TABLES, QUARANTINE),
    owner="team:finance",
    cron="20 1,7,13,19 * * *",
    fresh_within=timedelta(hours=13),
    required_settings=("client_id", "secret", "access_tokens"),
    optional_settings=("host",),
    probe="items",
    sandbox_settings={
        "host": "{url}/plaid",
        "client_id": "sandbox-plaid-client",
        "secret": "sandbox-plaid-secret",
    },
    is_vendor=True,
    age_tables=("accounts", "transactions"),
)
