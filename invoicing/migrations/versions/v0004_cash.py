"""Bank deposits: payers, joined payments, and what waits."""

from invoicing.migrations.sql_files import run

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Run 0004_cash.sql."""
    run("0004_cash.sql")
