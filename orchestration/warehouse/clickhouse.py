"""ClickHouse, which holds the mirror and what is published: embedded, for one process at a time, or a server."""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from orchestration.errors import ClickHouseError
from orchestration.settings import Settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.opening import parameters_of
from publishing.statements import Postgres
from sources.kit.addresses import has_one_reading

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

_CONNECT_SECONDS: Final = 10


def clickhouse_dsn(settings: Settings) -> str:
    """Return CLICKHOUSE_DSN, or that of the embedded engine in the home."""
    return settings.clickhouse_dsn or f"chdb://{settings.home / 'clickhouse'}"


def is_embedded(dsn: str) -> bool:
    """Whether a DSN names the engine in this process."""
    return dsn.startswith("chdb://")


@contextlib.contextmanager
def clickhouse_guard(dsn: str, setting: str = "CLICKHOUSE_DSN") -> Iterator[None]:
    """Keep every other process out of an embedded engine's folder; does nothing if the DSN names a server.

    Args:
        dsn: names the engine.
        setting: which setting names another place.

    Raises:
        ClickHouseError: another process holds the folder, or it cannot be written.
    """
    folder = _folder(dsn)
    if folder is None:
        yield
        return
    file = folder.with_name(f"{folder.name}.lock")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = file.open("a+")
    except OSError as error:
        raise ClickHouseError(
            f"The embedded ClickHouse's folder {folder.parent} cannot be written ({error.strerror}); "
            f"fix its permissions, or set WORKLEDGER_HOME or {setting} to another place."
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            holder = handle.read().strip() or "unknown"
            raise ClickHouseError(
                f"The embedded ClickHouse in {folder} serves one process at a time, and process {holder} has it open; "
                f"wait until that ends, or set {setting} to a server."
            ) from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


@contextlib.contextmanager
def open_clickhouse(settings: Settings) -> Iterator["Client"]:
    """Open clickhouse-connect's client of the mirror, whose queries end after CLICKHOUSE_QUERY_TIMEOUT_SECONDS.

    Raises:
        ClickHouseError: the server cannot be reached, or another process holds the embedded engine.
    """
    with _opened("CLICKHOUSE_DSN", clickhouse_dsn(settings), settings.clickhouse_query_timeout_seconds) as client:
        yield client


@contextlib.contextmanager
def open_published(dsn: str) -> Iterator["Client"]:
    """Open clickhouse-connect's client of what is published, whose statements have no limit of time.

    Args:
        dsn: PUBLISH_CLICKHOUSE_DSN.

    Raises:
        ClickHouseError: the server cannot be reached, or another process holds the embedded engine.
    """
    with _opened("PUBLISH_CLICKHOUSE_DSN", dsn, 0) as client:
        yield client


def postgres_of(settings: Settings, warehouse: Warehouse) -> Postgres:
    """Return how ClickHouse reaches the warehouse: by PUBLISH_WAREHOUSE_DSN, else from within this process.

    Raises:
        WarehouseError: the setting cannot be read.
    """
    if settings.publish_warehouse_dsn is None:
        found = warehouse.parameters("owner")
    else:
        found = parameters_of(settings.publish_warehouse_dsn, "PUBLISH_WAREHOUSE_DSN")
    return Postgres(
        str(found["host"]),
        int(found["port"]),
        str(found["dbname"]),
        str(found["user"]),
        str(found.get("password") or ""),
    )


@contextlib.contextmanager
def _opened(setting: str, dsn: str, seconds: float) -> Iterator["Client"]:
    import clickhouse_connect
    from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

    if not is_embedded(dsn) and not has_one_reading(dsn):
        raise ClickHouseError(
            f"{setting} cannot be read; it must look like clickhouse://user:password@host:8123/, "
            "with special characters in user and password written as %40 and the like."
        )
    options: dict[str, Any] = {"settings": {"max_execution_time": seconds}}
    if not is_embedded(dsn):
        # The server's own limit applies first; its message says more than a cut connection.
        options |= {"connect_timeout": _CONNECT_SECONDS, "send_receive_timeout": seconds + 5 if seconds else 86400}
    with clickhouse_guard(dsn, setting):
        try:
            client = clickhouse_connect.get_client(dsn=dsn, **options)
        except DriverError as error:
            raise ClickHouseError(
                f"ClickHouse at {_address(dsn)} cannot be opened ({_first_line(error)}); "
                f"check that it runs and that {setting} names its host, port, user and password."
            ) from error
        try:
            yield client
        finally:
            client.close()


def _folder(dsn: str) -> Path | None:
    path = urlsplit(dsn).path
    return Path(path) if is_embedded(dsn) and path.strip("/") else None


def _address(dsn: str) -> str:
    """Name the place of a DSN without its user and password."""
    parts = urlsplit(dsn)
    return str(_folder(dsn) or parts.netloc.rpartition("@")[2])


def _first_line(error: Exception) -> str:
    line = (str(error).splitlines() or [type(error).__name__])[0]
    return re.sub(r"://[^@/\s]*@", "://", line).rstrip(".")
