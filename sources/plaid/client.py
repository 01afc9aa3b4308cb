"""Calls to Plaid through plaid-python, with the retries, limits and readable failures that it lacks.

Answers are parsed from their text, because the library turns amounts into floats and lets one malformed record spoil
its page (vendors 5.4). Access tokens go into request bodies alone and never into a message: even the library's own
`repr` of a request prints them.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import plaid
import urllib3
from plaid.api import plaid_api
from plaid.model.accounts_get_request import AccountsGetRequest
from plaid.model.accounts_get_request_options import AccountsGetRequestOptions
from plaid.model.item_get_request import ItemGetRequest
from plaid.model.transactions_sync_request import TransactionsSyncRequest
from plaid.model.transactions_sync_request_options import TransactionsSyncRequestOptions

from sources.kit.census import Answer
from sources.kit.errors import CredentialError, SourceError
from sources.kit.text import decode_json

logger = logging.getLogger(__name__)

HOSTS = {"production": "https://production.plaid.com", "sandbox": "https://sandbox.plaid.com"}
PAGE_SIZE = 500
LONGEST_HISTORY_DAYS = 730
TIMEOUT_SECONDS = 60
MAXIMUM_ATTEMPTS = 6
_CREDENTIAL_CODES = {"INVALID_API_KEYS", "UNAUTHORIZED_ENVIRONMENT"}
_UNKNOWN_ACCOUNT = "INVALID_ACCOUNT_ID"
_PASSING_ITEM_CODES = {"INSTITUTION_DOWN", "INSTITUTION_NOT_RESPONDING", "PRODUCT_NOT_READY"}


class ItemError(SourceError):
    """One Item cannot be read while the others can; `kind` and `code` are Plaid's error_type and error_code."""

    def __init__(self, kind: str, code: str, message: str) -> None:
        """Keep Plaid's classification beside the sentence."""
        super().__init__(message)
        self.kind = kind
        self.code = code


class MutationDuringPagination(Exception):  # noqa: N818 - Plaid's own name of the condition
    """The data changed between two pages: the update must begin again from the cursor that it began with."""


class CursorRefused(Exception):  # noqa: N818 - a condition that the walk handles, not a failure
    """The cursor belongs to another access token or has expired: the history must be read again from the beginning."""


@dataclass(frozen=True)
class Connection:
    """Where Plaid is and who asks; `host` is `production`, `sandbox` or an address."""

    client_id: str
    secret: str
    host: str


