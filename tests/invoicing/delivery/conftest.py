"""`outside`: what invoices are delivered to, one per test module; its faults end with each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.mailbox import Mailbox
from sandbox.server import SandboxServer
from tests.invoicing.delivery.outside import Outside, lay_out


@pytest.fixture(scope="module")
def _outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    folder: Path = tmp_path_factory.mktemp("outside")
    lay_out(folder / "dataset")
    with SandboxServer(folder / "dataset", remember=False) as server:
        mailbox = Mailbox(folder / "mailbox", server.faults)
        yield Outside(server, mailbox, folder / "files")
        mailbox.stop()


@pytest.fixture
def outside(_outside: Outside) -> Iterator[Outside]:
    """What is outside of the house."""
    yield _outside
    _outside.server.faults.clear()
