"""What each source is handed: one's own settings in production, the sandbox's in a sandbox. No vendor's format here."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestration.errors import SettingsError
from orchestration.postgres import Notify
from orchestration.sandbox import ensure_sandbox
from orchestration.settings import PROJECT_FOLDER, Settings


@dataclass(frozen=True)
class Inputs:
    """Values for every source, by source and dlt's name below `SOURCES__<SOURCE>__`; secrets are among them."""

    settings: Mapping[str, Mapping[str, str]]
    reference_dir: Path
    dataset_dir: Path | None
    """The sandbox's dataset folder; None in production."""

    def missing(self, source: str, required: tuple[str, ...]) -> tuple[str, ...]:
        """Return the full names of a source's required settings that nothing supplies."""
        present = self.settings.get(source, {})
        return tuple(
            f"SOURCES__{source.upper()}__{name.upper().replace('.', '__')}"
            for name in required
            if not present.get(name)
        )


def find_inputs(settings: Settings, notify: Notify) -> Inputs:
    """Gather what the sources need; in a sandbox, generate and serve it first.

    Raises:
        SettingsError: session_roots.csv cannot be read.
        SandboxError: the sandbox cannot be generated or served.
    """
    values = {name: dict(one) for name, one in settings.sources.items()}
    dataset_dir = None
    if settings.profile == "sandbox":
        sandbox = ensure_sandbox(settings, notify)
        dataset_dir = sandbox.folder
        # A source that someone configured beside the sandbox would mix real with made-up records.
        values = sandbox.source_settings
    reference_dir = settings.reference_dir or (dataset_dir or settings.home) / "reference"
    values["reference"] = {"folder": str(reference_dir)}
    if roots := session_roots(reference_dir / "session_roots.csv"):
        values["claude_code"] = {
            **values.get("claude_code", {}),
            "roots": json.dumps(roots),
            # Relative roots start there (model's fine print, 7), in production at the checkout.
            "base_folder": str(dataset_dir or PROJECT_FOLDER),
            "session_text": settings.session_text,
        }
    if settings.clickhouse_dsn is not None:
        values["clickhouse"] = {"dsn": settings.clickhouse_dsn, **values.get("clickhouse", {})}
    return Inputs(values, reference_dir, dataset_dir)


def session_roots(file: Path) -> list[dict[str, str]]:
    """Return path and host of every row of session_roots.csv; none if the file is absent.

    Rows without a path are left to the validation of reference files, which names them.

    Raises:
        SettingsError: the file is no CSV in UTF-8.
    """
    if not file.exists():
        return []
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{file} cannot be read ({error}); make it a CSV file in UTF-8.") from error
    return [
        {"path": path.strip(), "host": (row.get("host") or "").strip()}
        for row in rows
        if (path := row.get("path") or "")
    ]
