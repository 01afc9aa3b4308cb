"""`workledger ui`: Dagster's UI, daemon and code server, started and ended together."""

import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from orchestration.commands.services import Services, freeze
from orchestration.graph.instance import dagster_folder, log_folder, open_instance
from orchestration.graph.locks import acting_as, locked
from orchestration.graph.processes import bury_dead_runs
from orchestration.settings import PROJECT_FOLDER, Settings
from orchestration.warehouse.dbt import prepare_manifest
from orchestration.warehouse.opening import database_name, open_warehouse
from sources.kit.visible import visible

_UI_PORT: Final = 3000
_LONGEST_WAIT_SECONDS: Final = 15.0
_LOCATION: Final = "orchestration.definitions"


def ui(settings: Settings, port: int = _UI_PORT) -> None:
    """Show the asset graph on 127.0.0.1, and run schedules, sensors and automation conditions, until a signal ends it.

    Args:
        settings: where things are.
        port: a free port.

    Raises:
        WorkledgerError: the warehouse or Dagster cannot be started.
    """
    say = _terminal()
    services = Services(log_folder(settings), say)
    services.listen_to_signals()
    acting_as("workledger ui")
    # Two daemons would start everything twice. What a killed UI has left behind ends, and frees the lock, in seconds.
    with locked(dagster_folder(settings) / "ui.lock", "A UI of this home", say, longest=_LONGEST_WAIT_SECONDS):
        _prepare_environment(settings)
        open_warehouse(settings, say)
        services.first("preparation", lambda: _prepare(settings, say))
        # Every child needs it, and this is the only time it is read.
        import orchestration.definitions  # noqa: F401

        freeze()
        place = Path(tempfile.mkdtemp(prefix="workledger-ui-"))
        try:
            _start(services, place, port)
            say(f"The asset graph is at http://127.0.0.1:{port}; Ctrl+C ends it.")
            services.serve()
        finally:
            services.end()
            shutil.rmtree(place, ignore_errors=True)


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _prepare_environment(settings: Settings) -> None:
    """Say to Dagster, by its environment, what its processes need, wherever the user is."""
    os.environ |= {
        "DAGSTER_HOME": str(dagster_folder(settings)),
        # Relative paths start at the user's folder, not at the one where Dagster runs.
        **settings.as_environment(),
        # Nobody looks at warnings of libraries on a terminal; those of processes that Dagster starts, too.
        "PYTHONWARNINGS": "ignore",
        # Threads of these libraries would not survive a fork, and nothing here computes with matrices.
        "OPENBLAS_NUM_THREADS": "1",
    }
    os.chdir(PROJECT_FOLDER)


def _prepare(settings: Settings, say: Callable[[str], None]) -> None:
    """Parse the dbt project, if it has changed, and bury the runs of a former process."""
    prepare_manifest(settings.home, database_name(settings))
    with open_instance(settings) as instance:
        for run in bury_dead_runs(instance):
            say(f"Run {run.run_id[:8]} ({run.job_name}) had died with its process and is marked as failed.")


def _start(services: Services, place: Path, port: int) -> None:
    """Start the code server, then what asks it."""
    server = place / "code"
    workspace = place / "workspace.yaml"
    location = {"grpc_server": {"socket": str(server), "location_name": _LOCATION}}
    workspace.write_text(json.dumps({"load_from": [location]}))
    quiet = ["--log-level", "warning"]
    pointer = ["--module-name", _LOCATION, "--working-directory", str(PROJECT_FOLDER), "--location-name", _LOCATION]
    services.add("code_server", "dagster", ["api", "grpc", "--socket", str(server), *pointer, *quiet])
    services.wait_for(server)
    services.add("daemon", "dagster-daemon", ["run", "--workspace", str(workspace), *quiet])
    address = ["--host", "127.0.0.1", "--port", str(port)]
    log_levels = ["--log-level", "warning", "--dagster-log-level", "warning"]
    services.add("webserver", "dagster-webserver", ["--workspace", str(workspace), *address, *log_levels])


def _terminal() -> Callable[[str], None]:
    """Return what prints a sentence with its time on the terminal, also from children whose output goes to files.

    What the graph reports of its runs is printed in the same way.
    """
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Sentence("%(asctime)s  %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("orchestration")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return logger.info


class _Sentence(logging.Formatter):
    """Escapes control characters: a sentence may hold names from outside."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))
