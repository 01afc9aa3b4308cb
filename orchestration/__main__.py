"""`python -m orchestration` runs the command line, as `workledger` does."""

from orchestration.commands.cli import main

main()
