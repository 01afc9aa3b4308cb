"""The dlt source of Plaid: Items, accounts, transactions; one cursor per Item, committed with its rows.

Every Item is walked as a whole before anything of it is yielded (vendors 5.5): a mutation between two pages discards
what was staged and begins again at the cursor that the update began with; a cursor that keeps failing gives way to a
new reading of the whole history. The new cursor is state of the load that lands the rows. An Item that cannot be read
lands its error and its old cursor and does not stop the others.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

import dlt

from sources.kit import landed
from sources.kit.account import address_of, hold_account
from sources.kit.arrow import PerRecord, to_arrow
from sources.kit.census import PRESENT, Census, refuse_loss
from sources.kit.errors import SourceError
from sources.kit.landed import declare
from sources.kit.quarantine import Quarantine, quarantined_records
from sources.kit.table import Table
from sources.plaid.client import HOSTS, Connection, CursorRefused, ItemError, MutationDuringPagination, PlaidClient
from sources.plaid.schema import ACCOUNTS, ITEMS, TRANSACTION_REMOVALS, TRANSACTIONS

logger = logging.getLogger(__name__)

MAXIMUM_RESTARTS = 5


@dataclass
class ItemUpdate:
    """What one Item had to tell: its own object, accounts, and the staged rows of one whole update."""

    item: dict[str, Any]
    token: str = field(repr=False)
    cursor: str | None
    number: int
    full_number: int
    full_since: str | None
    """The first day that the last reading of the whole history reached, ISO."""
    accounts: list[Any] = field(default_factory=list)
    """Empty where they could not be read."""
    transactions: list[Any] = field(default_factory=list)
    removed: list[Any] = field(default_factory=list)


class Walk:
    """One reading of all Items, made on the first request for any of its parts and shared by the resources."""

    def __init__(self) -> None:
        """Read nothing yet."""
        self._updates: list[ItemUpdate] | None = None
        self._client: PlaidClient | None = None
        self._yielded: set[str] = set()

    def updates(self, connection: Connection, access_tokens: str) -> list[ItemUpdate]:
        """Walk all Items once.

        Raises `SourceError` when there is no token or no Item could be read, `CredentialError` for a wrong client.
        """
        if self._updates is None:
            tokens = list(dict.fromkeys(access_tokens.replace(",", " ").split()))
            if not tokens:
                raise SourceError(
                    "plaid: no access token is given; set SOURCES__PLAID__ACCESS_TOKENS, separated by commas"
                )
            client = self.client(connection)
            state = dlt.current.source_state().setdefault("items", {})
            found = [
                _read_item(client, token, place, len(tokens), state) for place, token in enumerate(tokens, start=1)
            ]
            self._updates = [update for update in found if update is not None]
            if not self._updates:
                raise SourceError(
                    f"plaid: none of the {len(tokens)} access tokens opens an Item; "
                    "link the accounts again and set SOURCES__PLAID__ACCESS_TOKENS"
                )
            _hold_client(connection, self._updates)
        return self._updates

    def client(self, connection: Connection) -> PlaidClient:
        """The one client of the run."""
        if self._client is None:
            self._client = PlaidClient(connection)
        return self._client

    def commit(self, name: str) -> None:
        """Advance the cursors once both kinds of rows that an update tells of have been yielded."""
        self._yielded.add(name)
        if self._yielded >= {TRANSACTIONS.name, TRANSACTION_REMOVALS.name}:
            state = dlt.current.source_state().setdefault("items", {})
            for update in self._updates or []:
                state[update.item["item_id"]] = {
                    "cursor": update.cursor,
                    "number": update.number,
                    "full_number": update.full_number,
                    "full_since": update.full_since,
                }


def _hold_client(connection: Connection, updates: list[ItemUpdate]) -> None:
    """Refuse another client or environment than the one whose rows have landed.

    What landed before clients were remembered does not tell its client, but another one has none of its Items.
    """
    environment = connection.host if connection.host in HOSTS else address_of(connection.host)
    # An id of one's own, because raw tables hold nothing of the credentials.
    key = f"{environment}:{hashlib.sha256(connection.client_id.encode()).hexdigest()[:12]}"

    def landed_client() -> dict[str, str]:
        items = {row[0]: row[1] or row[0] for row in landed.rows(ITEMS, ("item_id", "institution_name"))}
        return {} if items.keys() & {update.item["item_id"] for update in updates} else items

    hold_account("plaid", "client", {key: environment}, landed_client)


def _read_item(client: PlaidClient, token: str, place: int, count: int, state: dict[str, Any]) -> ItemUpdate | None:
    name = f"access token {place} of {count}"
    try:
        item = client.item(token)
    except ItemError as problem:
        logger.warning("plaid: %s is of no use (%s); link the account again and replace the token", name, problem.code)
        return None
    if not isinstance(item.get("item_id"), str):
        raise SourceError(f"plaid: item/get for {name} answered without an item_id; run again later")
    known = state.get(item["item_id"], {})
    update = ItemUpdate(
        item,
        token,
        known.get("cursor"),
        known.get("number", 0),
        known.get("full_number", 0),
        known.get("full_since"),
    )
    try:
        accounts = client.accounts(token)
        _read_transactions(client, token, update)
        update.accounts = accounts
    except ItemError as problem:
        update.item = {**item, "error": item.get("error") or {"error_type": problem.kind, "error_code": problem.code}}
        logger.warning(
            "plaid: Item %s (%s) cannot be read (%s); its owner must sign in again at the bank; the others go on",
            item["item_id"],
            item.get("institution_name") or "institution unknown",
            problem.code,
        )
    return update


def _read_transactions(client: PlaidClient, token: str, update: ItemUpdate) -> None:
    """Stage one whole update into `update`; nothing of a failed attempt remains."""
    start = update.cursor
    item_id = update.item["item_id"]
    restarts = 0
    while True:
        try:
            added, modified, removed, cursor = _read_pages(client, token, start)
            break
        except MutationDuringPagination:
            restarts += 1
            if restarts > MAXIMUM_RESTARTS:
                if start is None:
                    raise SourceError(
                        f"plaid: the data changed during {restarts} readings in a row; run again later"
                    ) from None
                # Plaid's own cure for a cursor that keeps failing (vendors 5.1).
                logger.warning(
                    "plaid: the stored cursor of Item %s fails; reading its history from the beginning", item_id
                )
                start, restarts = None, 0
        except CursorRefused:
            if start is None:
                raise SourceError(
                    "plaid: a reading without a cursor was refused for its cursor; run again later"
                ) from None
            logger.warning(
                "plaid: the stored cursor of Item %s is refused; reading its history from the beginning", item_id
            )
            start = None
    if cursor is None or (cursor == start and not (added or modified or removed)):
        return
    update.number += 1
    if start is None:
        _refuse_shrunken(item_id, added)
        update.full_number = update.number
        update.full_since = min((day for row in added if (day := _day(row))), default=None)
    update.cursor = cursor
    # Added, then modified: of rows with one id the last counts.
    update.transactions = [*added, *modified]
    update.removed = removed


def _refuse_shrunken(item_id: str, added: list[Any]) -> None:
    """Refuse a new reading of the whole history that lacks far too much of what landed from the days that it reaches.

    Earlier days are beyond it: what landed of them stays (vendors 5.1).
    """
    days = [day for row in added if (day := _day(row))]
    condition = "item_id = %s and not coalesce(pending, false) and date >= %s"
    landed_ids = {
        row[0]
        for row in landed.rows(TRANSACTIONS, ("transaction_id",), condition, item_id, min(days, default="1970-01-01"))
    }
    landed_ids -= {row[0] for row in landed.rows(TRANSACTION_REMOVALS, ("transaction_id",), "item_id = %s", item_id)}
    came = {row.get("transaction_id") for row in added if isinstance(row, dict)}
    refuse_loss("plaid", f"transactions of Item {item_id}", len(landed_ids - came), len(landed_ids))


def _day(row: Any) -> str | None:
    try:
        return date.fromisoformat(row["date"]).isoformat()
    except (KeyError, TypeError, ValueError):
        return None


def _read_pages(
    client: PlaidClient, token: str, start: str | None
) -> tuple[list[Any], list[Any], list[Any], str | None]:
    """All pages of one update; the cursor is None while Plaid has not prepared any data."""
    added: list[Any] = []
    modified: list[Any] = []
    removed: list[Any] = []
    cursor = start
    while True:
        page = client.sync(token, cursor)
        added += page["added"]
        modified += page["modified"]
        removed += page["removed"]
        if page["has_more"] and page["next_cursor"] in ("", cursor):
            raise SourceError("plaid: transactions/sync says has_more but its cursor does not move; run again later")
        # An empty cursor means "not ready yet", which must never be stored.
        cursor = page["next_cursor"] or None
        if not page["has_more"]:
            return added, modified, removed, cursor if page["next_cursor"] else None


@dlt.source(name="plaid", section="plaid", max_table_nesting=0)
def plaid() -> Any:
    """Everything that lands from Plaid, as resources named like their tables."""
    quarantine = Quarantine("plaid")
    walk = Walk()

    def landing(table: Table, batches: Callable[[list[ItemUpdate], PlaidClient], Iterator[Any]]) -> Any:
        @dlt.resource(**table.dlt_hints())
        def rows(
            client_id: str = dlt.secrets.value,
            secret: str = dlt.secrets.value,
            access_tokens: str = dlt.secrets.value,
            host: str = "production",
        ) -> Iterator[Any]:
            yield from declare(table)
            connection = Connection(client_id, secret, host)
            yield from batches(walk.updates(connection, access_tokens), walk.client(connection))
            yield from quarantine.flush()
            walk.commit(table.name)

        return rows

    def items(updates: list[ItemUpdate], _: PlaidClient) -> Iterator[Any]:
        extra = {
            "cursor": PerRecord([update.cursor for update in updates]),
            "update_number": PerRecord([update.number for update in updates]),
            "full_update_number": PerRecord([update.full_number for update in updates]),
            "full_update_since": PerRecord([update.full_since for update in updates]),
        }
        yield to_arrow(ITEMS, [update.item for update in updates], quarantine=quarantine, extra=extra)

    def accounts(updates: list[ItemUpdate], client: PlaidClient) -> Iterator[Any]:
        for update in updates:
            yield to_arrow(ACCOUNTS, update.accounts, quarantine=quarantine, extra={**_of(update), **PRESENT})
            # None where they could not be read.
            if update.accounts:
                shown = [row.get("account_id") if isinstance(row, dict) else None for row in update.accounts]
                yield from _census(update, client, quarantine).marks(shown, partial(_added, update))

    def transactions(updates: list[ItemUpdate], _: PlaidClient) -> Iterator[Any]:
        for update in updates:
            extra = {**_of(update), "update_number": update.number}
            yield to_arrow(TRANSACTIONS, update.transactions, quarantine=quarantine, extra=extra)

    def transaction_removals(updates: list[ItemUpdate], _: PlaidClient) -> Iterator[Any]:
        for update in updates:
            extra = {**_of(update), "update_number": update.number, "removed_at": quarantine.found_at}
            yield to_arrow(TRANSACTION_REMOVALS, update.removed, quarantine=quarantine, extra=extra)

    return (
        landing(ITEMS, items),
        landing(ACCOUNTS, accounts),
        landing(TRANSACTIONS, transactions),
        landing(TRANSACTION_REMOVALS, transaction_removals),
        quarantined_records(),
    )


def _census(update: ItemUpdate, client: PlaidClient, quarantine: Quarantine) -> Census:
    item_id = update.item["item_id"]
    return Census(
        ACCOUNTS,
        quarantine,
        f"accounts of Item {item_id}",
        "item_id = %s",
        (item_id,),
        partial(client.ask, update.token),
    )


def _added(update: ItemUpdate, _: Sequence[Any]) -> dict[str, Any]:
    return _of(update)


def _of(update: ItemUpdate) -> dict[str, Any]:
    return {"item_id": update.item["item_id"]}
