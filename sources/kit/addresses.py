"""Addresses with a login in them: whether every program reads the same parts out of one."""

import re
from typing import Final

# RFC 3986: what stands unencoded in user or password ends it, and the rest is taken for a host, which messages name.
_ONE_READING: Final = re.compile(
    r"[a-z0-9+]+://"
    r"(?:[^\s:@/?#\[\]]+(?::[^\s@/?#]*)?@)?"
    r"(?:(?:[\w.~%-]+|\[[0-9a-f:.]+\])(?::\d*)?(?:,(?:[\w.~%-]+|\[[0-9a-f:.]+\])(?::\d*)?)*)?"
    r"(?:/[^\s@?#]*)?(?:\?[^\s@?#]*)?",
    re.IGNORECASE,
)


def has_one_reading(address: str) -> bool:
    """Whether user, password, host and path of an address are told apart: special characters are written as %40."""
    return _ONE_READING.fullmatch(address) is not None
