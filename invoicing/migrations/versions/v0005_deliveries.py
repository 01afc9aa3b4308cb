"""E-documents: what is to be signed, and the signature."""

from invoicing.migrations.sql_files import run

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Run 0005_deliveries.sql."""
    run("0005_deliveries.sql")
