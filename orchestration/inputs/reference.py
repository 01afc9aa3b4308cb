"""The reference folder and what is found from it: reference files, session roots, transcripts."""

import csv
from pathlib import Path

from orchestration.errors import SettingsError
from orchestration.inputs.sandbox import dataset_folder
from orchestration.settings import PROJECT_FOLDER, Settings
from sources.claude_code.client import SessionRoot, discover


def reference_folder(settings: Settings) -> Path:
    """Return the folder of reference files: REFERENCE_DIR, else that of the sandbox's dataset or of the checkout.

    A dataset may have no reference files, but the reference source needs a folder: then it is one in the home, which
    `open_inputs` creates and nobody fills.
    """
    if settings.reference_dir is not None:
        return settings.reference_dir
    folder = base_folder(settings) / "reference"
    if settings.profile == "sandbox" and not folder.exists():
        return settings.home / "sandbox" / "no-reference"
    return folder


def base_folder(settings: Settings) -> Path:
    """Return the folder where relative session roots start: the sandbox's dataset, in production the checkout."""
    return PROJECT_FOLDER if settings.profile == "production" else dataset_folder(settings)


def reference_files(settings: Settings) -> list[Path]:
    """List the reference files."""
    return sorted(reference_folder(settings).glob("*.csv"))


def transcripts(settings: Settings) -> list[Path]:
    """List the transcript files below the session roots; only folders are read.

    Raises:
        SettingsError: session_roots.csv cannot be read.
    """
    roots = [SessionRoot(row["path"], row["host"]) for row in session_roots(settings)]
    return [Path(file.location) for file in discover(roots, str(base_folder(settings)))]


def session_roots(settings: Settings) -> list[dict[str, str]]:
    """Return path and host of every row of session_roots.csv; none if the file does not exist.

    Rows without a path are left out; the validation of reference files names them.

    Raises:
        SettingsError: the file is not CSV in UTF-8.
    """
    file = reference_folder(settings) / "session_roots.csv"
    if not file.exists():
        return []
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{file} cannot be read ({error}); make it a CSV file in UTF-8.") from error
    return [{"path": row["path"].strip(), "host": (row.get("host") or "").strip()} for row in rows if row.get("path")]
