"""Locks between processes, for as long as one of them loads a source or builds; whoever waits is told for whom.

The operating system holds them, so a process that dies, however it dies, holds none.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from orchestration.errors import WorkledgerError

# The longest wait for another process that does the same: the slowest first load of a source.
LONGEST_WAIT_SECONDS: Final = 1800.0

_actor = "a command"


def acting_as(what: str) -> None:
    """Remember what this process does, such as `run 3f2a91bc (refresh_tempo)`, for those that wait for it."""
    global _actor
    _actor = what


@contextmanager
def locked(file: Path, what: str, says: Callable[[str], None], longest: float | None = None) -> Iterator[None]:
    """Hold a lock between processes; it is released when its holder ends, however it ends.

    Args:
        file: the lock; beside it stands who holds it.
        what: what must not be done twice at the same time.
        says: receives one sentence if another process holds the lock: which run, since when, and how long is waited.
        longest: how many seconds to wait; half an hour by default.

    Raises:
        WorkledgerError: another process has held it for as long as was said; what to do about that.
    """
    longest = LONGEST_WAIT_SECONDS if longest is None else longest
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file)
    holder = file.with_suffix(".holder")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        says(f"{what} is in progress: {_read(holder)[0]}; waiting for at most {_length(longest)}.")
        try:
            lock.acquire(timeout=longest)
        except Timeout:
            who, number = _read(holder)
            raise WorkledgerError(
                f"{what} is still in progress after {_length(longest)}: {who}; wait and try again, "
                f"or end that process{f' (kill {number})' if number else ''}."
            ) from None
    try:
        _write(holder)
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _write(holder: Path) -> None:
    unfinished = holder.with_suffix(f".{os.getpid()}")
    since = datetime.now(UTC).isoformat(timespec="seconds")
    unfinished.write_text(json.dumps({"who": _actor, "process": os.getpid(), "since": since}))
    unfinished.replace(holder)


def _read(holder: Path) -> tuple[str, int | None]:
    """Return who holds the lock, in words, and the process."""
    try:
        found = json.loads(holder.read_text())
    except (OSError, ValueError):
        # It has just been taken, or released.
        return "another process", None
    return f"{found['who']}, process {found['process']}, since {found['since']}", int(found["process"])


def _length(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} s"