class PlaidClient:
    """The three calls that the source makes, for one client id.

    Raises `CredentialError` for a wrong client id or secret, `ItemError` for what concerns one Item, `SourceError` when
    Plaid stays out of reach; none holds a secret.
    """

    def __init__(self, connection: Connection, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Prepare the library's client; nothing is sent yet."""
        host = HOSTS.get(connection.host, connection.host)
        if not host.startswith(("https://", "http://")):
            raise SourceError(
                f"plaid: host {connection.host!r} is unknown; SOURCES__PLAID__HOST is production, sandbox or an address"
            )
        configuration = plaid.Configuration(
            host=host, api_key={"clientId": connection.client_id, "secret": connection.secret}
        )
        self._api = plaid_api.PlaidApi(plaid.ApiClient(configuration))
        self._sleep = sleep
        self.requests_sent = 0

    def item(self, access_token: str) -> dict[str, Any]:
        """The Item behind a token, its `error` included."""
        answer = self._call("item_get", ItemGetRequest(access_token=access_token))
        return _mapping(answer.get("item"), "item/get")

    def accounts(self, access_token: str) -> list[Any]:
        """The accounts of an Item with cached balances."""
        answer = self._call("accounts_get", AccountsGetRequest(access_token=access_token))
        return _list(answer, "accounts", "accounts/get")

    def ask(self, access_token: str, account_id: str) -> Answer:
        """Ask for one account of an Item; Plaid says so where there is none of that id (any more)."""
        options = AccountsGetRequestOptions(account_ids=[account_id])
        try:
            self._call("accounts_get", AccountsGetRequest(access_token=access_token, options=options))
        except ItemError as problem:
            return Answer.GONE if problem.code == _UNKNOWN_ACCOUNT else Answer.UNSAID
        return Answer.THERE

    def sync(self, access_token: str, cursor: str | None) -> dict[str, Any]:
        """One page of an update; no cursor begins with the whole history.

        Raises `MutationDuringPagination` and `CursorRefused` for the walk to act on.
        """
        arguments: dict[str, Any] = {"access_token": access_token, "count": PAGE_SIZE}
        wishes: dict[str, Any] = {"include_original_description": True}
        if cursor:
            # The library refuses None: an absent cursor must be left out.
            arguments["cursor"] = cursor
        else:
            # What the very first call leaves unsaid is 90 days, and cannot be changed for that Item any more.
            wishes["days_requested"] = LONGEST_HISTORY_DAYS
        arguments["options"] = TransactionsSyncRequestOptions(**wishes)
        answer = self._call("transactions_sync", TransactionsSyncRequest(**arguments))
        for name in ("added", "modified", "removed"):
            _list(answer, name, "transactions/sync")
        if not isinstance(answer.get("next_cursor"), str) or not isinstance(answer.get("has_more"), bool):
            raise SourceError("plaid: transactions/sync answered without next_cursor or has_more; run again later")
        return answer

    def _call(self, method: str, request: Any) -> dict[str, Any]:
        place = method.replace("_", "/", 1)
        trouble = ""
        for attempt in range(1, MAXIMUM_ATTEMPTS + 1):
            wait: float | None = None
            self.requests_sent += 1
            try:
                raw = getattr(self._api, method)(request, _preload_content=False, _request_timeout=TIMEOUT_SECONDS)
                return _mapping(decode_json(raw.data, exact=True), place)
            except plaid.ApiException as failure:
                trouble, wait = self._judge(place, failure)
            except ValueError:
                trouble = "an answer that is no JSON"
            except urllib3.exceptions.HTTPError as failure:
                trouble = f"no usable connection ({type(failure).__name__})"
            if attempt < MAXIMUM_ATTEMPTS:
                pause = min(60.0, 0.5 * 2 ** (attempt - 1)) if wait is None else wait
                logger.info("plaid: %s failed with %s, next attempt in %.1f s", place, trouble, pause)
                self._sleep(pause)
        raise SourceError(
            f"plaid: {place} failed {MAXIMUM_ATTEMPTS} times, the last time with {trouble}; run again later"
        )

    def _judge(self, place: str, failure: plaid.ApiException) -> tuple[str, float | None]:
        """Say what to do about an error answer: return trouble and wait for a passing one, raise any other."""
        status = int(failure.status or 0)
        try:
            body = json.loads(failure.body or "")
        except ValueError:
            body = {}
        problem = body if isinstance(body, dict) else {}
        kind, code = str(problem.get("error_type") or ""), str(problem.get("error_code") or "")
        if code == "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION":
            raise MutationDuringPagination from None
        if code == "INVALID_FIELD" and "cursor" in str(problem.get("error_message")):
            raise CursorRefused from None
        if code in _CREDENTIAL_CODES:
            raise CredentialError(
                f"plaid: {place} refused the client ({code}); check SOURCES__PLAID__CLIENT_ID, __SECRET and __HOST"
            ) from None
        if status == 429 or status >= 500 or code in _PASSING_ITEM_CODES:
            header = str((failure.headers or {}).get("Retry-After") or "")
            return f"status {status} {code}".strip(), float(header) if header.isdigit() else None
        if kind in ("ITEM_ERROR", "INSTITUTION_ERROR") or code in ("INVALID_ACCESS_TOKEN", _UNKNOWN_ACCOUNT):
            raise ItemError(kind, code, f"plaid: {place} answered {code}") from None
        raise SourceError(f"plaid: {place} answered with status {status} {code or 'and no error code'}") from None


def _mapping(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SourceError(f"plaid: {place} answered with something that is no object; run again later")
    return value


def _list(answer: dict[str, Any], name: str, place: str) -> list[Any]:
    value = answer.get(name)
    if not isinstance(value, list):
        raise SourceError(f"plaid: {place} answered without the list {name!r}; run again later")
    return value
