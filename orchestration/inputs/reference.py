"""The reference folder and what is found from it: reference files, session roots, transcripts."""

from pathlib import Path

from orchestration.inputs.sandbox import dataset_folder
from orchestration.settings import PROJECT_FOLDER, Settings
from sources.claude_code.client import SessionRoot, discover
from sources.reference.client import read_file


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
    """List the transcript files below the session roots; only folders are read."""
    roots = [SessionRoot(row["path"], row["host"]) for row in session_roots(settings)]
    return [Path(file.location) for file in discover(roots, str(base_folder(settings)))]


def session_roots(settings: Settings) -> list[dict[str, str]]:
    """Return path and host of every row of session_roots.csv; none if the file does not exist or cannot be read.

    What is wrong in the file is reported by the load of the reference files.
    """
    rows = read_file("session_roots", reference_folder(settings)).rows
    return [{"path": row.values["path"], "host": row.values["host"] or ""} for row in rows if row.values["path"]]
