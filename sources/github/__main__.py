"""Runs the source alone: `python -m sources.github --dsn …`."""

from sources.github import SPEC
from sources.kit.run import main

main(SPEC)
