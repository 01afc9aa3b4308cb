"""Runs the source alone: `python -m sources.plaid --dsn …`."""

from sources.kit.run import main
from sources.plaid import SPEC

main(SPEC)
