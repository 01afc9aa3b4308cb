"""Disputes: no reminder is due for an invoice while its client disputes it."""

from invoicing.migrations.sql_files import run

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Run 0006_disputes.sql."""
    run("0006_disputes.sql")
