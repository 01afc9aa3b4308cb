"""Where sources land: dlt's Postgres, which works out once what it can do. Whose server that is: not here."""

from __future__ import annotations

from typing import Any

from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.destination.reference import Destination
from dlt.common.normalizers.naming import NamingConvention
from dlt.destinations import postgres
from dlt.destinations.impl.postgres.configuration import PostgresClientConfiguration


class Warehouse(postgres):
    """Postgres whose capabilities are worked out once.

    dlt asks for them some forty times a load and resolves the whole configuration each time, which is a third of the
    work of a load of a few rows.
    """

    def __init__(self, credentials: Any) -> None:
        """Take a DSN, or dlt's Postgres credentials."""
        super().__init__(credentials=credentials)
        self._remembered: dict[str | None, DestinationCapabilitiesContext] = {}

    @property
    def destination_type(self) -> str:
        """Say dlt's own name: to whatever reads the pipeline's state it is an ordinary Postgres."""
        return "dlt.destinations.postgres"

    def capabilities(
        self, config: PostgresClientConfiguration | None = None, naming: NamingConvention | None = None
    ) -> DestinationCapabilitiesContext:
        """As dlt's, remembered by naming convention where no configuration is handed over."""
        if config is not None:
            return super().capabilities(config, naming)
        convention = naming.name() if naming else None
        if convention not in self._remembered:
            self._remembered[convention] = super().capabilities(naming=naming)
        return self._remembered[convention].copy()


def warehouse(credentials: Any) -> Destination[Any, Any]:
    """Return the destination for a DSN, or for dlt's Postgres credentials."""
    return Warehouse(credentials=credentials)
