"""Runs the source alone: `python -m sources.reference --dsn …`."""

from sources.kit.run import main
from sources.reference import SPEC

main(SPEC)
