"""Reads the next page while the last one is being worked on. What is read, and how, is not known here."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any, TypeVar

Item = TypeVar("Item")

_PAUSE_SECONDS = 0.1
_LONGEST_FAREWELL_SECONDS = 2.0


class _End:
    """The last thing in the queue: the walk is over, or it failed."""

    def __init__(self, failure: BaseException | None) -> None:
        self.failure = failure


def ahead(items: Iterator[Item], *, most: int = 2) -> Iterator[Item]:
    """Yield `items` in their order, while a thread makes up to `most` of them in advance.

    A failure of `items` is raised here after what came before it. Whoever stops early stops the thread too: it ends
    with the item that it is making.
    """
    made: queue.Queue[Any] = queue.Queue(most)
    stopped = threading.Event()

    def put(item: Any) -> bool:
        while not stopped.is_set():
            try:
                made.put(item, timeout=_PAUSE_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def make() -> None:
        failure: BaseException | None = None
        try:
            for item in items:
                if not put(item):
                    return
        except BaseException as caught:  # noqa: BLE001 - raised again where the items are wanted
            failure = caught
        put(_End(failure))

    thread = threading.Thread(target=make, name="workledger-ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(item := made.get(), _End):
            yield item
        if item.failure is not None:
            raise item.failure
    finally:
        stopped.set()
        # It may be waiting for a vendor: whoever was interrupted need not wait with it.
        thread.join(_LONGEST_FAREWELL_SECONDS)
