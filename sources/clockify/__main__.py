"""Runs the source alone: `python -m sources.clockify --dsn …`."""

from sources.clockify import SPEC
from sources.kit.run import main

main(SPEC)
