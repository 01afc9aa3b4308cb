"""The embedded Postgres server: created, started, found again and stopped, for any number of processes at once."""

import contextlib
import fcntl
import json
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import psutil
import psycopg
from psycopg import sql

from orchestration.errors import WarehouseError
from orchestration.warehouse.connection import Warehouse, connect
from orchestration.warehouse.programs import Installation, find_service_user, relocate
from orchestration.warehouse.readers import hold_limits
from orchestration.warehouse.roles import ROLES, prepare, prepare_billing

_SUPERUSER: Final = "postgres"
_START_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 60.0
# Below the range from which Linux hands out ports for outgoing connections, so that a remembered port stays free.
_PORT_RANGE: Final = range(20000, 32000)
_LOG_LIMIT_BYTES: Final = 10_000_000

_SERVER_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "password_encryption": "scram-sha-256",
    # Iterations protect passwords that can be guessed; these are 24 random bytes, and dbt logs in for every model and
    # test (7 ms each with the default of 4096).
    "scram_iterations": "1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Sized for the whole project within 1 GB on a laptop; the operating system caches the rest.
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "2GB",
    # fsync and synchronous_commit stay on: a pipeline records on its side what it has loaded, so a commit that a crash
    # loses would never be loaded again.
    # No replica reads this log, so a table created and filled in one transaction, as dbt does, skips it.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    # Models are many short statements: compiling them costs more than it saves.
    "jit": "off",
    "random_page_cost": "1.1",
    "max_locks_per_transaction": "256",
    # What a killed client was executing ends, and with it its locks, for which the next run would wait in silence.
    "client_connection_check_interval": "2s",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] ",
}

_logger = logging.getLogger(__name__)


