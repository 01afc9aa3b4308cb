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

    _own_capabilities: DestinationCapabilitiesContext | None = None

    @property
    def destination_type(self) -> str:
        """Say dlt's own name: to whatever reads the pipeline's state it is an ordinary Postgres."""
        return "dlt.destinations.postgres"

    def capabilities(
        self, config: PostgresClientConfiguration | None = None, naming: NamingConvention | None = None
    ) -> DestinationCapabilitiesContext:
        """As dlt's, remembered where nothing is asked in particular."""
        if config is not None or naming is not None:
            return super().capabilities(config, naming)
        if self._own_capabilities is None:
            self._own_capabilities = super().capabilities()
        return self._own_capabilities.copy()


def warehouse(credentials: Any) -> Destination[Any, Any]:
    """Return the destination for a DSN, or for dlt's Postgres credentials."""
    return Warehouse(credentials=credentials)
