"""Saving what cannot be made again, and filling an empty warehouse with it.

Kept are raw data (transcripts among it), the registry of identifiers, the versions of reference files and schema
`billing`. All else is built from these, and a restored warehouse builds it at the next run.
"""

import hashlib
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any, Final

import psycopg
from psycopg import conninfo, pq, sql

from orchestration.errors import WarehouseError
from orchestration.settings import Settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.opening import DATABASE, embedded_server, open_warehouse
from orchestration.warehouse.programs import Installation
from orchestration.warehouse.roles import SCHEMA_OWNERS
from sources.catalog import SOURCES

KEPT_SCHEMAS: Final = (*(spec.schema for spec in SOURCES.values()), "registry", "snapshots", "billing")
# What each node was last built from says nothing about tables that are not there.
_LEFT_OUT: Final = "registry.built_nodes"
# The schemas are there already, with their rights; their comments say by which version they were prepared.
_PREPARED: Final = re.compile(r"^\d+; \d+ \d+ (SCHEMA|COMMENT - SCHEMA|DEFAULT ACL) ")
# pg_restore 17 and newer writes a setting that older servers do not know.
_UNKNOWN_BEFORE_17: Final = b"SET transaction_timeout = 0;\n"


def save(warehouse: Warehouse, file: Path) -> None:
    """Write what cannot be made again into one file, as of one moment; loads and builds may go on meanwhile.

    Raises:
        WarehouseError: the server cannot be read; nothing is left of the file.
    """
    schemas = [f"--schema={name}" for name in KEPT_SCHEMAS]
    owner = warehouse.parameters("owner")
    command = [_program("pg_dump"), "--format=custom", f"--exclude-table={_LEFT_OUT}", *schemas, *_arguments(owner)]
    done = subprocess.run([*command, f"--file={file}"], env=_environment(owner), capture_output=True, text=True)
    if done.returncode:
        file.unlink(missing_ok=True)
        raise WarehouseError(f"The warehouse at {warehouse.address} cannot be saved ({_first_error(done.stderr)}).")


def fill(settings: Settings, file: Path) -> Warehouse:
    """Fill an empty warehouse with what was saved: all of it or nothing.

    Args:
        settings: name the warehouse.
        file: what `save` wrote.

    Raises:
        WarehouseError: the warehouse is not empty, or the file does not fit it; nothing was changed.
    """
    warehouse = open_warehouse(settings)
    _refuse_unless_empty(warehouse)
    listed = subprocess.run([_program("pg_restore"), "--list", str(file)], capture_output=True, text=True)
    if listed.returncode:
        raise WarehouseError(f"{file} is no backup of a warehouse ({_first_error(listed.stderr)}).")
    entries = [line for line in listed.stdout.splitlines() if not _PREPARED.match(line)]
    administrator = warehouse.base if settings.warehouse_dsn else embedded_server(settings).administrator(DATABASE)
    with warehouse.connect("owner") as connection:
        release = connection.info.server_version
    with NamedTemporaryFile("w", prefix="workledger-", suffix=".contents") as contents:
        contents.write("\n".join(entries))
        contents.flush()
        _restore(file, Path(contents.name), administrator, release, warehouse.address)
    # Rights, and a schema billing of an older version.
    warehouse = open_warehouse(settings)
    with psycopg.connect(**administrator, autocommit=True) as connection:
        for name in KEPT_SCHEMAS:
            _analyze(connection, name)
    return warehouse


def fingerprint(file: Path) -> str:
    """SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _refuse_unless_empty(warehouse: Warehouse) -> None:
    with warehouse.connect("owner") as connection:
        tables = connection.execute(
            # Migrations may bring rows of their own into schema billing.
            "select schemaname, tablename from pg_tables where schemaname = any(%s)"
            " and (schemaname <> 'billing' or tablename in ('invoices', 'payments')) order by 1, 2",
            [list(KEPT_SCHEMAS)],
        ).fetchall()
        for schema, table in tables:
            query = sql.SQL("select exists (select from {})").format(sql.Identifier(schema, table))
            if f"{schema}.{table}" != _LEFT_OUT and connection.execute(query).fetchone() == (True,):
                raise WarehouseError(
                    f"The warehouse at {warehouse.address} is not empty ({schema}.{table} has rows), and a backup is "
                    "restored into an empty one alone; set WAREHOUSE_DSN to another database, or WORKLEDGER_HOME to "
                    "another folder."
                )


def _restore(file: Path, contents: Path, administrator: Mapping[str, Any], release: int, address: str) -> None:
    """Hand what is in the file to the server, in one transaction."""
    reading = [_program("pg_restore"), f"--use-list={contents}", "--file=-", str(file)]
    writing = [_program("psql"), "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
    writing += _arguments(administrator)
    environment = _environment(administrator)
    with (
        subprocess.Popen(reading, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as reader,
        subprocess.Popen(
            writing, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as writer,
    ):
        assert reader.stdout is not None  # noqa: S101 - they are pipes
        assert writer.stdin is not None  # noqa: S101
        assert writer.stderr is not None  # noqa: S101
        try:
            for part in _statements(reader.stdout, release):
                writer.stdin.write(part)
            if reader.wait():
                # At the end of its input it would commit what there is.
                writer.kill()
            writer.stdin.close()
        except BrokenPipeError:
            reader.kill()
        said = writer.stderr.read().decode(errors="replace")
    if writer.returncode:
        raise WarehouseError(f"{file} cannot be restored to {address} ({_first_error(said)}); nothing was changed.")


def _statements(dump: IO[bytes], release: int) -> Iterator[bytes]:
    for name in KEPT_SCHEMAS:
        yield f"drop schema {name} cascade;\ncreate schema {name} authorization {SCHEMA_OWNERS[name]};\n".encode()
    for line in dump:
        if line != _UNKNOWN_BEFORE_17 or release >= 170000:
            yield line
        if line.startswith(b"COPY "):
            break
    while part := dump.read(1 << 20):
        yield part


def _analyze(connection: psycopg.Connection, schema: str) -> None:
    tables = connection.execute("select tablename from pg_tables where schemaname = %s", [schema]).fetchall()
    for (table,) in tables:
        connection.execute(sql.SQL("analyze {}").format(sql.Identifier(schema, table)))


def _program(name: str) -> str:
    return str(Installation.from_wheel().folder / "bin" / name)


def _environment(parameters: Mapping[str, Any]) -> dict[str, str]:
    """The connection as libpq's variables: arguments of a process can be read by others."""
    variables = _variables()
    # Nothing of the user's own, such as PGOPTIONS.
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return {**kept, **{variables[key]: str(value) for key, value in parameters.items() if key in variables}}


def _arguments(parameters: Mapping[str, Any]) -> list[str]:
    """What of the connection libpq has no variable for, such as `keepalives_idle`."""
    rest = {key: value for key, value in parameters.items() if key not in _variables()}
    if "sslpassword" in rest:
        raise WarehouseError(
            "WAREHOUSE_DSN has sslpassword, which others could read while a backup is made; "
            "take the password off the key."
        )
    return [f"--dbname={conninfo.make_conninfo(**rest)}"] if rest else []


def _variables() -> dict[str, str]:
    return {one.keyword.decode(): one.envvar.decode() for one in pq.Conninfo.get_defaults() if one.envvar is not None}


def _first_error(text: str) -> str:
    lines: Sequence[str] = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "ERROR" in line or "error" in line]
    return (errors or list(lines) or ["the file cannot be read to its end"])[0]
