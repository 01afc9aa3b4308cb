"""Restatements reach the next bill (rule 10.4)."""

from invoicing.migrations.sql_files import run

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run 0003_restatements.sql."""
    run("0003_restatements.sql")
