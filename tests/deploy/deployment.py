"""Reads the files of deploy/: units of systemd, the container file, compose.yaml, and the commands in them."""

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from orchestration.settings import PROJECT_FOLDER

DEPLOY = PROJECT_FOLDER / "deploy"
CHECKOUT = "/opt/workledger"
HOME = "/var/lib/workledger"
SERVICES = ("code", "daemon", "webserver")


@dataclass(frozen=True)
class Unit:
    """A unit of systemd: its directives in order, by section."""

    path: Path
    directives: tuple[tuple[str, str, str], ...]

    def values(self, name: str) -> list[str]:
        return [value for _, key, value in self.directives if key == name]

    def value(self, name: str) -> str:
        (value,) = self.values(name)
        return value

    @property
    def command(self) -> list[str]:
        return shlex.split(self.value("ExecStart"))

    @property
    def environment(self) -> dict[str, str]:
        return dict(pair.split("=", 1) for line in self.values("Environment") for pair in shlex.split(line))


def unit(name: str) -> Unit:
    """Read a unit by its file's name."""
    path = DEPLOY / "systemd" / name
    section, found = "", []
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.append((section, key, value))
    return Unit(path, tuple(found))


def yaml_file(name: str) -> Any:
    """Read a YAML file of deploy/."""
    return yaml.safe_load((DEPLOY / name).read_text())


def instructions() -> list[tuple[str, str]]:
    """The instructions of the container file, with lines that go on joined."""
    text = re.sub(r"\\\n\s*", "", (DEPLOY / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def image_command() -> list[str]:
    """What a container runs unless told otherwise: the code server."""
    (command,) = [rest for word, rest in instructions() if word == "CMD"]
    return list(json.loads(command))
