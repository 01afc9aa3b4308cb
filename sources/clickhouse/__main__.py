"""Runs the source alone: `python -m sources.clickhouse --dsn …`."""

from sources.clickhouse import SPEC
from sources.kit.run import main

main(SPEC)
