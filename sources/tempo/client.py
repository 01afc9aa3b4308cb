"""How Tempo's lists are read whole although they change meanwhile.

Facts: vendors 3.1 to 3.4. Tempo pages by offset, newest change first: a changed row jumps to the front and pushes the
others down (rows show twice), a deleted row pulls them up (rows would be skipped). Hence pages overlap, and a walk of
several pages is closed by one more look at the front.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pyarrow.compute as pc

from sources.kit.account import Names, site_of
from sources.kit.arrow import to_arrow
from sources.kit.census import Answer, ask
from sources.kit.errors import CredentialError, SourceError
from sources.kit.http import HttpClient
from sources.kit.quarantine import Quarantine
from sources.kit.walk import Spool
from sources.tempo.schema import WORKLOG_DELETIONS, WORKLOGS

logger = logging.getLogger(__name__)

PAGE_SIZE = 5000
OVERLAP = 100
MOST_WALKS = 5
AUDIT_PAGE_SIZE = 1000
AUDIT_MEMORY = timedelta(days=179)
"""How far back the audit log is asked: Tempo refuses more than 180 days."""


@dataclass
class Walk:
    """What one walk through the worklogs found."""

    spool: Spool
    whole: bool
    """Whether it went through all worklogs, not only those changed of late."""
    seen: set[int] = field(default_factory=set)
    """Ids of every worklog that was shown, quarantined ones included."""
    newest: datetime | None = None
    """The latest `updatedAt` among them."""
    site: Names = field(default_factory=dict)
    """The Jira site that they come from."""


@dataclass(frozen=True)
class Deletion:
    """A worklog's deletion as the audit log tells it."""

    at: datetime
    by: str | None


def connect(base_url: str, api_token: str) -> HttpClient:
    """A client for one Tempo region."""
    return HttpClient(
        base_url,
        {"Authorization": f"Bearer {api_token}"},
        source="tempo",
        credential=(
            "SOURCES__TEMPO__API_TOKEN, and SOURCES__TEMPO__BASE_URL too: a token is good in its own region alone "
            "(api.tempo.io, api.eu.tempo.io, api.us.tempo.io)"
        ),
    )


def walk_worklogs(client: HttpClient, quarantine: Quarantine, since: datetime | None) -> Walk:
    """Read the worklogs changed since a moment (inclusive), or all of them; every one in its last state.

    Raises `SourceError` when the list will not hold still or the token may not read it.
    """
    walk = Walk(Spool(WORKLOGS), whole=since is None)
    for _ in range(MOST_WALKS):
        pages = 0
        params: dict[str, Any] = {"orderBy": "UPDATED", "limit": PAGE_SIZE}
        if since is not None:
            params["updatedFrom"] = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for records in _pages(client, "4/worklogs", params, "tempoWorklogId"):
            pages += 1
            batch = to_arrow(WORKLOGS, records, quarantine=quarantine)
            walk.spool.add(batch)
            walk.seen.update(_ids(records))
            walk.site = walk.site or site_in(records, "author")
            newest = pc.max(batch.column("updated_at")).as_py()
            if newest is not None:
                walk.newest = max(newest, walk.newest or newest)
        if pages <= 1:
            return walk
        # What changed while the pages were read is at the front by now.
        since = min(walk.newest or quarantine.found_at, quarantine.found_at)
    logger.warning("tempo: the worklogs kept changing while they were read; the next run reads the rest")
    return walk


def site_shown(client: HttpClient) -> Names:
    """The Jira site whose worklogs the token shows; none while there is no worklog."""
    return site_in(_results(client, _ask(client, "4/worklogs", {"limit": 1}, None)), "author")


def site_in(records: list[Any], person: str) -> Names:
    """The Jira site that records come from, by the first link to a person; Tempo itself does not name it."""
    for record in records:
        value = record.get(person) if isinstance(record, Mapping) else None
        if isinstance(value, Mapping) and (site := site_of(value.get("self"))):
            return site
    return {}


def read_accounts(client: HttpClient) -> list[Any]:
    """All accounts, archived ones included (the plain list leaves those out)."""
    payload = {"statuses": ["OPEN", "CLOSED", "ARCHIVED"]}
    found: dict[Any, Any] = {}
    for records in _pages(client, "4/accounts/search", {"limit": PAGE_SIZE}, "id", payload=payload):
        for position, record in enumerate(records):
            key = record.get("id") if isinstance(record, Mapping) else None
            found[key if isinstance(key, int) else (len(found), position)] = record
    return list(found.values())


