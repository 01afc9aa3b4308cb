"""Schema `billing` by migrations: forward only, all or nothing, under a lock.

The migrations are plain SQL in `migrations/versions`; alembic keeps their order and the version in
`billing.alembic_version`.
"""

from pathlib import Path
from typing import Final

import psycopg

from invoicing.errors import InvoicingError

KEEPER: Final = "billing_keeper"
"""The role that owns schema `billing`; nobody logs in as it, so nobody can switch its triggers off."""

_FOLDER: Final = Path(__file__).parent / "migrations"
REVISIONS: Final = tuple(sorted(file.name.split("_")[0] for file in (_FOLDER / "versions").glob("*.sql")))


def migrate(connection: psycopg.Connection) -> None:
    """Bring schema `billing` to the newest version; one query if it is there already.

    Args:
        connection: of a login that can switch to role `billing_keeper`, which owns the schema; in no transaction,
            and not in autocommit.

    Raises:
        InvoicingError: the schema is of a newer Workledger, or a migration fails; nothing was changed.
    """
    try:
        is_newest = _version(connection) == REVISIONS[-1]
        connection.rollback()
        if not is_newest:
            _upgrade(connection)
    except psycopg.Error as error:
        raise InvoicingError(
            f"Schema billing cannot be brought to version {REVISIONS[-1]} ({error.diag.message_primary or error}); "
            "nothing was changed."
        ) from error


def _version(connection: psycopg.Connection) -> str | None:
    found = connection.execute("select to_regclass('billing.alembic_version')").fetchone()
    if found is None or found[0] is None:
        return None
    row = connection.execute("select version_num from billing.alembic_version").fetchone()
    return None if row is None else str(row[0])


def _upgrade(connection: psycopg.Connection) -> None:
    # Imported here, because almost every start finds nothing to do.
    import sqlalchemy
    from alembic import command
    from alembic.config import Config

    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: connection, poolclass=sqlalchemy.StaticPool
    )
    configuration = Config()
    configuration.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    try:
        with engine.begin() as borrowed:
            # Two first starts at once would otherwise both create the tables.
            connection.execute("select pg_advisory_xact_lock(hashtextextended('workledger.billing', 0))")
            version = _version(connection)
            if version is not None and version not in REVISIONS:
                raise InvoicingError(
                    f"Schema billing has version {version}, and this Workledger knows versions up to {REVISIONS[-1]}; "
                    "update Workledger. There is no way back to an older version."
                )
            connection.execute("set local role billing_keeper")
            configuration.attributes["connection"] = borrowed
            command.upgrade(configuration, "head")
    except sqlalchemy.exc.DBAPIError as error:
        raise error.orig or error from error
