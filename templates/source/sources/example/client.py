"""Calls to Example's REST API: pages, limits and refusals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sources.kit.errors import SourceError
from sources.kit.http import HttpClient

DEFAULT_BASE_URL = "https://api.example.com/v1"
PAGE_SIZE = 100


def connect(base_url: str, api_token: str) -> HttpClient:
    """Return a client with retries and rate limits; nothing is sent yet."""
    headers = {"Authorization": f"Bearer {api_token}"}
    return HttpClient(base_url, headers, source="example", credential="SOURCES__EXAMPLE__API_TOKEN")


def read_things(client: HttpClient) -> Iterator[list[Any]]:
    """Yield all things, page by page.

    Raises `SourceError` when an answer is not a list.
    """
    page = 1
    while True:
        rows = client.get("things", {"page": page, "page_size": PAGE_SIZE}).json()
        if not isinstance(rows, list):
            raise SourceError("example: things answered with something other than a list; run again later")
        if rows:
            yield rows
        if len(rows) < PAGE_SIZE:
            return
        page += 1
