"""Opening the warehouse: the embedded server, or the server that WAREHOUSE_DSN names."""

import logging
from collections.abc import Callable
from typing import Any, Final

import psycopg
from psycopg import conninfo

from orchestration.errors import WarehouseError
from orchestration.settings import Settings
from orchestration.warehouse.connection import Warehouse, connect
from orchestration.warehouse.embedded import EmbeddedServer
from orchestration.warehouse.readers import end_overlong_sessions, hold_limits
from orchestration.warehouse.roles import prepare, prepare_billing
from sources.kit.addresses import has_one_reading

DATABASE: Final = "workledger"

_logger = logging.getLogger(__name__)


def open_warehouse(settings: Settings, notify: Callable[[str], None] = _logger.info) -> Warehouse:
    """Make sure that the warehouse runs and has its roles, schemas and rights; return the way to connect.

    Safe to call from several processes at once and after any of them was killed.

    Args:
        settings: WAREHOUSE_DSN decides between a server of the user's own and the embedded one.
        notify: receives one sentence for whatever the user should know, such as a changed port.

    Raises:
        WarehouseError: names the place and what to do.
    """
    if settings.warehouse_dsn is None:
        server = embedded_server(settings, notify)
        return server.open(DATABASE, query_timeout_seconds=settings.warehouse_query_timeout_seconds)
    base = parameters_of(settings.warehouse_dsn)
    warehouse = Warehouse(base=base, query_timeout_seconds=settings.warehouse_query_timeout_seconds)
    with connect(base, warehouse.address, autocommit=False) as connection:
        prepare(connection, passwords=None)
        prepare_billing(connection)
        hold_limits(connection, settings.warehouse_query_timeout_seconds, every_role=False)
    return warehouse


def end_overlong(settings: Settings) -> list[str]:
    """End sessions of readers that outlast their limits; return a sentence for each.

    Raises:
        WarehouseError: the server of WAREHOUSE_DSN cannot be reached. The embedded one is not started for this.
    """
    if settings.warehouse_dsn is None:
        server = embedded_server(settings)
        if not server.is_running():
            return []
        parameters, address = server.administrator(DATABASE), f"127.0.0.1/{DATABASE}"
    else:
        parameters = parameters_of(settings.warehouse_dsn)
        address = Warehouse(base=parameters).address
    with connect(parameters, address) as connection:
        return end_overlong_sessions(connection, settings.warehouse_query_timeout_seconds)


def embedded_server(settings: Settings, notify: Callable[[str], None] = _logger.info) -> EmbeddedServer:
    """Return the handle of the embedded server, started or not."""
    return EmbeddedServer(settings.home / "postgres", port=settings.warehouse_port, notify=notify)


def database_name(settings: Settings) -> str:
    """Return the name of the warehouse's database; nothing is connected."""
    if settings.warehouse_dsn is None:
        return DATABASE
    return str(conninfo.conninfo_to_dict(settings.warehouse_dsn).get("dbname") or DATABASE)


def parameters_of(dsn: str, setting: str = "WAREHOUSE_DSN") -> dict[str, Any]:
    """Return the libpq keyword parameters of an address; host, port, user and dbname are among them.

    Args:
        dsn: the address.
        setting: where it comes from.

    Raises:
        WarehouseError: it cannot be read, or something is missing in it; its password is not in the message.
    """
    form = "postgresql://user:password@host:5432/database"
    unreadable = WarehouseError(
        f"{setting} cannot be read; it must look like {form}, "
        "with special characters in user and password written as %40 and the like."
    )
    # Otherwise a part of the password passes for the host, which messages name.
    if not has_one_reading(dsn):
        raise unreadable
    try:
        parameters = conninfo.conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        # The library's message may contain a part of the password.
        raise unreadable from None
    missing = [name for name in ("host", "user", "dbname") if not parameters.get(name)]
    if missing:
        raise WarehouseError(f"{setting} lacks {', '.join(missing)}; it must look like {form}.")
    port = str(parameters.get("port") or 5432)
    if not port.isdigit():
        raise WarehouseError(f"{setting} names several ports; it must name one host and one port.")
    return {**parameters, "port": int(port)}
