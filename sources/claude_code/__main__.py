"""Runs the source alone: `python -m sources.claude_code --dsn …`."""

from sources.claude_code import SPEC
from sources.kit.run import main

main(SPEC)
