"""The HTTP client of all sources: retries, rate limits, the same-host rule, readable failures.

A vendor's own way to report a limit (GitHub's status 403, for instance) is passed in as a function.
"""

from __future__ import annotations

import email.utils
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from sources.kit.errors import CredentialError, SourceError, VendorError
from sources.kit.text import decode_json

logger = logging.getLogger(__name__)

RETRY_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAXIMUM_REDIRECTS = 5
_FIRST_PAUSE_SECONDS = 0.5
_MINIMUM_LIMIT_SECONDS = 1.0
"""Vendors count requests by the second: a limit that does not say when it ends cannot have passed sooner."""
_MAXIMUM_BACKOFF_SECONDS = 60.0
_MAXIMUM_EXCERPT_LENGTH = 200


@dataclass(frozen=True)
class Response:
    """An answer whose body has been read completely and, where the status is an expected one, decoded from JSON."""

    status: int
    headers: Mapping[str, str]
    url: str
    body: bytes
    document: Any = None

    def json(self) -> Any:
        """The decoded body, None if it is empty."""
        return self.document


LimitReader = Callable[[Response], float | None]
"""Reads a vendor's own form of a rate limit: seconds to wait, or None when the answer is no limit."""


def pause(seconds: float) -> None:
    """Wait; the default of `HttpClient`'s `sleep`."""
    time.sleep(seconds)


