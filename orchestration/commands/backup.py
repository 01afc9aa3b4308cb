"""`workledger backup` and `workledger restore`: what cannot be made again, in a folder, and back."""

import json
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from invoicing.schema import REVISIONS
from orchestration.errors import WorkledgerError
from orchestration.inputs.reference import reference_files, reference_folder
from orchestration.settings import Settings
from orchestration.warehouse.backup import fill, fingerprint, save
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.opening import open_warehouse

_WAREHOUSE: Final = "warehouse.dump"
_REFERENCE: Final = "reference"
_ABOUT: Final = "about.json"
_NAME: Final = re.compile(r"workledger-\d{8}T\d{6}Z")
_UNFINISHED: Final = ".unfinished"


def backup(settings: Settings, folder: Path, keep: int | None, says: Callable[[str], None]) -> None:
    """Save the warehouse and the reference files into a new folder below `folder`.

    Args:
        settings: name the warehouse.
        folder: where backups are.
        keep: how many backups stay, the newest; None removes none.
        says: receives one sentence for whatever the user should know.

    Raises:
        WorkledgerError: the folder cannot be written, or the warehouse cannot be read.
    """
    warehouse = open_warehouse(settings, says)
    made = datetime.now(UTC)
    place = folder / f"workledger-{made:%Y%m%dT%H%M%SZ}"
    unfinished = place.with_name(f"{place.name}{_UNFINISHED}")
    try:
        unfinished.mkdir(parents=True)
        save(warehouse, unfinished / _WAREHOUSE)
        (unfinished / _REFERENCE).mkdir()
        for file in reference_files(settings):
            shutil.copy2(file, unfinished / _REFERENCE)
        about = {
            "made": made.isoformat(timespec="seconds"),
            "workledger": version("workledger"),
            "billing": REVISIONS[-1],
            "warehouse": warehouse.address,
            "sha256": fingerprint(unfinished / _WAREHOUSE),
        }
        (unfinished / _ABOUT).write_text(json.dumps(about, indent=2) + "\n")
        # Only what is whole has the name of a backup.
        unfinished.rename(place)
    except OSError as error:
        raise WorkledgerError(f"{place} cannot be written ({error.strerror}); name a folder that can.") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
    says(f"{place} holds what cannot be made again ({size / 1e6:,.1f} MB); the settings (.env) are not in it.")
    for old in _to_remove(folder, keep):
        shutil.rmtree(old)
        says(f"{old} is removed; the newest {keep} backups stay.")


def restore(settings: Settings, place: Path, says: Callable[[str], None]) -> None:
    """Fill an empty warehouse from a backup, and an empty folder of reference files.

    Args:
        settings: name the warehouse.
        place: a folder that `backup` has made.
        says: receives one sentence for whatever the user should know.

    Raises:
        WorkledgerError: the folder is no whole backup, or the warehouse is not empty; nothing was changed.
    """
    dump = place / _WAREHOUSE
    try:
        about = json.loads((place / _ABOUT).read_text())
        found = fingerprint(dump)
    except (OSError, ValueError) as error:
        raise WorkledgerError(
            f"{place} is no backup of Workledger ({' '.join(str(error).split())}); name a folder that "
            "`workledger backup` has made."
        ) from None
    if found != about["sha256"]:
        raise WorkledgerError(f"{dump} is not what was saved (its SHA-256 differs); take another backup.")
    if about["billing"] not in REVISIONS:
        raise WorkledgerError(
            f"{place} was made by Workledger {about['workledger']} with schema billing {about['billing']}, and this "
            f"one knows versions up to {REVISIONS[-1]}; update Workledger."
        )
    warehouse = fill(settings, dump)
    says(f"The warehouse at {warehouse.address} is as it was at {about['made']}; {_invoices(warehouse)}")
    _restore_reference(place / _REFERENCE, reference_folder(settings), says)
    says("`workledger run` reads what has come since, and builds every table.")


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _to_remove(folder: Path, keep: int | None) -> list[Path]:
    if keep is None:
        return []
    backups = sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name) and (path / _ABOUT).is_file())
    return backups[:-keep]


def _invoices(warehouse: Warehouse) -> str:
    with warehouse.connect("owner") as connection:
        row = connection.execute(
            "select count(*), (array_agg(invoice_number order by issue_date desc, finalized_at desc))[1]"
            " from billing.invoices"
        ).fetchone()
    count, last = row or (0, None)
    if not count:
        return "it has no invoice."
    return f"it has {count:,} {'invoice' if count == 1 else 'invoices'}, the last of them {last}."


def _restore_reference(saved: Path, folder: Path, says: Callable[[str], None]) -> None:
    if any(folder.glob("*.csv")):
        says(f"The reference files in {folder} stay as they are; those of the backup are in {saved}.")
        return
    shutil.copytree(saved, folder, dirs_exist_ok=True)
    says(f"The reference files are in {folder}.")
