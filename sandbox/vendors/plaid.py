"""Plaid's API 2020-09-14 as described in vendors, chapter 5, and the agency's bank accounts in it.

Paths are the vendor's own below `/plaid`: `/plaid/transactions/sync`. An update is the difference between two states of
`transactions.jsonl`, found in the journal of edits; its pages are cut from one list of added, modified and removed, and
an edit between two pages is answered with TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION, as the vendor does.

A dataset may use these `_sandbox` keys, besides the general ones:

- an item's line: `owner`, its access token (default `access-sandbox-<item_id>`); `not_ready`: true while the first
  update is not ready; `stale_before`: an ISO time; cursors older than that always fail. A line whose `error` is not
  null answers every call for its data with that error.
- an account's or a transaction's line: `owner`, the access token it is served to; a transaction without one has its
  account's, an account without one is served to every token.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import orjson

from sandbox.agency import Agency, BankAccount, BankItem
from sandbox.dataset import Record, VendorData, format_time, parse_time
from sandbox.vendors import Request, Response, Route

CLIENT_ID = "sandbox-plaid-client"
SECRET = "sandbox-plaid-secret"
DEFAULT_COUNT = 100
MAXIMUM_COUNT = 500

COLLECTIONS = {"items": "item_id", "accounts": "account_id", "transactions": "transaction_id"}


def authenticate(request: Request, _data: VendorData) -> Response | None:
    """Require client id and secret, in headers or body; the access token decides whose records are seen."""
    body = request.json()
    if not isinstance(body, dict):
        return _error(400, "INVALID_REQUEST", "INVALID_BODY", "body could not be parsed as JSON")
    client_id = request.headers.get("plaid-client-id", body.get("client_id"))
    secret = request.headers.get("plaid-secret", body.get("secret"))
    if client_id != CLIENT_ID or secret != SECRET:
        return _error(400, "INVALID_INPUT", "INVALID_API_KEYS", "invalid client_id or secret provided")
    request.owner = body.get("access_token")
    return None


def not_found(_request: Request) -> Response:
    """Answer an unknown path."""
    return _error(404, "INVALID_REQUEST", "NOT_FOUND", "the requested resource does not exist")


def access_token(item: Record) -> str:
    """Return the access token of an item."""
    return item.owner or f"access-sandbox-{item.key}"


def routes(data: VendorData) -> list[Route]:
    """Return the endpoints that the source and plaid-python's plain clients use."""

    def with_item(answer: Callable[[Request, Record], Response], *, healthy: bool) -> Callable[[Request], Response]:
        def handler(request: Request) -> Response:
            item = next((each for each in data.records("items") if access_token(each) == request.owner), None)
            if item is None:
                return _error(400, "INVALID_INPUT", "INVALID_ACCESS_TOKEN", "could not find matching access token")
            problem = item.value.get("error")
            if healthy and problem:
                return _error(400, problem["error_type"], problem["error_code"], problem.get("error_message", ""))
            return answer(request, item)

        return handler

    def item_get(request: Request, item: Record) -> Response:
        changes = data.changes("transactions")
        updated = changes[-1].at if changes else data.collections["transactions"].first_seen_at or data.now()
        status = {"transactions": {"last_successful_update": format_time(updated), "last_failed_update": None}}
        return _answer(request, {"item": item.value, "status": status})

    def accounts_get(request: Request, item: Record) -> Response:
        accounts = [account.value for account in _accounts(data, access_token(item))]
        options = request.json().get("options") or {}
        if wanted := options.get("account_ids"):
            accounts = [account for account in accounts if account["account_id"] in wanted]
            if len(accounts) < len(wanted):
                message = "one of the account_id(s) specified in the API call is invalid or does not exist"
                return _error(400, "INVALID_INPUT", "INVALID_ACCOUNT_ID", message)
        return _answer(request, {"accounts": accounts, "item": item.value})

    def transactions_sync(request: Request, item: Record) -> Response:
        return _sync(data, request, item)

    def reset_login(request: Request, item: Record) -> Response:
        problem = {
            "error_type": "ITEM_ERROR",
            "error_code": "ITEM_LOGIN_REQUIRED",
            "error_message": "the login details of this item have changed",
            "display_message": None,
        }
        data.edit("items", update={item.key: {"error": problem}})
        return _answer(request, {"reset_login": True})

    return [
        Route("POST", "/item/get", with_item(item_get, healthy=False)),
        Route("POST", "/accounts/get", with_item(accounts_get, healthy=True)),
        Route("POST", "/accounts/balance/get", with_item(accounts_get, healthy=True)),
        Route("POST", "/transactions/sync", with_item(transactions_sync, healthy=True)),
        Route("POST", "/sandbox/item/reset_login", with_item(reset_login, healthy=True)),
    ]


