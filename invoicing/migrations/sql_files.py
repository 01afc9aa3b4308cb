"""How a migration runs its file of SQL."""

from pathlib import Path

from alembic import op


def run(name: str) -> None:
    """Run a file of `versions` as it is, without placeholders of any kind."""
    text = (Path(__file__).parent / "versions" / name).read_text(encoding="utf-8")
    op.get_bind().connection.driver_connection.execute(text)  # type: ignore[union-attr]
