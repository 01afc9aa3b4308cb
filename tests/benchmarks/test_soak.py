"""What `make soak` relies on: a clock that moves processes, and news that come to the whole made-up agency."""

import json
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.soak.clock import Clock
from benchmarks.soak.story import Story
from sandbox.dataset import VendorData
from sandbox.generate import generate
from sandbox.vendors import load_vendor

BEGINS, ENDS = datetime(2026, 10, 29, tzinfo=UTC), datetime(2026, 11, 4, tzinfo=UTC)


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_a_moved_clock_moves_the_time_of_day_of_a_process_that_runs_and_nothing_that_waits(tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    moment = datetime(2026, 10, 28, 20, tzinfo=UTC)
    clock.set(moment)
    script = (
        "import datetime, sys, time\n"
        "for line in sys.stdin:\n"
        "    before = time.monotonic(); time.sleep(0.01)\n"
        "    print(datetime.datetime.now(datetime.UTC).isoformat(), time.monotonic() - before < 60, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], env=clock.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for expected in (moment, moment + timedelta(days=3)):
            clock.set(expected)
            process.stdin.write("\n")
            process.stdin.flush()
            said, waited = process.stdout.readline().split()
            assert abs(datetime.fromisoformat(said) - expected) < timedelta(minutes=1)
            assert waited == "True"
            assert abs(clock.now() - expected) < timedelta(minutes=1)
        process.stdin.close()


def _contents(folder: Path) -> dict[str, list[Any]]:
    collections: dict[str, list[Any]] = {
        str(path.relative_to(folder)): sorted(
            json.dumps(json.loads(line), sort_keys=True) for line in path.read_text().splitlines()
        )
        for vendor in ("clockify", "jira", "tempo", "github", "plaid")
        for path in (folder / vendor).glob("*.jsonl")
    }
    transcripts = {str(path.relative_to(folder)): [path.read_bytes()] for path in (folder / "claude").rglob("*.jsonl")}
    return {**collections, **transcripts}


def test_news_come_in_their_time_and_at_the_end_the_dataset_is_the_generated_one(tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    generate(folder, scale=0.1, as_of=date(2026, 11, 4), months=1)
    whole = _contents(folder)
    story = Story(folder, BEGINS, ENDS)
    left = _contents(folder)
    fewer = {name for name in whole if len(left.get(name, [])) < len(whole[name])}
    assert fewer > {"clockify/time_entries.jsonl", "tempo/worklogs.jsonl", "plaid/transactions.jsonl"}
    assert any(name.startswith("claude/") for name in fewer)
    vendors = {
        name: VendorData(folder, name, load_vendor(name).COLLECTIONS, lambda: BEGINS)
        for name in ("clockify", "jira", "tempo", "github", "plaid")
    }

    def mutate(change: Any) -> None:
        vendors[change["vendor"]].edit(
            change["collection"], insert=change["insert"], update=change["update"], delete=change["delete"]
        )

    story.tell(BEGINS + timedelta(days=2), mutate)
    assert left != _contents(folder) != whole
    assert "0 new records, 0 lines" not in story.tell(ENDS, mutate)
    assert _contents(folder) == whole
