"""`workledger docs`: dbt's documentation of the warehouse, written into the home and served on 127.0.0.1."""

from collections.abc import Callable
from pathlib import Path

from orchestration.settings import Settings
from orchestration.warehouse.dbt import DbtProject, dbt_environment, prepare_manifest
from orchestration.warehouse.opening import open_warehouse


def serve_docs(settings: Settings, port: int, notify: Callable[[str], None]) -> None:
    """Write the documentation and serve it until the process is interrupted.

    Args:
        settings: the home holds the pages.
        port: a free port of 127.0.0.1.
        notify: receives one sentence before each step.

    Raises:
        WorkledgerError: the warehouse cannot be started, or dbt cannot write the pages.
    """
    project, environment, folder = write_docs(settings, notify)
    notify(f"The documentation is at http://127.0.0.1:{port}; Ctrl+C ends it.")
    project.serve_documentation(environment, folder, port)


def write_docs(settings: Settings, notify: Callable[[str], None]) -> tuple[DbtProject, dict[str, str], Path]:
    """Write the documentation; return the project, where its warehouse is, and the folder of the pages.

    Raises:
        WorkledgerError: the warehouse cannot be started, or dbt cannot write the pages.
    """
    warehouse = open_warehouse(settings, notify)
    project = DbtProject(prepare_manifest(settings.home, warehouse.database), settings)
    environment, folder = dbt_environment(warehouse), settings.home / "docs"
    notify("Reading the warehouse's columns for the documentation")
    project.document(environment, folder)
    return project, environment, folder
