"""Runs the source alone: `python -m sources.example --dsn …`."""

from sources.example import SPEC
from sources.kit.run import main

main(SPEC)
