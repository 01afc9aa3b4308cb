"""Whose data a source lands: remembered with the rows, so that another account's never land among them (rule 12.10).

Ids of Jira and Tempo, and of a mirror, mean something within one account alone: rows of another one would take the
place of landed ones, and everything that landed would seem to be missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import dlt

from sources.kit.errors import SourceError
from sources.kit.spec import ACCEPT_ACCOUNT

ACCOUNT_STATE = "account"

Names = Mapping[str, str]
"""Accounts: their lasting id, and the name that a person knows them by."""


def hold_account(
    source: str, what: str, shown: Names, landed: Callable[[], Names], *, may_change: bool = False
) -> None:
    """Refuse to land anything of another account than the one whose data has landed; remember what is new.

    Called while a resource is extracted, before its first row. What is remembered is state of the source, committed
    with the rows, and gone when the schema is dropped. One more account is fine, one that is no longer shown too; one
    in the place of another is not.

    Parameters: `what` is an account in the vendor's word, in the singular; `shown` the accounts that the credentials
    lead to now, none where that cannot be told; `landed` reads them out of what landed before they were remembered;
    `may_change` lets accounts come and go as long as one of the known ones is shown.

    Raises `SourceError`, which says how to go on with the other account.
    """
    state = dlt.current.source_state()
    known: dict[str, str] = state.get(ACCOUNT_STATE) or dict(landed())
    new = {one: name for one, name in shown.items() if one not in known}
    lost = {one: name for one, name in known.items() if one not in shown}
    is_replaced = bool(new and lost) and not (may_change and len(lost) < len(known))
    if is_replaced and not _accepted(source) >= new.keys():
        setting = f"SOURCES__{source.upper()}__{ACCEPT_ACCOUNT.upper()}"
        raise SourceError(
            f"{source}: the data that has landed is that of {what} {_listed(lost)}, but the settings lead to "
            f"{_listed(new)}, so nothing was loaded; correct the settings, give the other one a warehouse of its own, "
            f"or if it is to take the place, set {setting}={','.join(sorted(new))}"
        )
    remembered = {**({} if is_replaced else known), **shown}
    if remembered != state.get(ACCOUNT_STATE, {}):
        state[ACCOUNT_STATE] = remembered


def site_of(link: Any) -> Names:
    """The site that a `self` link of Atlassian's belongs to, none where it is no such link.

    The port is left out on this machine, where it changes from one start of a server to the next.
    """
    parts = urlsplit(link) if isinstance(link, str) else None
    if parts is None or not parts.hostname:
        return {}
    path, separator, _ = parts.path.partition("/rest/")
    site = address_of(link) if separator else ""
    site = site.split("/", 1)[0] + path.rstrip("/") if site else ""
    return {site: site} if site else {}


def address_of(url: str) -> str:
    """Host, port and path of an address, without scheme, credentials and a port of this machine."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    is_here = host in ("127.0.0.1", "localhost", "::1")
    port = "" if parts.port is None or is_here else f":{parts.port}"
    return f"{host}{port}{parts.path.rstrip('/')}"


def _accepted(source: str) -> set[str]:
    return set(str(dlt.config.get(f"sources.{source}.{ACCEPT_ACCOUNT}") or "").replace(",", " ").split())


def _listed(accounts: Names) -> str:
    return " and ".join(name if name == one else f"{name} ({one})" for one, name in sorted(accounts.items()))
