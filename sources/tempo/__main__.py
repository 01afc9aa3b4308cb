"""Runs the source alone: `python -m sources.tempo --dsn …`."""

from sources.kit.run import main
from sources.tempo import SPEC

main(SPEC)
