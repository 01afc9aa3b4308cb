"""Runs the source alone: `python -m sources.plaid --dsn …`. Nothing else belongs here."""

from sources.standalone import main

main("plaid")