def read_deletions(client: HttpClient, since: datetime, quarantine: Quarantine) -> dict[int, Deletion] | None:
    """Deletions of worklogs since a moment by worklog id, from the audit log; None if the token may not read it."""
    payload = {
        "entityType": ["worklog"],
        "action": ["Deleted"],
        "from": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    params: dict[str, Any] = {"limit": AUDIT_PAGE_SIZE}
    found: dict[int, Deletion] = {}
    tokens: set[str] = set()
    while True:
        answer = client.post("4/papertrail/search", payload, params, expect=(200, 403))
        if answer.status == 403:
            logger.warning(
                "tempo: the token may not read the audit log, so every run reads all worklogs to find deleted ones; "
                "grant its user the permission to view audit logs"
            )
            return None
        for event in _results(client, answer.document):
            # Asked for and checked: an event of another kind must not mark anything.
            try:
                if event.get("action") != "Deleted" or event.get("entityType", "worklog") != "worklog":
                    continue
                worklog, moment = int(event["entityId"]), datetime.fromisoformat(event["timestamp"])
            except (AttributeError, KeyError, TypeError, ValueError) as misfit:
                quarantine.reject(WORKLOG_DELETIONS, event, f"the audit log's event does not fit: {misfit!r}")
                continue
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
            if worklog not in found or found[worklog].at < moment:
                found[worklog] = Deletion(moment, event.get("author") or None)
        token = (answer.document.get("metadata") or {}).get("nextPageToken")
        if not token:
            return found
        if token in tokens:
            raise SourceError("tempo: the audit log repeats a page, so deletions cannot be read; run again later")
        tokens.add(token)
        params["nextPageToken"] = token


def ask_worklog(client: HttpClient, worklog_id: int) -> Answer:
    """Ask for one worklog by its id."""
    return ask(client, f"4/worklogs/{worklog_id}")


def ask_account(client: HttpClient, account_id: int) -> Answer:
    """Ask for one account by its id."""
    return ask(client, f"4/accounts/{account_id}")


def _pages(
    client: HttpClient, path: str, params: Mapping[str, Any], key: str, payload: Any = None
) -> Iterator[list[Any]]:
    """Pages of a list by offset, following `next`; pages overlap, and the list is started again where they do not."""
    for _ in range(MOST_WALKS):
        whole = yield from _one_pass(client, path, params, key, payload)
        if whole:
            return
    raise SourceError(f"tempo: {path} changed faster than it could be read; run again later")


def _one_pass(
    client: HttpClient, path: str, params: Mapping[str, Any], key: str, payload: Any
) -> Generator[list[Any], None, bool]:
    """One pass from the front to the end; tells at the end whether its pages joined without a gap."""
    url, query, offset = path, params, 0
    border: set[Any] = set()
    while True:
        answer = _ask(client, url, query, payload)
        records = _results(client, answer)
        keys = [record.get(key) if isinstance(record, Mapping) else None for record in records]
        if border and not border.intersection(keys):
            return False
        yield records
        link = (answer.get("metadata") or {}).get("next")
        if not link:
            return True
        # A tenth at most: what is read twice is work done twice.
        overlap = min(OVERLAP, max(1, len(records) // 10), len(records) - 1)
        url, step = _rewound(str(link), overlap)
        if step is not None and step <= offset:
            raise SourceError(f"tempo: {path} points to its own page as the next one; run again later")
        query, offset = {}, step if step is not None else offset
        # The rows that the next page shows once more.
        border = set(keys[len(keys) - overlap :]) if step is not None and overlap else set()


def _rewound(link: str, overlap: int) -> tuple[str, int | None]:
    """A `next` link with its offset put back by some rows; without an offset it stays as it is."""
    parts = urlsplit(link)
    query = parse_qsl(parts.query, keep_blank_values=True)
    offsets = [value for name, value in query if name == "offset"]
    if not offsets or not offsets[0].isdigit():
        return link, None
    offset = int(offsets[0]) - overlap
    query = [(name, str(offset) if name == "offset" else value) for name, value in query]
    return urlunsplit(parts._replace(query=urlencode(query))), offset


def _ask(client: HttpClient, url: str, params: Mapping[str, Any], payload: Any) -> Any:
    expected = (200, 404)
    if payload is None:
        answer = client.get(url, params, expect=expected)
    else:
        answer = client.post(url, payload, params, expect=expected)
    if answer.status == 404:
        # Tempo's documented way to say that the token may not see worklogs (vendors 3.1).
        raise CredentialError(
            "tempo: Tempo answers 404, which means that the token may not read this list; give the token of "
            "SOURCES__TEMPO__API_TOKEN the scope to view worklogs and accounts, and its user the permission"
        )
    return answer.json()


def _results(client: HttpClient, document: Any) -> list[Any]:
    if not isinstance(document, Mapping) or not isinstance(document.get("results"), list):
        raise SourceError(f"tempo: an answer of {client.base_url} has no list of results; is that address Tempo's?")
    return list(document["results"])


def _ids(records: list[Any]) -> Iterator[int]:
    for record in records:
        value = record.get("tempoWorklogId") if isinstance(record, Mapping) else None
        if isinstance(value, int) and not isinstance(value, bool):
            yield value
