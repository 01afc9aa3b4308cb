"""A value that the resources of one run share and the next run makes anew. Nothing is read or landed here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import dlt
from dlt.common.storages.exceptions import CurrentLoadPackageStateNotAvailable

Kept = TypeVar("Kept")


class PerRun(Generic[Kept]):
    """One value for all resources of a run: a source may be run twice, a census may not be kept so long."""

    def __init__(self, make: Callable[[], Kept]) -> None:
        """Take the function that makes the value; nothing is made before the first call."""
        self._make = make
        self._load_id: str | None = None
        self._kept: Kept | None = None

    def __call__(self) -> Kept:
        """Return the value of the present run."""
        load_id = _load_id()
        if self._kept is None or load_id != self._load_id:
            self._load_id, self._kept = load_id, self._make()
        return self._kept


def _load_id() -> str | None:
    """Id of the load package that is being extracted, None outside of a run."""
    try:
        return str(dlt.current.load_package_state()["load_id"])
    except CurrentLoadPackageStateNotAvailable:
        return None
