"""Runs the source alone: `python -m sources.jira --dsn …`."""

from sources.jira import SPEC
from sources.kit.run import main

main(SPEC)
