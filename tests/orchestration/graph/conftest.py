"""Fixtures of the tests of Dagster's graph: an instance of one's own."""

from collections.abc import Iterator

import dagster as dg
import pytest

from orchestration.graph.instance import open_instance
from orchestration.settings import Settings


@pytest.fixture
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """Workledger's own Dagster instance, in a home of this one test's own."""
    with open_instance(Settings(profile="production", home=tmp_path_factory.mktemp("home"))) as one:
        yield one
