"""Rights of the files that Workledger writes: its home and all that is in it are the user's alone."""

import os
import stat
from pathlib import Path
from typing import Final

from orchestration.errors import WorkledgerError

_UMASK: Final = 0o077
_PRIVATE: Final = 0o700
_PASSABLE: Final = 0o711
# Started by root, the embedded server runs as another user, who must pass through to its data; see EmbeddedServer.
_SERVER_FOLDER: Final = "postgres"


def make_private(home: Path) -> None:
    """Let what this process and its children write be read by its user alone, and close the home to others.

    Called once, where a process begins. Folders of an earlier release are closed as well. Root's home can be passed
    through, not listed, so that the server's own user reaches the server's data.

    Args:
        home: folder of the project's own state; created if it is missing.

    Raises:
        WorkledgerError: the home cannot be created.
    """
    os.umask(_UMASK)
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkledgerError(
            f"{home} cannot be written ({error.strerror}); set WORKLEDGER_HOME to a writable folder."
        ) from None
    is_root = os.geteuid() == 0
    _close(home, _PASSABLE if is_root else _PRIVATE)
    for folder in home.iterdir():
        if folder.is_dir() and not folder.is_symlink():
            _close(folder, _PASSABLE if is_root and folder.name == _SERVER_FOLDER else _PRIVATE)


def _close(folder: Path, mode: int) -> None:
    """Set a folder's mode if it is this user's; another's is left as it is."""
    found = folder.stat()
    if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) != mode:
        folder.chmod(mode)
