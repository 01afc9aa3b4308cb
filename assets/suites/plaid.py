"""Expectations of Plaid's raw tables. Amounts and names are for finance only, so only counts are reported."""

from typing import Final

from assets.suites.rules import CURRENCY, Suite, between, filled, matches, one_of, plausible_time
from sources.plaid import schema

# Ids are opaque and case-sensitive; they never contain blanks.
_ID: Final = r"^[A-Za-z0-9_-]{4,128}$"
# Larger than any amount on an agency's accounts, in any currency.
_MOST_AMOUNT: Final = 100_000_000

SUITE: Final = Suite(
    "plaid",
    {
        schema.ITEMS: (
            matches("item_id", _ID),
            matches("institution_id", r"^ins_\S+$", severity="warning"),
            matches("error_code", r"^[A-Z0-9_]+$"),
            between("update_number", 0, severity="critical"),
        ),
        schema.ACCOUNTS: (
            matches("account_id", _ID),
            matches("item_id", _ID),
            # Two to four characters, usually digits.
            matches("mask", r"^[A-Za-z0-9]{2,4}$"),
            matches("currency", CURRENCY),
            one_of("type", ("depository", "credit", "loan", "investment", "payroll", "brokerage", "other")),
            between("balance_current", -_MOST_AMOUNT, _MOST_AMOUNT),
            between("balance_available", -_MOST_AMOUNT, _MOST_AMOUNT),
            *plausible_time("deleted_at"),
        ),
        schema.TRANSACTIONS: (
            *(matches(column, _ID) for column in ("transaction_id", "item_id", "account_id", "pending_transaction_id")),
            matches("iso_currency_code", CURRENCY),
            matches("category_primary", r"^[A-Z_]+$", severity="warning"),
            one_of("payment_channel", ("online", "in store", "other")),
            filled("pending"),
            between("amount", -_MOST_AMOUNT, _MOST_AMOUNT),
            between("update_number", 0, severity="critical"),
            *plausible_time("date", "authorized_date"),
        ),
        schema.TRANSACTION_REMOVALS: (
            matches("transaction_id", _ID),
            matches("item_id", _ID),
            *plausible_time("removed_at"),
        ),
    },
    shows_values=False,
)
