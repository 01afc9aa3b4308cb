"""Fixtures of the tests of transcripts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.warehouse.connection import Warehouse
from tests.sources.claude_code.claude_code_world import Loader


@pytest.fixture
def make_loader(create_database: Callable[[], Warehouse], tmp_path: Path) -> Callable[[], Loader]:
    """A function that makes a loader with a database, a transcript folder and a dlt folder of its own."""
    made = iter(range(100))

    def make() -> Loader:
        number = next(made)
        folder = tmp_path / f"transcripts{number}"
        folder.mkdir()
        return Loader(create_database(), folder, tmp_path / f"dlt{number}")

    return make


@pytest.fixture
def loader(make_loader: Callable[[], Loader]) -> Loader:
    return make_loader()
