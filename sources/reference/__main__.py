"""Runs the source alone: `python -m sources.reference --dsn …`. Nothing else belongs here."""

from sources.standalone import main

main("reference")