@dataclass
class EmbeddedServer:
    """PostgreSQL 18 from a wheel, its files in one folder, for any number of processes on this machine at once.

    In the folder: `data` (or `location`, which names the place of the data), `passwords.json` (mode 0600), `port`,
    `server.log`, `lock` (held while starting or stopping). Beside the data: `alive`. The server's processes inherit an
    exclusive lock on it, which tells whether one of them is alive, whatever a stale pid file says.
    """

    folder: Path
    port: int | None = None
    notify: Callable[[str], None] = _logger.info
    extra_settings: Mapping[str, str] = field(default_factory=dict)

    def open(self, database: str, *, query_timeout_seconds: float) -> Warehouse:
        """Start the server if it is not running, and prepare a database on it.

        Raises:
            WarehouseError: names the place and what to do.
        """
        with self._locked():
            port = self._ensure_running()
            passwords = self._passwords()
            base = {"host": "127.0.0.1", "port": port, "dbname": database}
            admin = self._administrator(port, database)
            place = f"127.0.0.1:{port}/{database}"
            try:
                connection = psycopg.connect(**admin)
            except psycopg.OperationalError:
                with connect({**admin, "dbname": "postgres"}, place) as maintenance:
                    found = maintenance.execute("select 1 from pg_database where datname = %s", [database]).fetchone()
                    if found is None:
                        maintenance.execute(sql.SQL("create database {}").format(sql.Identifier(database)))
                connection = connect(admin, place, autocommit=False)
            with connection:
                prepare(connection, passwords=passwords)
                prepare_billing(connection)
                hold_limits(connection, query_timeout_seconds, every_role=True)
        roles = {role: passwords[role] for role in ROLES}
        return Warehouse(base=base, passwords=roles, query_timeout_seconds=query_timeout_seconds)

    def is_running(self) -> bool:
        """Whether the server runs; starts nothing."""
        return self.folder.exists() and self._is_alive()

    def administrator(self, database: str = "postgres") -> dict[str, Any]:
        """Return the superuser's connection parameters, for maintenance and tests; no pipeline uses them."""
        with self._locked():
            return self._administrator(self._ensure_running(), database)

    def stop(self) -> bool:
        """Stop the server and its running queries; return whether it was running.

        Raises:
            WarehouseError: its processes do not end.
        """
        if not self.folder.exists():
            return False
        with self._locked():
            if not self._is_alive():
                return False
            process = self._postmaster()
            if process is not None:
                process.send_signal(signal.SIGINT)
                if self._wait_until_dead(_STOP_SECONDS):
                    return True
            self._end_leftovers()
            return True

    # Locks and files

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0 and self.folder.stat().st_uid == 0:
                # The server's own user passes through to the data, whatever the umask.
                self.folder.chmod(0o711)
            handle = (self.folder / "lock").open("a")
        except OSError as error:
            raise WarehouseError(
                f"The warehouse's folder {self.folder} cannot be written ({error.strerror}); "
                "fix its permissions or set WORKLEDGER_HOME to a folder of your own."
            ) from error
        with handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _is_alive(self) -> bool:
        with self._alive_file().open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    @contextlib.contextmanager
    def _life(self) -> Iterator[int]:
        """Open and lock the file that a process inherits to count as alive."""
        with self._alive_file().open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle.fileno()

    def _alive_file(self) -> Path:
        return self._data().with_name("alive")

    def _wait_until_dead(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._is_alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def _passwords(self) -> dict[str, str]:
        file = self.folder / "passwords.json"
        try:
            passwords: dict[str, str] = json.loads(file.read_text())
        except FileNotFoundError:
            passwords = {}
        except (OSError, ValueError) as error:
            raise WarehouseError(
                f"The passwords in {file} cannot be read ({error}); run as the user who owns the file, or restore it."
            ) from error
        if missing := [name for name in (_SUPERUSER, *ROLES) if name not in passwords]:
            if _SUPERUSER in missing and (self._data() / "PG_VERSION").exists():
                raise WarehouseError(
                    f"{file} is missing, but the warehouse {self._data()} is still there; restore the file "
                    f"from a backup, or remove {self.folder} to start with an empty warehouse."
                )
            passwords |= {name: secrets.token_urlsafe(24) for name in missing}
            _write_private(file, json.dumps(passwords, indent=2))
        return passwords

    def _data(self) -> Path:
        location = self.folder / "location"
        if not location.exists():
            return self.folder / "data"
        data = Path(location.read_text().strip())
        if not data.parent.exists():
            raise WarehouseError(
                f"The warehouse's data in {data.parent}, which {location} names, is missing; "
                f"restore it, or remove {self.folder} to start with an empty warehouse."
            )
        return data

    def _preferred_port(self) -> int | None:
        if self.port is not None:
            return self.port
        try:
            return int((self.folder / "port").read_text())
        except (FileNotFoundError, ValueError):
            return None

    # Starting and stopping

    def _ensure_running(self) -> int:
        """Return the port of the running server, starting or repairing it first; the caller holds the lock."""
        if self._is_alive():
            port = self._wait_until_ready()
            if port is not None:
                return port
            # The postmaster was killed but its children live: they hold the shared memory that a new one needs.
            self._end_leftovers()
        passwords = self._passwords()
        installation = self._installation()
        if not (self._data() / "PG_VERSION").exists():
            self._initialize(installation, passwords[_SUPERUSER])
        (self._data() / "postmaster.pid").unlink(missing_ok=True)
        return self._start(installation)

    def _installation(self) -> Installation:
        installation = Installation.from_wheel()
        if os.geteuid() != 0:
            return installation
        user = find_service_user(self._data())
        is_placed = (self.folder / "location").exists() or (self.folder / "data").exists()
        if not is_placed and not user.enters(self.folder):
            place = relocate()
            _write_whole(self.folder / "location", str(place / "data"))
            self.notify(
                f"The server may not run as root, and user {user.name} cannot enter {self.folder}: "
                f"the warehouse's data is in {place} instead."
            )
        return installation.run_by(user, self.notify)

    def _initialize(self, installation: Installation, password: str) -> None:
        """Create the data folder beside its place and move it there when it is complete."""
        data = self._data()
        self.notify(f"Creating the embedded warehouse in {self.folder} …")
        unfinished, secret = data.with_name("data.new"), data.with_name("data.password")
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(mode=0o700)
        _write_private(secret, password)
        if installation.user is not None:
            for path in (unfinished, secret):
                os.chown(path, installation.user.uid, installation.user.gid)
        try:
            # initdb outlives a parent that is killed, and must not write at the same time as the next one.
            with self._life() as inherited:
                installation.run(
                    "initdb",
                    f"--pgdata={unfinished}",
                    f"--username={_SUPERUSER}",
                    f"--pwfile={secret}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    # Text sorts by bytes, the same on every machine; upper() and lower() still know Unicode.
                    "--locale=C",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    inherit=inherited,
                )
        except subprocess.CalledProcessError as error:
            raise WarehouseError(
                f"The embedded warehouse cannot be created in {data.parent} ({_last_line(error.stderr)}); "
                "fix that, set WORKLEDGER_HOME to another folder, or set WAREHOUSE_DSN to a server of your own."
            ) from error
        finally:
            secret.unlink()
        access = unfinished / "pg_hba.conf"
        access.write_text("host all all 127.0.0.1/32 scram-sha-256\n")
        if installation.user is not None:
            os.chown(access, installation.user.uid, installation.user.gid)
        unfinished.rename(data)

    def _start(self, installation: Installation) -> int:
        preferred = self._preferred_port()
        for attempt in range(20):
            port = preferred if attempt == 0 and preferred is not None and _is_free(preferred) else None
            if port is None:
                if self.port is not None:
                    raise WarehouseError(
                        f"WAREHOUSE_PORT={self.port} is taken by another program; "
                        "stop that program, name another port, or unset WAREHOUSE_PORT to take a free one."
                    )
                port = _free_port()
            if self._start_on(installation, port):
                if preferred is not None and port != preferred:
                    self.notify(
                        f"Port {preferred} is taken by another program: the warehouse now listens on port {port}."
                    )
                _write_whole(self.folder / "port", str(port))
                return port
        raise WarehouseError(
            f"No free port was found for the warehouse on 127.0.0.1; see {self.folder / 'server.log'}."
        )

    def _start_on(self, installation: Installation, port: int) -> bool:
        """Start the server on a port; return False if another program was faster to take that port."""
        data = self._data()
        log = self.folder / "server.log"
        if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
            log.unlink()
        server_settings = {**_SERVER_SETTINGS, **_shared_memory(), **self.extra_settings, "port": str(port)}
        options = [f"--{name}={value}" for name, value in server_settings.items()]
        with _open_private(log) as output, self._life() as inherited:
            seen = output.tell()
            process = installation.start("postgres", "-D", str(data), *options, output=output, inherit=inherited)
        if self._wait_until_ready(process) is not None:
            return True
        with log.open(encoding="utf-8", errors="replace") as text:
            text.seek(seen)
            message = text.read()
        if "could not bind" in message or "could not create any TCP/IP sockets" in message:
            return False
        raise WarehouseError(
            f"The embedded warehouse does not start: {_last_line(message) or 'it gives no reason'}; see {log}."
        )

    def _wait_until_ready(self, process: "subprocess.Popen[bytes] | None" = None) -> int | None:
        """Return the port once the server takes connections; None if it died instead."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            lines = self._pid_file()
            is_ready = len(lines) >= 8 and lines[7].strip() == "ready"
            # A server that is being killed is still in the list of processes, but accepts no login.
            if is_ready and (process or self._postmaster()) and self._accepts_login(port := int(lines[3])):
                return port
            if process is not None and process.poll() is not None:
                return None
            if process is None and not self._postmaster() and (lines or not self._is_alive()):
                return None
            if time.monotonic() > deadline:
                raise WarehouseError(
                    f"The embedded warehouse is not ready after {_START_SECONDS:.0f} s; "
                    f"see {self.folder / 'server.log'}, or run `workledger stop` and try again."
                )
            time.sleep(0.02)

    def _accepts_login(self, port: int) -> bool:
        try:
            psycopg.connect(**self._administrator(port, "postgres")).close()
        except psycopg.OperationalError as error:
            if "authentication failed" in str(error):
                raise WarehouseError(
                    f"The passwords in {self.folder / 'passwords.json'} are not those of the warehouse in that folder; "
                    f"restore the file, or remove {self.folder} to start with an empty warehouse."
                ) from error
            return False
        return True

    def _administrator(self, port: int, database: str) -> dict[str, Any]:
        password = self._passwords()[_SUPERUSER]
        return {"host": "127.0.0.1", "port": port, "dbname": database, "user": _SUPERUSER, "password": password}

    def _pid_file(self) -> list[str]:
        try:
            return (self._data() / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, PermissionError):
            return []

    def _postmaster(self) -> psutil.Process | None:
        """Return the process that the pid file names, if it is the server of this data folder."""
        lines = self._pid_file()
        if not lines or not lines[0].strip().isdigit():
            return None
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(int(lines[0]))
            if self._serves_this_folder(process):
                return process
        return None

    def _serves_this_folder(self, process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE and process.name() == "postgres":
                return Path(process.cwd()).samefile(self._data())
        return False

    def _end_leftovers(self) -> None:
        """End every process of this server; the caller has asked it to shut down first."""
        processes = [process for process in psutil.process_iter() if self._serves_this_folder(process)]
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGQUIT)
        _, remaining = psutil.wait_procs(processes, timeout=5)
        for process in remaining:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if not self._wait_until_dead(10):
            raise WarehouseError(
                f"Processes of the embedded warehouse in {self.folder} do not end; "
                "end them by hand (they hold the file `alive` in that folder) and try again."
            )


def _shared_memory() -> dict[str, str]:
    # Containers often limit /dev/shm to 64 MB, with which a parallel hash join fails.
    shared = Path("/dev/shm")  # noqa: S108 - only its free space is read
    if sys.platform == "linux" and (not shared.exists() or shutil.disk_usage(shared).free < 512_000_000):
        return {"dynamic_shared_memory_type": "mmap"}
    return {}


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    for _ in range(1000):
        port = _PORT_RANGE.start + secrets.randbelow(len(_PORT_RANGE))
        if _is_free(port):
            return port
    raise WarehouseError("No free port was found for the warehouse on 127.0.0.1; set WAREHOUSE_PORT to one.")


def _write_whole(file: Path, text: str) -> None:
    unfinished = file.with_name(f"{file.name}.new")
    unfinished.write_text(text)
    unfinished.replace(file)


def _write_private(file: Path, text: str) -> None:
    unfinished = file.with_name(f"{file.name}.new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    unfinished.replace(file)


def _open_private(file: Path) -> IO[bytes]:
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "FATAL" in line or "error:" in line]
    return (errors or lines or [""])[-1]
