"""Runs the source alone: `python -m sources.clockify --dsn …`. Nothing else belongs here."""

from sources.standalone import main

main("clockify")
