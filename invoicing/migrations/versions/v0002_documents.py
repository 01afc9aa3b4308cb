"""The documents of an invoice: which there are, and that none is issued without."""

from invoicing.migrations.sql_files import run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run 0002_documents.sql."""
    run("0002_documents.sql")
