"""What each source is configured with: the user's own settings in production, the sandbox's in a sandbox."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestration.inputs.reference import base_folder, reference_folder, session_roots
from orchestration.inputs.sandbox import CANNOT_LACK, ensure_mirror, ensure_sandbox
from orchestration.settings import Settings
from sources.kit.spec import SourceSpec

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inputs:
    """The settings of every source, and the folders they come from."""

    values: Mapping[str, Mapping[str, Any]] = field(repr=False)
    """By source, then by dlt's name below `SOURCES__<SOURCE>__` in lower case; some are secrets."""
    reference_dir: Path
    dataset_dir: Path | None
    """The sandbox's dataset folder; None in production."""

    def configuration(self, source: str) -> dict[str, Any]:
        """Return the settings of a source; empty if there are none."""
        return dict(self.values.get(source, {}))

    def missing(self, spec: SourceSpec) -> str | None:
        """Return what to do so that a source can be read, such as "set SOURCES__TEMPO__API_TOKEN"; None if it can.

        In a sandbox a source's variables have no effect: there the dataset lacks something.
        """
        given = self.values.get(spec.name, {})
        absent = [name for name in spec.required_settings if not given.get(name)]
        if not absent:
            return None
        supplied = [spec.supplied_settings[name] for name in absent if name in spec.supplied_settings]
        if supplied:
            return " and ".join(supplied).format(reference_dir=self.reference_dir)
        if self.dataset_dir is not None:
            folder = self.dataset_dir / spec.name
            if collection := CANNOT_LACK.get(spec.name):
                return f"put its {collection} into {folder / f'{collection}.jsonl'}"
            return f"put its records into {folder}"
        return f"set {' and '.join(map(spec.variable, absent))}"


def open_inputs(settings: Settings, notify: Callable[[str], None] = _logger.info) -> Inputs:
    """Gather the settings of all sources; in a sandbox, generate and serve it first.

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
        # A source configured beside the sandbox would mix real records with made-up ones; all that is set is consents.
        values = {source: {**values.get(source, {}), **given} for source, given in sandbox.source_settings.items()}
        values |= {source: {} for source in sandbox.absent}
        if settings.clickhouse_dsn is None and (dsn := ensure_mirror(settings, sandbox.folder, notify)):
            values["clickhouse"] = {**settings.sources.get("clickhouse", {}), "dsn": dsn}
    reference_dir = reference_folder(settings)
    if dataset_dir is not None:
        reference_dir.mkdir(exist_ok=True)
    values["reference"] = {"folder": str(reference_dir)}
    if roots := session_roots(settings):
        values["claude_code"] = {
            **values.get("claude_code", {}),
            "roots": roots,
            "base_folder": str(base_folder(settings)),
            "session_text": settings.session_text,
        }
    if settings.clickhouse_dsn is not None:
        values["clickhouse"] = {**values.get("clickhouse", {}), "dsn": settings.clickhouse_dsn}
    return Inputs(values, reference_dir, dataset_dir)
