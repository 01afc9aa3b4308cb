"""`workledger reference accept`, and what has landed of the reference files."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from orchestration.errors import WorkledgerError
from orchestration.warehouse.connection import Warehouse
from sources.kit import destination
from sources.kit.run import keep_quiet
from sources.reference import SPEC
from sources.reference.losses import InForce
from sources.reference.resources import in_force
from sources.reference.schema import FILES, REJECTED_FILES

_TABLE = f"{SPEC.schema}.{REJECTED_FILES.name}"


def accept(warehouse: Warehouse, names: Sequence[str]) -> list[str]:
    """Record that rows which reference files have lost are meant to go; the next load lets them go (rule 2.16).

    A consent holds for what the last load has refused: for the file as it was then, and the rows that are in force. If
    one of the files cannot be accepted, nothing is recorded.

    Args:
        warehouse: where they landed.
        names: the files, such as `clients.csv`, `clients`, or a path that ends so.

    Returns:
        One sentence for each file.

    Raises:
        WorkledgerError: a name is that of no reference file, or the last load refused no lost rows of it.
    """
    files = list(dict.fromkeys(_file_name(name) for name in names))
    with warehouse.connect("loader") as connection, connection.transaction():
        is_there = connection.execute("select to_regclass(%s) is not null", [_TABLE]).fetchone() == (True,)
        for file in files:
            query = f"update {_TABLE} set accepted_at = now() where file = %s and consent_id is not null"
            if not is_there or not connection.execute(query, [file]).rowcount:
                raise WorkledgerError(
                    f"The last load found no lost rows in {file}: there is nothing to accept. `workledger run` looks "
                    "again, and says what a file would take away."
                )
    return [f"Accepted: `workledger run` takes {file} as the last load found it." for file in files]


def landed_before(warehouse: Warehouse) -> InForce:
    """Return what has landed of the reference files; a load in progress is neither waited for nor disturbed."""
    keep_quiet()
    with TemporaryDirectory() as folder:
        pipeline = destination.pipeline(SPEC.name, warehouse.dsn("loader"), SPEC.schema, Path(folder))
        try:
            return in_force()
        finally:
            pipeline.deactivate()


def _file_name(name: str) -> str:
    known = {file.name for file in FILES}
    stem = Path(name).name.removesuffix(".csv")
    if stem not in known:
        raise WorkledgerError(f"{name} is no reference file; write one of {', '.join(sorted(known))}.")
    return f"{stem}.csv"
