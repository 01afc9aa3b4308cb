"""What each source is handed: one's own settings in production, the sandbox's in a sandbox. No vendor's format here."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestration.inputs.sandbox import ensure_mirror, ensure_sandbox
from orchestration.settings import PROJECT_FOLDER, Settings
from sources.reference.client import read_file

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inputs:
    """Values for every source, and where they come from."""

    values: Mapping[str, Mapping[str, Any]] = field(repr=False)
    """By source, then by dlt's name below `SOURCES__<SOURCE>__` in lower case; secrets are among them."""
    reference_dir: Path
    dataset_dir: Path | None
    """The sandbox's dataset folder; None in production."""

    def configuration(self, source: str) -> dict[str, Any]:
        """Return what a source is handed; empty if nothing supplies it."""
        return dict(self.values.get(source, {}))


def open_inputs(settings: Settings, notify: Callable[[str], None] = _logger.info) -> Inputs:
    """Gather what the sources need; in a sandbox, generate and serve it first.

    Args:
        settings: the profile decides whose systems are read.
        notify: receives one sentence before anything that takes long.

    Raises:
        SandboxError: the sandbox cannot be generated or served.
    """
    values: dict[str, dict[str, Any]] = {source: dict(given) for source, given in settings.sources.items()}
    dataset_dir = None
    if settings.profile == "sandbox":
        sandbox = ensure_sandbox(settings, notify)
        dataset_dir = sandbox.folder
        # A source that someone configured beside the sandbox would mix real records with made-up ones.
        values = {source: dict(given) for source, given in sandbox.source_settings.items()}
        if settings.clickhouse_dsn is None and (dsn := ensure_mirror(settings, sandbox.folder, notify)):
            values["clickhouse"] = {"dsn": dsn}
    reference_dir = settings.reference_dir or (dataset_dir or PROJECT_FOLDER) / "reference"
    if dataset_dir is not None and settings.reference_dir is None and not reference_dir.exists():
        # What a dataset folder lacks is empty, but the reference source insists on a folder.
        reference_dir = settings.home / "sandbox" / "no-reference"
        reference_dir.mkdir(exist_ok=True)
    values["reference"] = {"folder": str(reference_dir)}
    if roots := session_roots(reference_dir / "session_roots.csv"):
        values["claude_code"] = {
            **values.get("claude_code", {}),
            "roots": roots,
            # Relative roots start there (rule 3.9), in production at the checkout.
            "base_folder": str(dataset_dir or PROJECT_FOLDER),
            "session_text": settings.session_text,
        }
    if settings.clickhouse_dsn is not None:
        values["clickhouse"] = {**values.get("clickhouse", {}), "dsn": settings.clickhouse_dsn}
    return Inputs(values, reference_dir, dataset_dir)


def session_roots(file: Path) -> list[dict[str, str]]:
    """Return path and host of every row of session_roots.csv; none if the file is absent or cannot be read.

    What is wrong in the file is for the load of the reference files to say.
    """
    rows = read_file(file.stem, file.parent).rows
    return [{"path": row.values["path"], "host": row.values["host"] or ""} for row in rows if row.values["path"]]
