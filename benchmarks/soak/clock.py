"""A clock for a tree of processes that can be moved while they run.

libfaketime would do, but it also moves absolute sleeps of the monotonic clock, with which Python's `time.sleep` waits
since 3.11; so 30 lines of C are loaded into the processes instead. The database server keeps the machine's own clock.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_OFFSET: Final = "MOVED_CLOCK"


class Clock:
    """The clock of this process and of those that it starts with `environment`."""

    def __init__(self, folder: Path) -> None:
        """Compile what is loaded; the clock is the machine's until it is set.

        Raises:
            SystemExit: there is no C compiler.
        """
        if not (compiler := shutil.which("cc")):
            raise SystemExit("The clock cannot be moved without a C compiler; install one (on Debian: gcc, libc6-dev).")
        self._library = folder / "clock.so"
        self._file = folder / "clock"
        source = Path(__file__).with_name("clock.c")
        subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", self._library, source, "-ldl"], check=True)
        self._seconds = 0
        self._write()

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process follow this clock."""
        return {"LD_PRELOAD": str(self._library), _OFFSET: str(self._file)}

    def now(self) -> datetime:
        """The time that the processes see."""
        return datetime.fromtimestamp(time.time() + self._seconds, UTC)

    def set(self, moment: datetime) -> None:
        """Set the clock, of processes that run as well."""
        self._seconds = round(moment.timestamp() - time.time())
        self._write()

    def _write(self) -> None:
        # Over the old number: the processes have mapped this very file.
        handle = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o644)
        os.pwrite(handle, struct.pack("q", self._seconds), 0)
        os.close(handle)
