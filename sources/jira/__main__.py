"""Runs the source alone: `python -m sources.jira --dsn …`. Nothing else belongs here."""

from sources.standalone import main

main("jira")
