"""Runs the source alone: `python -m sources.github --dsn …`. Nothing else belongs here."""

from sources.standalone import main

main("github")
