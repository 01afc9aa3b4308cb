"""Calls to GitHub, REST and GraphQL, and the ways in which it reports a rate limit.

Limits (vendors 4.3): 403 or 429 with `retry-after`, or with `x-ratelimit-remaining: 0` and a reset time, or with
neither; over GraphQL also status 200 with an error of type RATE_LIMITED or RATE_LIMIT. A GraphQL time-out is a 502 or
504: there the page shrinks.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from sources.kit.census import Answer, ask
from sources.kit.errors import SourceError, VendorError
from sources.kit.http import RETRY_STATUSES, HttpClient, Response

DEFAULT_BASE_URL = "https://api.github.com"
REST_VERSION = "2022-11-28"  # the next one dropped fields of pull requests (vendors 4.1)
_LIMIT_TYPES = {"RATE_LIMITED", "RATE_LIMIT"}
_SECONDARY_PAUSE_SECONDS = 60.0
_MAXIMUM_LIMIT_WAITS = 5
_TIMED_OUT = (502, 504)


class TooLarge(Exception):  # noqa: N818 - a condition that the walk handles by a smaller page
    """GitHub could not compute the answer in its time."""


class GitHubClient:
    """REST and GraphQL of one GitHub; `base_url` is that of REST, `https://HOST/api/v3` on Enterprise Server.

    Raises `CredentialError` for a refused token, `SourceError` when GitHub stays out of reach or a limit lasts long.
    """

    def __init__(
        self, token: str, base_url: str = DEFAULT_BASE_URL, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Open the sessions; nothing is sent yet."""
        headers = {"Authorization": f"Bearer {token}", "X-GitHub-Api-Version": REST_VERSION}
        credential = "SOURCES__GITHUB__TOKEN"
        self._sleep = sleep
        self._rest = HttpClient(
            base_url,
            {**headers, "Accept": "application/vnd.github+json"},
            source="github",
            limit=rate_limit_wait,
            credential=credential,
            sleep=sleep,
        )
        self._graphql = HttpClient(
            _graphql_root(base_url),
            headers,
            source="github",
            limit=rate_limit_wait,
            retry_statuses=RETRY_STATUSES - set(_TIMED_OUT),
            credential=credential,
            sleep=sleep,
        )

    @property
    def requests_sent(self) -> int:
        """Requests of both kinds so far, retries included."""
        return self._rest.requests_sent + self._graphql.requests_sent

    def pause(self, attempt: int) -> None:
        """Wait before a query that timed out is sent again in smaller pages."""
        self._sleep(2.0**attempt)

    def object(self, path: str, *, absent: tuple[int, ...] = ()) -> dict[str, Any] | None:
        """One REST object; None where the status is one of `absent`. Renames are followed on the same host."""
        answer = self._rest.get(path, expect=(200, *absent))
        if answer.status in absent:
            return None
        body = answer.json()
        if not isinstance(body, dict):
            raise SourceError(f"github: {path} answered with something that is no object; run again later")
        return body

    def ask(self, path: str) -> Answer:
        """Ask for one REST object; GitHub also answers 404 where the token lacks the right to see it (vendors 4.2)."""
        return ask(self._rest, path)

    def pages(self, path: str, params: Mapping[str, Any]) -> Iterator[list[Any]]:
        """The pages of a REST list; the Link header is followed, never built."""
        url: str | None = path
        query: Mapping[str, Any] | None = {**params, "per_page": 100}
        seen: set[str] = set()
        while url is not None:
            answer = self._rest.get(url, query)
            body = answer.json()
            if not isinstance(body, list):
                raise SourceError(f"github: {path} answered with something that is no list; run again later")
            yield body
            url, query = _next_link(answer), None
            if url in seen:
                raise SourceError(f"github: the pages of {path} lead in a circle; run again later")
            if url is not None:
                seen.add(url)

    def query(self, text: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The data of a GraphQL query; a part that could not be had is null.

        Raises `TooLarge` when GitHub ran out of time.
        """
        for _ in range(_MAXIMUM_LIMIT_WAITS):
            answer = self._graphql.post(
                "graphql", {"query": text, "variables": dict(variables)}, expect=(200, *_TIMED_OUT)
            )
            if answer.status in _TIMED_OUT:
                raise TooLarge
            body = answer.json()
            if not isinstance(body, dict):
                raise SourceError("github: graphql answered with something that is no object; run again later")
            errors = [error for error in body.get("errors") or [] if isinstance(error, dict)]
            kinds = {str(error.get("type") or "") for error in errors}
            if kinds & _LIMIT_TYPES:
                self._sleep(_reset_wait(answer) or _SECONDARY_PAUSE_SECONDS)
                continue
            messages = "; ".join(str(error.get("message")) for error in errors)
            if re.search(r"timed? ?out|timeout", messages, re.IGNORECASE):
                raise TooLarge
            data = body.get("data")
            if not isinstance(data, dict) or (errors and kinds - {"NOT_FOUND", "FORBIDDEN"}):
                raise VendorError(f"github: graphql refused the query ({messages[:200] or 'no data'})", answer.status)
            return data
        raise SourceError("github: the rate limit of GraphQL lasts beyond what a run waits; run again later")


def rate_limit_wait(answer: Response) -> float | None:
    """Seconds to wait if the answer is any spelling of a limit over REST, else None."""
    if answer.status not in (403, 429):
        return None
    after = answer.headers.get("Retry-After", "")
    if after.isdigit():
        return float(after)
    if answer.headers.get("X-RateLimit-Remaining") == "0":
        return _reset_wait(answer)
    if answer.status == 429 or b"secondary rate limit" in answer.body.lower() or b"abuse" in answer.body.lower():
        return _SECONDARY_PAUSE_SECONDS
    return None


def _reset_wait(answer: Response) -> float | None:
    reset = answer.headers.get("X-RateLimit-Reset", "")
    return max(1.0, float(reset) - time.time() + 1) if reset.isdigit() else None


def _next_link(answer: Response) -> str | None:
    for link in answer.headers.get("Link", "").split(","):
        found = re.fullmatch(r'\s*<([^>]+)>\s*;.*\brel="?next"?.*', link)
        if found:
            return found.group(1)
    return None


def _graphql_root(base_url: str) -> str:
    """Return the root of GraphQL: beside REST's `/api/v3` on Enterprise Server, below the host itself elsewhere."""
    parts = urlsplit(base_url)
    path = re.sub(r"/v3/?$", "", parts.path)
    return f"{parts.scheme}://{parts.netloc}{path.rstrip('/')}"
