"""`workledger reference accept`, and what the reference files would take away beside what is in force."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from dlt.common.schema import Schema
from dlt.extract.source import DltSource

from assets.raw import source_pipeline
from orchestration.errors import WorkledgerError
from orchestration.graph.resources import LoggingListener, Places, SourceLanding
from orchestration.inputs.reference import reference_folder
from orchestration.settings import Settings
from orchestration.warehouse.connection import Warehouse
from sources.kit import destination
from sources.kit.run import keep_quiet
from sources.reference import SPEC
from sources.reference.client import read_folder
from sources.reference.losses import InForce
from sources.reference.resources import consents, in_force
from sources.reference.schema import FILES

_logger = logging.getLogger(__name__)


def accept(settings: Settings, names: Sequence[str], notify: Callable[[str], None] = _logger.info) -> list[str]:
    """Record that what reference files take away is meant to go; the next load lets it go.

    A consent holds for the file as it is now and the rows that are in force now. Each file is decided on its own: if
    one cannot be accepted, nothing is recorded.

    Args:
        settings: where the folder and the warehouse are.
        names: the files, such as `clients.csv`, `clients`, or a path that ends so.
        notify: receives one sentence before anything that takes long.

    Returns:
        One sentence for each file: what will go.

    Raises:
        WorkledgerError: a name is that of no reference file, or nothing of the file is held back.
        SourceError: there is no folder of reference files.
    """
    chosen = list(dict.fromkeys(_file_name(name) for name in names))
    landing = SourceLanding(Places(settings, notify), LoggingListener(), attended=True)
    with landing.alone(SPEC), source_pipeline(SPEC, landing) as pipeline:
        contents = read_folder(reference_folder(settings), in_force())
        losses = [(name, contents[name].loss) for name in chosen]
        held_back = [loss for _, loss in losses if loss is not None]
        for name, loss in losses:
            if loss is None:
                problem = next(iter(contents[name].problems), None)
                raise WorkledgerError(
                    f"{problem}; mend it, this cannot be accepted."
                    if problem
                    else f"{name}.csv takes away nothing that needs consent; `workledger run` lands it as it is."
                )
        pipeline.drop()
        resource = consents(held_back)
        pipeline.run(
            DltSource(Schema(SPEC.name), SPEC.name, [resource]), loader_file_format="csv"
        ).raise_on_failed_jobs()
    return [
        f"Accepted: {loss.extent} go from {loss.file.name}.csv with the next load (`workledger run`)."
        for loss in held_back
    ]


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
    return stem
