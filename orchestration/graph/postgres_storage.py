"""Dagster's storage of runs and events in Postgres, in the database of DAGSTER_DSN; deploy/dagster.yaml names it.

dagster-postgres opens a connection for each event, of which a build has a thousand. Here each process keeps one.
"""

from collections.abc import Mapping
from typing import Any

from dagster._serdes import ConfigurableClassData
from dagster_postgres.storage import DagsterPostgresStorage
from dagster_postgres.utils import create_pg_engine
from sqlalchemy import make_url

from orchestration.errors import SettingsError
from orchestration.settings import load_settings


class PostgresStorage(DagsterPostgresStorage):
    """Dagster's storage in Postgres, with its address from the settings and connections that stay open."""

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Connect, and create Dagster's tables if they are missing."""
        super().__init__(postgres_url, inst_data=inst_data)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            # A connection that the server has closed meanwhile is replaced before it is used.
            storage._engine = create_pg_engine(  # noqa: SLF001 - there is no other way to keep connections
                postgres_url, isolation_level="AUTOCOMMIT", pool_size=1, max_overflow=20, pool_pre_ping=True
            )

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Take nothing from dagster.yaml."""
        return {}

    @classmethod
    def from_config_value(
        cls,
        inst_data: ConfigurableClassData | None,
        config_value: Mapping[str, Any],  # noqa: ARG003 - it is empty
    ) -> "PostgresStorage":
        """Build it from the settings.

        Raises:
            SettingsError: DAGSTER_DSN is not set.
        """
        dsn = load_settings().dagster_dsn
        if dsn is None:
            raise SettingsError(
                "DAGSTER_DSN is not set, and dagster.yaml keeps Dagster's runs in its database; set it to one."
            )
        return cls(_address(dsn), inst_data)


def _address(dsn: str) -> str:
    """The address in SQLAlchemy's form."""
    given = make_url(dsn)
    options = given.query.get("options", "")
    # While dbt builds, variables of libpq name the warehouse's role and encryption; here they must not hold.
    fixed = {"options": f"{options} -c timezone=UTC".strip(), "application_name": "workledger dagster"}
    url = given.update_query_dict({"sslmode": "prefer", **given.query, **fixed})
    # SQLAlchemy takes a plain `postgresql` for psycopg 3, with which dagster-postgres cannot notify.
    return url.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