class HttpClient:
    """A session with one vendor's host.

    Parameters: `base_url` relative paths start from it, and no other host is ever asked; `headers` sent with each
    request, credentials included; `source` names the source in messages; `timeout` seconds to connect and between
    bytes; `max_attempts` tries of one request; `rate_per_second` most requests a second; `retry_statuses` statuses that
    pass by waiting; `limit` a vendor's own form of a rate limit; `longest_wait` seconds after which waiting for a
    limit is given up; `credential` the setting to name when credentials are refused; `exact_numbers` decodes decimals
    as `Decimal`, for money.

    Raises `SourceError` (or a subclass) when it gives up, in one sentence and without a secret.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str] | None = None,
        *,
        source: str,
        timeout: float = 60,
        max_attempts: int = 6,
        rate_per_second: float | None = None,
        retry_statuses: frozenset[int] = RETRY_STATUSES,
        limit: LimitReader | None = None,
        longest_wait: float = 3900,
        credential: str = "",
        exact_numbers: bool = False,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        """Check the base URL and open the session; nothing is sent yet."""
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise SourceError(f"{source}: base_url {base_url!r} is no http(s) address")
        self.base_url = base_url.rstrip("/") + "/"
        self.source = source
        self.requests_sent = 0
        self._origin = _origin(base_url)
        self._timeout = timeout
        self._max_attempts = max_attempts
        self._pause_between = 1 / rate_per_second if rate_per_second else 0.0
        self._not_before = 0.0
        self._retry_statuses = retry_statuses
        self._limit = limit
        self._longest_wait = longest_wait
        self._credential = credential or f"the credentials under SOURCES__{source.upper()}__"
        self._exact_numbers = exact_numbers
        self._sleep = sleep or pause
        self._session = requests.Session()
        self._session.headers.update({"Accept": "application/json", "User-Agent": "workledger", **(headers or {})})
        # Without an auth object of its own requests would take a password from ~/.netrc and replace our header by it.
        self._session.auth = _keep_headers
        if parts.hostname in ("127.0.0.1", "localhost", "::1"):
            self._session.trust_env = False
        self._secrets = sorted(
            {
                secret
                for name, value in (headers or {}).items()
                if name.lower() not in ("accept", "content-type", "user-agent")
                for secret in (value, *value.split())
                if len(secret) >= 8
            },
            key=len,
            reverse=True,
        )

    def get(
        self, path_or_url: str, params: Mapping[str, Any] | None = None, *, expect: tuple[int, ...] = (200,)
    ) -> Response:
        """GET a path below `base_url`, or an absolute URL on the same host; statuses outside `expect` raise."""
        return self._request("GET", path_or_url, params=params, payload=None, expect=expect)

    def post(
        self,
        path_or_url: str,
        payload: Any = None,
        params: Mapping[str, Any] | None = None,
        *,
        expect: tuple[int, ...] = (200,),
    ) -> Response:
        """POST JSON. It is retried like a GET: sources only ever post searches."""
        return self._request("POST", path_or_url, params=params, payload=payload, expect=expect)

    def _request(
        self, method: str, path_or_url: str, *, params: Mapping[str, Any] | None, payload: Any, expect: tuple[int, ...]
    ) -> Response:
        url = self._absolute(path_or_url)
        trouble = ""
        waited_for_limit = 0.0
        attempt = 0
        while attempt < self._max_attempts:
            attempt += 1
            try:
                answer = self._send(method, url, params=params, payload=payload)
            except requests.exceptions.RequestException as failure:
                trouble = _name_of_failure(failure)
                self._pause(attempt, None)
                continue
            wait = self._limit(answer) if self._limit else None
            if wait is None and answer.status in expect:
                if answer.status == 200 and not answer.body.strip():
                    trouble = "an empty answer"
                    self._pause(attempt, None)
                    continue
                try:
                    return replace(answer, document=decode_json(answer.body, exact=self._exact_numbers))
                except ValueError:
                    # A proxy's HTML page or a cut body; a status that the caller expects as a refusal may be any text.
                    if answer.status >= 400:
                        return answer
                    trouble = f"an answer that is no JSON ({self._excerpt(answer)})"
                    self._pause(attempt, None)
                    continue
            if wait is None and answer.status not in self._retry_statuses:
                raise self._refusal(method, url, answer)
            trouble = f"status {answer.status} ({self._excerpt(answer)})"
            wait = _retry_after(answer) if wait is None else wait
            if wait is not None:
                waited_for_limit += wait
                if waited_for_limit > self._longest_wait:
                    raise SourceError(
                        f"{self.source}: {_place(method, url)} asks to wait {wait:.0f} s more, beyond the "
                        f"{self._longest_wait:.0f} s that a run waits; run again later"
                    )
            self._pause(attempt, wait, _MINIMUM_LIMIT_SECONDS if answer.status == 429 else 0.0)
        raise SourceError(
            f"{self.source}: {_place(method, url)} failed {self._max_attempts} times, the last time with {trouble}; "
            "nothing of this run was kept, run again later"
        )

    def _send(self, method: str, url: str, *, params: Mapping[str, Any] | None, payload: Any) -> Response:
        for _ in range(_MAXIMUM_REDIRECTS + 1):
            self._keep_rate()
            self.requests_sent += 1
            answer = self._session.request(
                method, url, params=params, json=payload, timeout=self._timeout, allow_redirects=False
            )
            # Reading `content` here makes a cut body fail inside the retry loop.
            body = answer.content
            location = answer.headers.get("Location")
            if answer.status_code not in _REDIRECTS or not location:
                return Response(answer.status_code, answer.headers, answer.url, body)
            url, params = self._absolute(urljoin(answer.url, location)), None
        raise SourceError(f"{self.source}: {_place(method, url)} redirects without end")

    def _absolute(self, path_or_url: str) -> str:
        """The URL to ask. Credentials go to the configured host alone, whatever a `next` link says."""
        url = urljoin(self.base_url, path_or_url.lstrip("/") if "://" not in path_or_url else path_or_url)
        if _origin(url) != self._origin:
            raise SourceError(
                f"{self.source}: refused to follow a link from {self._origin} to {_origin(url)}; "
                "if the vendor moved, change base_url"
            )
        return url

    def _keep_rate(self) -> None:
        if not self._pause_between:
            return
        now = time.monotonic()
        if self._not_before > now:
            self._sleep(self._not_before - now)
        self._not_before = max(now, self._not_before) + self._pause_between

    def _pause(self, attempt: int, wait: float | None, shortest: float = 0.0) -> None:
        if attempt >= self._max_attempts:
            return
        if wait is None:
            longest = min(_MAXIMUM_BACKOFF_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
            wait = max(shortest, longest * (0.5 + random.random() / 2))  # noqa: S311 - jitter needs no secrecy
        logger.info("%s: attempt %d failed, next in %.1f s", self.source, attempt, wait)
        self._sleep(wait)

    def _refusal(self, method: str, url: str, answer: Response) -> SourceError:
        place = _place(method, url)
        if answer.status in (401, 403):
            return CredentialError(
                f"{self.source}: {place} refused access with status {answer.status} ({self._excerpt(answer)}); "
                f"check {self._credential}"
            )
        return VendorError(
            f"{self.source}: {place} answered with status {answer.status} ({self._excerpt(answer)})", answer.status
        )

    def _excerpt(self, answer: Response) -> str:
        text = " ".join(answer.body[:2000].decode("utf-8", "replace").split())
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text[:_MAXIMUM_EXCERPT_LENGTH] or "no text"


def _keep_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _origin(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{parts.hostname}:{port}"


def _place(method: str, url: str) -> str:
    parts = urlsplit(url)
    return f"{method} {parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _name_of_failure(failure: requests.exceptions.RequestException) -> str:
    if isinstance(failure, requests.exceptions.Timeout):
        return "a time-out"
    if isinstance(failure, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
        return "a body that broke off"
    if isinstance(failure, requests.exceptions.SSLError):
        return "a certificate that cannot be verified"
    if isinstance(failure, requests.exceptions.ConnectionError):
        return "no connection"
    return type(failure).__name__


def _retry_after(answer: Response) -> float | None:
    """Seconds that `Retry-After` asks for, given as a number or a date; None where it says nothing usable."""
    value = answer.headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
