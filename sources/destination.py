"""Where sources land: dlt's Postgres and pipeline, which work out once what does not change within a load.

Whose server that is: not here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlt
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.normalizers.naming import NamingConvention
from dlt.common.pipeline import ExtractInfo, get_dlt_pipelines_dir
from dlt.common.schema import Schema
from dlt.destinations import postgres
from dlt.destinations.impl.postgres.configuration import PostgresClientConfiguration
from dlt.pipeline.pipeline import Pipeline

from sources import landed


class Warehouse(postgres):
    """Postgres whose configuration and capabilities are worked out once.

    dlt asks for both dozens of times in a load and looks every field up in the environment and in files each time,
    which is more work than a load of a few rows.
    """

    def __init__(self, credentials: Any) -> None:
        """Take a DSN, or dlt's Postgres credentials."""
        super().__init__(credentials=credentials)
        self._configuration: PostgresClientConfiguration | None = None
        self._capabilities: dict[str | None, DestinationCapabilitiesContext] = {}

    @property
    def destination_type(self) -> str:
        """Say dlt's own name: to whatever reads the pipeline's state it is an ordinary Postgres."""
        return "dlt.destinations.postgres"

    def configuration(
        self, initial_config: PostgresClientConfiguration, accept_partial: bool = False
    ) -> PostgresClientConfiguration:
        """As dlt's, remembered: what else an initial configuration bears is the names of dataset and schema."""
        if accept_partial:
            return super().configuration(initial_config, accept_partial)
        if self._configuration is None:
            self._configuration = super().configuration(initial_config)
        # What is bound to a configuration is no part of its resolution.
        bound: PostgresClientConfiguration = self._configuration.copy()
        bound.dataset_name = initial_config.dataset_name
        bound.default_schema_name = initial_config.default_schema_name
        return bound

    def capabilities(
        self, config: PostgresClientConfiguration | None = None, naming: NamingConvention | None = None
    ) -> DestinationCapabilitiesContext:
        """As dlt's, remembered by naming convention; no configuration changes what Postgres can do."""
        convention = naming.name() if naming else None
        if convention not in self._capabilities:
            self._capabilities[convention] = super().capabilities(config or self.spec(), naming)
        return self._capabilities[convention].copy()


class _Pipeline(Pipeline):
    """A pipeline whose working folder nobody else writes to, so that its schema need not be read from there again."""

    def extract(self, *arguments: Any, **options: Any) -> ExtractInfo:
        """As dlt's; what sources looked up meanwhile, they looked up through one connection, which ends here."""
        try:
            return super().extract(*arguments, **options)
        finally:
            landed.close()

    @property
    def default_schema(self) -> Schema:
        """As dlt's, from the file only until it was read."""
        live: Schema | None = self._schema_storage.live_schemas.get(str(self.default_schema_name))
        return live or super().default_schema


def pipeline(name: str, credentials: Any, dataset_name: str, folder: Path | None = None) -> Pipeline:
    """Return the pipeline of a source into a dataset of the warehouse that a DSN, or dlt's credentials, lead to.

    `folder` is where dlt keeps its working files.
    """
    return dlt.pipeline(
        name,
        destination=Warehouse(credentials),
        dataset_name=dataset_name,
        pipelines_dir=str(folder or get_dlt_pipelines_dir()),
        _impl_cls=_Pipeline,
    )
