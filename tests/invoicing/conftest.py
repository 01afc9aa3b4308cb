"""`books`: a warehouse with prefills by hand, one per test module."""

import pytest

from orchestration.warehouse.connection import Warehouse
from tests.invoicing.books import Books


@pytest.fixture(scope="module")
def books(warehouse: Warehouse) -> Books:
    """A warehouse whose marts a test fills by hand."""
    made = Books(warehouse)
    made.create()
    return made
