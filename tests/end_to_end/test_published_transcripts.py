"""`workledger run` on the published transcripts and nothing else, its marts held to a second, plain count."""

import io
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from orchestration.commands.run import run
from orchestration.settings import Settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.opening import embedded_server, open_warehouse
from tests.end_to_end import plain_transcripts
from tests.end_to_end.marts_of_transcripts import assert_marts_equal


@pytest.fixture(scope="module")
def transcripts(shared_folder: Path) -> Path:
    folder = shared_folder / "transcripts"
    if not folder.is_dir():
        pytest.skip(f"{folder} does not exist; test_run_on_the_sandbox holds made-up transcripts to the same count")
    return folder


@pytest.fixture(scope="module")
def landed(transcripts: Path, parsed_home: Path) -> Iterator[Warehouse]:
    with tempfile.TemporaryDirectory(prefix="workledger-transcripts-") as temporary:
        Path(temporary).chmod(0o711)
        reference = Path(temporary, "reference")
        reference.mkdir()
        roots = [f"{folder},ann@example.com,laptop" for folder in sorted(transcripts.iterdir()) if folder.is_dir()]
        (reference / "session_roots.csv").write_text("\n".join(["path,email,host", *roots]) + "\n")
        settings = Settings(profile="production", home=Path(temporary, "home"), reference_dir=reference)
        shutil.copytree(parsed_home / "dbt", settings.home / "dbt")
        try:
            summary = run(settings, None, Console(file=io.StringIO(), width=200))
            assert (summary.failures, summary.failed_checks) == ([], [])
            assert summary.succeeded
            yield open_warehouse(settings)
        finally:
            embedded_server(settings).stop()


def test_marts_hold_one_row_per_message_id_and_no_naive_sum(landed: Warehouse, transcripts: Path) -> None:
    plain = plain_transcripts.read(transcripts)
    assert len(plain.sessions) > 15
    assert_marts_equal(landed, plain)
    with landed.connect("owner") as connection:
        every = "input_tokens + output_tokens + cache_read_tokens + cache_creation_tokens"
        found: dict[str, int] = dict(
            connection.execute(f"select id, sum({every})::bigint from marts.claude_sessions group by id")
        )
    counted = {session: sum(tokens[:4]) for session, tokens in plain.sessions.items()}
    assert sum(plain.naive.values()) > 1.5 * sum(counted.values())
    streamed = [session for session, tokens in counted.items() if plain.naive[session] != tokens]
    assert len(streamed) > 10
    assert not [session for session in streamed if found[session] == plain.naive[session]]
