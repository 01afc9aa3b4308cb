"""Rights of the files that Workledger writes; in processes of their own, since a umask holds for a whole process."""

import os
import stat
import subprocess
import sys
from pathlib import Path

from orchestration.settings import PROJECT_FOLDER


def modes(home: Path) -> dict[str, int]:
    return {str(path.relative_to(home)): stat.S_IMODE(path.lstat().st_mode) for path in (home, *home.rglob("*"))}


def run(home: Path, *command: str) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(home.parent), "WORKLEDGER_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, *command], cwd=PROJECT_FOLDER, env=environment, capture_output=True, text=True, umask=0o022
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_command_line_closes_the_home_and_what_it_writes(tmp_path: Path) -> None:
    home = tmp_path / "home"
    # As an earlier release left it.
    (home / "logs").mkdir(parents=True)
    (home / "logs").chmod(0o755)
    run(home, "-m", "orchestration.commands.cli", "stop")
    passable = 0o711 if os.geteuid() == 0 else 0o700
    found = modes(home)
    assert (found["."], found["logs"]) == (passable, 0o700)
    assert [name for name, mode in found.items() if mode & 0o066] == []


def test_a_dagster_process_closes_the_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run(home, "-c", "import orchestration.definitions")
    found = modes(home)
    assert any(name.startswith("dbt") for name in found)
    assert [name for name, mode in found.items() if mode & 0o066] == []
