"""Which process executes a run, and what becomes of a run whose process has died."""

import os
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import dagster as dg
import psutil

# Dagster's UI hides tags of this prefix.
PROCESS_TAG: Final = ".dagster/process"
STARTED_TAG: Final = "started_by"

_IN_PROGRESS: Final = (
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.CANCELING,
)
# States of a process that only waits to be collected by its parent.
_ENDED: Final = ("Z", "X")
_SEPARATOR: Final = " "


def process_tags() -> dict[str, str]:
    """Tags of a run of a command: its process, so that its death is noticed, who started it, and no automatic retry."""
    return {PROCESS_TAG: this_process(), STARTED_TAG: "command line", "dagster/max_retries": "0"}


class RunExecutor(dg.Executor):
    """Executes the steps of a run in its process, and notes on the run which process that is, whoever started it."""

    def __init__(self, inner: dg.Executor) -> None:
        """Take Dagster's executor."""
        self._inner = inner

    @property
    def retries(self) -> Any:
        """Dagster's rules for steps."""
        return self._inner.retries

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[dg.DagsterEvent]:
        """Execute the steps."""
        plan_context.instance.add_run_tags(plan_context.run_id, {PROCESS_TAG: this_process()})
        yield from self._inner.execute(plan_context, execution_plan)


@dg.executor(name="in_run_process", config_schema=dg.in_process_executor.config_schema.as_field())
def run_executor(context: dg.InitExecutorContext) -> dg.Executor:
    """A run has a process of its own, and its steps need none beside it."""
    return RunExecutor(dg.in_process_executor.executor_creation_fn(context))  # type: ignore[misc]


def this_process() -> str:
    """Name this process so that no other, on whatever machine and at whatever time, has the same name."""
    return _SEPARATOR.join((platform.node(), _boot(), str(os.getpid()), _start(os.getpid()) or ""))


def process_id(process: str) -> int | None:
    """Return the id of a process on this machine; None if it has died or runs elsewhere.

    Args:
        process: a name of `this_process`.
    """
    parts = process.split(_SEPARATOR)
    if len(parts) == 4 and parts[0] == platform.node() and not is_dead(process):
        return int(parts[2])
    return None


def is_dead(process: str) -> bool:
    """Tell whether a process has died; one of another host is never called dead, because it cannot be seen.

    A host is known by its name. On this host a process has died if the machine, or its container, has been started
    again since; if its id is free; or if its id belongs to a process that began at another time.

    Args:
        process: a name of `this_process`; the shorter names of former releases are those of processes that have ended.
    """
    parts = process.split(_SEPARATOR)
    if len(parts) != 4:
        return True
    host, boot, number, start = parts
    return host == platform.node() and (boot != _boot() or _start(int(number)) != start)


def bury_dead_runs(instance: dg.DagsterInstance) -> Sequence[dg.DagsterRun]:
    """Mark runs of dead processes as failed or canceled and free their slots, so that nothing waits for them.

    A run that Dagster started is then retried by its rules. A run of a process that cannot be seen from here is left
    to its time limit.

    Returns:
        The runs that were marked.
    """
    buried = []
    for run in instance.get_runs(dg.RunsFilter(statuses=list(_IN_PROGRESS))):
        process = run.tags.get(PROCESS_TAG)
        if process and is_dead(process) and not _is_inherited(instance, run):
            if run.status is dg.DagsterRunStatus.CANCELING:
                instance.report_run_canceled(run, message="The process that executed it has ended.")
            else:
                instance.report_run_failed(run, "The process that executed it has died.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            buried.append(run)
    return buried


def _is_inherited(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether the process is that of the run which this one repeats: Dagster copies the tag, until it has its own."""
    parent = instance.get_run_by_id(run.parent_run_id) if run.parent_run_id else None
    return parent is not None and parent.tags.get(PROCESS_TAG) == run.tags[PROCESS_TAG]


def _boot() -> str:
    """The start of this machine and, in a container, of the container: process ids count within it."""
    if not Path("/proc/self/ns/pid").exists():
        return f"{psutil.boot_time():.0f}"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"


def _start(number: int) -> str | None:
    """When a living process began; None if there is none.

    In Linux's own count since the machine's start: psutil's times move when the clock is set.
    """
    try:
        if not Path("/proc/self/stat").exists():
            return f"{psutil.Process(number).create_time():.0f}"
        # The second field, the name in parentheses, may hold spaces and parentheses.
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except (psutil.NoSuchProcess, OSError):
        return None
    return None if fields[0] in _ENDED else fields[19]