def export(agency: Agency) -> dict[str, Iterable[dict[str, Any]]]:
    """Return the lines of the made-up agency's banks."""
    return {
        "items": map(_item_line, agency.items),
        "accounts": map(_account_line, agency.accounts),
        "transactions": _transaction_lines(agency),
    }


def _item_line(item: BankItem) -> dict[str, Any]:
    problem = {
        "error_type": "ITEM_ERROR",
        "error_code": "ITEM_LOGIN_REQUIRED",
        "error_message": "the login details of this item have changed",
        "display_message": None,
    }
    return {
        "item_id": item.item_id,
        "institution_id": item.institution_id,
        "institution_name": item.institution_name,
        "webhook": None,
        "error": problem if item.needs_login else None,
        "available_products": ["balance"],
        "billed_products": ["transactions"],
        "consent_expiration_time": None,
        "update_type": "background",
        "_sandbox": {"owner": item.access_token},
    }


def _account_line(account: BankAccount) -> dict[str, Any]:
    kind = ("credit", "credit card") if account.kind == "credit" else ("depository", account.kind)
    balance = account.balance_cents / 100
    return {
        "account_id": account.account_id,
        "balances": {
            "available": None if account.kind == "credit" else balance,
            "current": balance,
            "limit": 25000 if account.kind == "credit" else None,
            "iso_currency_code": account.currency,
            "unofficial_currency_code": None,
        },
        "mask": account.mask,
        "name": account.name,
        "official_name": None,
        "type": kind[0],
        "subtype": kind[1],
        "_sandbox": {"owner": account.item.access_token},
    }


def _transaction_lines(agency: Agency) -> Iterable[dict[str, Any]]:
    replaced = {payment.pending_id: payment for payment in agency.payments if payment.pending_id}
    for payment in agency.payments:
        posted = replaced.get(payment.transaction_id)
        # The bank removed what it has posted since.
        marks = {"_sandbox": {"deleted_at": f"{posted.booked_on}T00:00:00Z"}} if posted else {}
        yield {
            "transaction_id": payment.transaction_id,
            "account_id": payment.account.account_id,
            "amount": payment.amount_cents / 100,
            "iso_currency_code": payment.account.currency,
            "unofficial_currency_code": None,
            "date": payment.booked_on.isoformat(),
            "datetime": None,
            "authorized_date": payment.authorized_on.isoformat() if payment.authorized_on else None,
            "authorized_datetime": None,
            "name": payment.name,
            "merchant_name": payment.merchant,
            "original_description": payment.name,
            "pending": payment.pending,
            "pending_transaction_id": payment.pending_id,
            "payment_channel": "online" if payment.merchant else "other",
            "personal_finance_category": {
                "primary": payment.category[0],
                "detailed": payment.category[1],
                "confidence_level": "HIGH",
            },
            "account_owner": None,
            "category": None,
            "category_id": None,
            "check_number": None,
            "transaction_code": None,
            "location": dict.fromkeys(
                ("address", "city", "region", "postal_code", "country", "lat", "lon", "store_number")
            ),
            "payment_meta": dict.fromkeys(
                (
                    "by_order_of",
                    "payee",
                    "payer",
                    "payment_method",
                    "payment_processor",
                    "ppd_id",
                    "reason",
                    "reference_number",
                )
            ),
            **marks,
        }


def _request_id(request: Request) -> str:
    return hashlib.sha256(request.body + request.path.encode()).hexdigest()[:15]


def _answer(request: Request, body: dict[str, Any]) -> Response:
    return Response({**body, "request_id": _request_id(request)})


def _error(status: int, kind: str, code: str, message: str) -> Response:
    return Response(
        {
            "error_type": kind,
            "error_code": code,
            "error_message": message,
            "display_message": None,
            "request_id": hashlib.sha256(f"{kind}{code}".encode()).hexdigest()[:15],
            "status": status,
        },
        status,
    )


def _accounts(data: VendorData, token: str) -> list[Record]:
    return data.records("accounts", token)


