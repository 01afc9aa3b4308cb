"""Runs the source alone: `python -m sources.tempo --dsn …`. Nothing else belongs here."""

from sources.standalone import main

main("tempo")
