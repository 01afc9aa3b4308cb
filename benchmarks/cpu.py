"""CPU seconds, which a busy machine distorts less than the clock, and the yardsticks that they are compared with."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import psutil

from orchestration.warehouse.connection import Warehouse


def own_seconds() -> float:
    """CPU seconds of this process so far, and of its children that have ended."""
    return sum(os.times()[:4])


def server_seconds(warehouse: Warehouse) -> float:
    """CPU seconds of the warehouse's server so far, which runs on this machine."""
    with warehouse.connect("owner") as connection:
        postmaster = psutil.Process(connection.info.backend_pid).parent()
    assert postmaster is not None
    used = 0.0
    for process in (postmaster, *postmaster.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            used += times.user + times.system
            if process == postmaster:
                used += times.children_user + times.children_system
    return used


def import_dagster() -> float:
    """CPU seconds of `import dagster` in a process of its own: the least that any run of the asset graph costs."""
    began = own_seconds()
    subprocess.run([sys.executable, "-c", "import dagster"], check=True)
    return own_seconds() - began
