"""Calls of a vendor's HTTP interface, and what their failures mean for something that is sent at most once."""

from collections.abc import Mapping
from typing import Any, Final

import requests
from urllib3.exceptions import NewConnectionError

from invoicing.delivery.port import NotSentError, RefusedError, UncertainError

_TIMEOUT_SECONDS: Final = 30.0
_LATER: Final = (408, 425, 429, 502, 503)
"""Statuses of a server, or of the proxy before it, that has not taken the request up."""


def call(
    vendor: str,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    json: Any = None,
    query: Mapping[str, Any] | None = None,
    only_reads: bool = False,
) -> Any:
    """Call a vendor and return the JSON that it answers.

    Args:
        vendor: its name, for messages.
        method: of HTTP.
        url: without query.
        headers: hold the credentials; never part of a message.
        json: the body.
        query: parameters of the address.
        only_reads: whether the call changes nothing, so that no failure leaves a doubt.

    Raises:
        NotSentError: the vendor was not reached or asks to come back later.
        RefusedError: the vendor says no.
        UncertainError: the request left and no answer says what became of it.
    """
    doubt: type[Exception] = NotSentError if only_reads else UncertainError
    try:
        response = requests.request(
            method, url, headers=dict(headers), json=json, params=query, timeout=_TIMEOUT_SECONDS, allow_redirects=False
        )
    except requests.RequestException as error:
        never_left = isinstance(error, requests.ConnectTimeout) or _is_new_connection(error)
        kind = NotSentError if never_left else doubt
        raise kind(f"{vendor} cannot be reached ({type(error).__name__})") from error
    said = f"{vendor} answers {response.status_code} {response.text[:200].strip()}".strip()
    if response.status_code in _LATER:
        raise (NotSentError if response.status_code in (425, 429, 503) else doubt)(said)
    if 400 <= response.status_code < 500:
        raise RefusedError(said)
    if not response.ok or response.is_redirect:
        raise doubt(said)
    try:
        return response.json()
    except requests.JSONDecodeError:
        raise doubt(f"{said[:100]}, which is no JSON") from None


def _is_new_connection(error: requests.RequestException) -> bool:
    """Whether no connection came about, so that nothing can have left."""
    reason = error.args[0] if error.args else None
    return isinstance(getattr(reason, "reason", reason), NewConnectionError)
