"""Runs the source alone: `python -m sources.clickhouse --dsn …`. Nothing else belongs here."""

from sources.standalone import main

main("clickhouse")
