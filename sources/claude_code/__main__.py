"""Runs the source alone: `python -m sources.claude_code --dsn … --set roots=…`. Nothing else belongs here."""

from sources.standalone import main

main("claude_code")