def _belongs(record: Record, token: str, accounts: set[str]) -> bool:
    return record.owner == token if record.owner is not None else str(record.value.get("account_id")) in accounts


def _state(data: VendorData, token: str, changes: int, at: datetime) -> dict[str, Record]:
    """Return the transactions that the token saw after the journal's first `changes` entries, at a moment."""
    known = dict(data.collections["transactions"].by_key)
    for change in reversed(data.changes("transactions")[changes:]):
        if change.before is None:
            known.pop(change.key, None)
        else:
            known[change.key] = change.before
    # An account that was closed since still owned its transactions then.
    accounts = {record.key for record in data.collections["accounts"].records if record.owner in (None, token)}
    return {key: record for key, record in known.items() if record.is_visible(at) and _belongs(record, token, accounts)}


def _cursor(token: str, **position: Any) -> str:
    seal = hashlib.sha256(token.encode()).hexdigest()[:8]
    return base64.urlsafe_b64encode(orjson.dumps({"seal": seal, **position})).decode()


def _read_cursor(text: str, token: str) -> dict[str, Any] | None:
    try:
        position = orjson.loads(base64.urlsafe_b64decode(text.encode()))
    except ValueError:
        return None
    if not isinstance(position, dict) or position.get("seal") != hashlib.sha256(token.encode()).hexdigest()[:8]:
        return None
    return position


def _date_of(record: Record) -> tuple[str, str]:
    return str(record.value.get("date") or ""), record.key


def _sync(data: VendorData, request: Request, item: Record) -> Response:
    body = request.json()
    token = access_token(item)
    count = body.get("count", DEFAULT_COUNT)
    if not isinstance(count, int) or not 1 <= count <= MAXIMUM_COUNT:
        return _error(400, "INVALID_REQUEST", "INVALID_FIELD", f"count must be between 1 and {MAXIMUM_COUNT}")
    empty: dict[str, Any] = {"accounts": [], "added": [], "modified": [], "removed": []}
    if item.marks.get("not_ready"):
        return _answer(
            request, {**empty, "next_cursor": "", "has_more": False, "transactions_update_status": "NOT_READY"}
        )
    start: dict[str, Any] | None = None
    if text := body.get("cursor"):
        start = _read_cursor(text, token)
        if start is None:
            return _error(400, "INVALID_INPUT", "INVALID_FIELD", "cursor not associated with access_token")
    journal, now = len(data.changes("transactions")), data.now()
    offset = 0
    base = start
    if start is not None and "offset" in start:
        offset, base = start["offset"], start["base"]
        if journal != start["changes"]:
            return _mutated()
        now = parse_time(start["at"])
    stale_before = item.mark_time("stale_before")
    if base is not None and stale_before is not None and parse_time(base["at"]) < stale_before:
        return _mutated()
    before = _state(data, token, base["changes"], parse_time(base["at"])) if base else {}
    after = _state(data, token, journal, now)
    added = sorted((record for key, record in after.items() if key not in before), key=_date_of)
    modified = sorted(
        (record for key, record in after.items() if key in before and before[key].value != record.value), key=_date_of
    )
    removed = sorted((record for key, record in before.items() if key not in after), key=_date_of)
    rows = [
        *(("added", record.value) for record in added),
        *(("modified", record.value) for record in modified),
        *(
            ("removed", {"transaction_id": record.key, "account_id": record.value.get("account_id")})
            for record in removed
        ),
    ]
    page = rows[offset : offset + count]
    has_more = offset + count < len(rows)
    position: dict[str, Any] = {"changes": journal, "at": format_time(now)}
    if has_more:
        position |= {"offset": offset + count, "base": base}
    lists: dict[str, list[Any]] = {
        name: [row for kind, row in page if kind == name] for name in empty if name != "accounts"
    }
    touched = {row.get("account_id") for _, row in page}
    return _answer(
        request,
        {
            "accounts": [account.value for account in _accounts(data, token) if account.key in touched],
            **lists,
            "next_cursor": text if not rows and text else _cursor(token, **position),
            "has_more": has_more,
            "transactions_update_status": "HISTORICAL_UPDATE_COMPLETE",
        },
    )


def _mutated() -> Response:
    return _error(
        400,
        "TRANSACTIONS_ERROR",
        "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION",
        "underlying transaction data changed since last page was fetched; restart pagination from the last update",
    )
