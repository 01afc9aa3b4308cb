"""Schema billing as a whole."""

from invoicing.migrations.sql_files import run

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run 0001_billing.sql."""
    run("0001_billing.sql")
