"""The suites of expectations: one for each source of the catalogue, in the module of its name."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from assets.suites.rules import Suite
from sources.catalog import SOURCES

SUITES: Final[Mapping[str, Suite]] = {name: import_module(f"assets.suites.{name}").SUITE for name in SOURCES}
