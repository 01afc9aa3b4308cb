"""Real transcripts of several versions, counted a second time by plain means: the json module and one pass per file.

The plain count shares no code with the source. It holds per session: one answer per message id, the line with the most
output tokens, over conversation files, sub-agents' files and progress lines alike.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sources.claude_code.claude_code_world import Loader

USAGE = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def plain_records(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.rglob("*.jsonl")):
        for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
            if line.strip() and not line.startswith("//"):
                yield json.loads(line)


def plain_usage(folder: Path) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Session, message id and token counts of every line that bears usage."""
    for line in plain_records(folder):
        message = line.get("message")
        if line.get("type") == "progress" and isinstance(line["data"].get("message"), dict):
            message = line["data"]["message"].get("message")
        if isinstance(message, dict) and "usage" in message:
            usage = message["usage"]
            yield line["sessionId"], message["id"], tuple(int(usage.get(name) or 0) for name in USAGE)


def per_session(answers: dict[tuple[str, str], tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    sums: dict[str, tuple[int, ...]] = defaultdict(lambda: (0,) * (len(USAGE) + 1))
    for (session, _), tokens in answers.items():
        sums[session] = tuple(a + b for a, b in zip(sums[session], (*tokens, 1), strict=True))
    return dict(sums)


@pytest.fixture(scope="module")
def transcripts(shared_folder: Path) -> Path:
    folder = shared_folder / "transcripts"
    if not folder.is_dir():
        pytest.skip(f"{folder} does not exist")
    return folder


@pytest.fixture
def loaded(make_loader: Callable[[], Loader], transcripts: Path) -> Loader:
    loader = make_loader()
    loader.folder = transcripts
    loader.session_text = "redacted"
    loader.run()
    return loader


def test_real_transcripts_give_independently_counted_totals(loaded: Loader, transcripts: Path) -> None:
    best: dict[tuple[str, str], tuple[int, ...]] = {}
    naive: dict[str, int] = defaultdict(int)
    for session, message_id, tokens in plain_usage(transcripts):
        naive[session] += sum(tokens)
        if (session, message_id) not in best or tokens[1] >= best[session, message_id][1]:
            best[session, message_id] = tokens
    expected = per_session(best)
    assert len(expected) > 15

    counted = loaded.rows(
        """
        with answers as (
            select distinct on (session_id, message_id) *
            from messages
            order by session_id, message_id, output_tokens desc, line_offset desc, record_index desc
        )
        select
            session_id, sum(coalesce(input_tokens, 0)), sum(coalesce(output_tokens, 0)),
            sum(coalesce(cache_read_tokens, 0)), sum(coalesce(cache_creation_tokens, 0)), count(*)
        from answers
        group by session_id
        """
    )
    assert {session: tuple(map(int, sums)) for session, *sums in counted} == expected
    every = "input_tokens + output_tokens + coalesce(cache_read_tokens, 0) + coalesce(cache_creation_tokens, 0)"
    assert dict(loaded.rows(f"select session_id, sum({every})::int from messages group by 1")) == naive
    assert sum(naive.values()) > 1.5 * sum(sum(sums[:4]) for sums in expected.values())


def test_real_transcripts_give_every_timestamped_line_as_an_event(loaded: Loader, transcripts: Path) -> None:
    expected: dict[str, int] = defaultdict(int)
    for line in plain_records(transcripts):
        if line.get("timestamp"):
            wraps = line["type"] == "progress" and '"tool_result"' in json.dumps(line["data"].get("message"))
            expected["wrapped result" if wraps else line["type"]] += 1
    kinds = dict(loaded.rows("select kind, count(*) from events group by 1"))
    assert sum(kinds.values()) == sum(expected.values())
    assert kinds["answer"] == expected["assistant"]
    assert kinds["progress"] == expected["progress"]
    assert loaded.rows("select count(*) from unreadable_lines") == [(0,)]


def test_real_transcripts_hold_no_key_that_lands_twice(loaded: Loader) -> None:
    for table in ("messages", "events", "prompts"):
        place = "(file_id, generation, line_offset, record_index)"
        assert loaded.rows(f"select count(*) - count(distinct {place}) from {table}") == [(0,)], table


def test_real_prompts_are_the_persons_own(loaded: Loader) -> None:
    kinds = dict(loaded.rows("select kind, count(*) from prompts group by 1"))
    assert kinds["slash_command"] > 5
    wrappers = "'<(local-command|system-reminder|task-notification|bash-)|^.Request interrupted'"
    assert loaded.rows(f"select count(*) from prompts where prompt_text ~ {wrappers}") == [(0,)]
