"""Ending at SIGTERM within a bound, whatever the process is doing."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

SECONDS: Final = 3.0
_CODE: Final = 128 + signal.SIGTERM


@contextlib.contextmanager
def ends_by_sigterm(says: Callable[[str], None]) -> Iterator[None]:
    """End this process when it is asked to: in order if that takes less than three seconds, else at once.

    Dagster catches the signal itself while it executes and waits for a step to end, and libraries wait in loops that no
    signal ends. What is cut off is rolled back by the warehouse and made up for by the next run.

    Args:
        says: receives a sentence when the process has to be ended at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def watch() -> None:
        while signals := os.read(reader, 100):
            if signal.SIGTERM in signals:
                timer = threading.Timer(SECONDS, end)
                timer.daemon = True
                timer.start()

    def end() -> None:
        says("Ended at once, because it was asked to; the next run makes up for this one")
        os._exit(_CODE)

    def interrupt(*_: Any) -> None:
        raise SystemExit(_CODE)

    former = signal.signal(signal.SIGTERM, interrupt)
    # Python writes the number of each signal there, whoever handles it.
    former_writer = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=watch, name="sigterm", daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(former_writer)
        signal.signal(signal.SIGTERM, former)
        os.close(writer)
