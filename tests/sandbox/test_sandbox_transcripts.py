"""Transcripts as the tool writes them: against the published schema, oddity by oddity, and in bulk."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from sandbox.agency import Agency, tell_story
from sandbox.transcripts import ODDITIES, assign_oddities, render, slug_of, write_bulk, write_transcripts


@pytest.fixture(scope="module")
def story() -> Agency:
    return tell_story(3, 0.3, date(2026, 11, 20), 2)


def _files_with(story: Agency, oddity: str) -> dict[str, bytes]:
    """Return the files of a session that has an oddity, by path."""
    assigned = assign_oddities(story)
    session = next(row for row in story.sessions if oddity in assigned.get(row.session_id, ()))
    return render(story, session, [oddity])


def _rows(content: bytes) -> Iterator[dict[str, Any]]:
    for line in content.split(b"\n"):
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(row, dict):
            yield row


def _main(files: dict[str, bytes]) -> bytes:
    return next(iter(files.values()))


def _answers(content: bytes) -> list[dict[str, Any]]:
    return [row for row in _rows(content) if row.get("type") == "assistant" and isinstance(row.get("message"), dict)]


def test_every_oddity_is_in_some_session(story: Agency) -> None:
    assigned = assign_oddities(story)
    assert {name for names in assigned.values() for name in names} == set(ODDITIES)
    few = tell_story(3, 0.3, date(2026, 11, 20), 1)
    few.sessions = few.sessions[:4]
    assert {name for names in assign_oddities(few).values() for name in names} == set(ODDITIES)


def test_every_oddity_changes_what_is_written(story: Agency) -> None:
    for name in ODDITIES:
        assigned = assign_oddities(story)
        session = next(row for row in story.sessions if name in assigned.get(row.session_id, ()))
        assert render(story, session, [name]) != render(story, session), name


def test_plain_lines_fit_the_published_schema(story: Agency, shared_folder: Path) -> None:
    schema = json.loads((shared_folder / "specs" / "claude-code-transcript.schema.json").read_text())
    validator = Draft202012Validator(schema)
    checked = 0
    for session in story.sessions[5::60]:
        for row in list(_rows(_main(render(story, session))))[:25]:
            assert validator.is_valid(row), row
            checked += 1
    assert checked > 80


def test_oddities_of_known_types_fit_the_published_schema(story: Agency, shared_folder: Path) -> None:
    schema = json.loads((shared_folder / "specs" / "claude-code-transcript.schema.json").read_text())
    validator = Draft202012Validator(schema)
    for name in ("three_lines", "compaction", "side_question", "image", "modifiers", "secrets", "agent_new_layout"):
        for row in list(_rows(_main(_files_with(story, name))))[-8:]:
            assert validator.is_valid(row), (name, row)


def test_an_answer_grows_over_its_lines(story: Agency) -> None:
    lines = _answers(_main(_files_with(story, "three_lines")))[-3:]
    outputs = [row["message"]["usage"]["output_tokens"] for row in lines]
    assert len({row["message"]["id"] for row in lines}) == 1
    assert len({row["uuid"] for row in lines}) == 3
    assert outputs[0] == outputs[1] < outputs[2]


def test_a_fallback_model_changes_the_cache_figures_of_one_answer(story: Agency) -> None:
    first, last = _answers(_main(_files_with(story, "fallback_model")))[-2:]
    assert first["message"]["id"] == last["message"]["id"]
    assert first["message"]["model"] != last["message"]["model"]
    assert first["message"]["usage"]["cache_read_input_tokens"] > last["message"]["usage"]["cache_read_input_tokens"]


def test_two_records_on_a_line_and_a_half_line(story: Agency) -> None:
    assert b'"}{"parentUuid"' in _main(_files_with(story, "two_on_a_line"))
    half = _main(_files_with(story, "half_line"))
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(half.rsplit(b"\n", 1)[1])


def test_bytes_that_are_no_text(story: Agency) -> None:
    with pytest.raises(UnicodeDecodeError):
        _main(_files_with(story, "invalid_utf8")).decode()
    assert b"\\u0000" in _main(_files_with(story, "nul_character"))
    assert max(map(len, _main(_files_with(story, "long_lines")).split(b"\n"))) > 2_000_000


def test_sub_agents_in_both_layouts_carry_their_parents_session(story: Agency) -> None:
    for oddity, depth in (("agent_new_layout", 2), ("agent_old_layout", 0), ("workflow", 4)):
        files = _files_with(story, oddity)
        main, *rest = files
        session = Path(main).stem
        agent = next(name for name in rest if Path(name).name.startswith("agent-") and name.endswith(".jsonl"))
        assert len(Path(agent).parts) - len(Path(main).parts) == depth
        rows = list(_rows(files[agent]))
        assert {row["sessionId"] for row in rows} == {session}
        assert all(row["isSidechain"] for row in rows)
        assert {row["agentId"] for row in rows} == {Path(agent).stem.removeprefix("agent-")}


def test_a_sub_agents_usage_is_in_progress_lines_too(story: Agency) -> None:
    files = _files_with(story, "agent_new_layout")
    agent = next(content for name, content in files.items() if "/subagents/" in name and name.endswith(".jsonl"))
    nested = {
        row["data"]["message"]["message"]["id"]
        for row in _rows(_main(files))
        if row["type"] == "progress" and row["data"]["message"]["type"] == "assistant"
    }
    assert nested == {row["message"]["id"] for row in _answers(agent)}
    assert any(name.endswith(".meta.json") for name in files)


def test_a_fork_writes_each_line_twice_under_another_session(story: Agency) -> None:
    (main, original), (_, fork) = list(_files_with(story, "fork").items())[:2]
    rows = list(_rows(fork))
    assert all(row["sessionId"] != Path(main).stem for row in rows)
    assert set(Counter(row["uuid"] for row in rows).values()) == {2}
    assert sum("forkedFrom" in row for row in rows) * 2 == len(rows)
    assert {row["message"]["id"] for row in _answers(fork)} == {row["message"]["id"] for row in _answers(original)}


def test_prices_change_between_answers(story: Agency) -> None:
    change = [row["timestamp"] for row in _answers(_main(_files_with(story, "price_change")))[-3:]]
    assert change == ["2026-10-06T23:59:58.000Z", "2026-10-07T00:00:00.000Z", "2026-10-07T00:00:05.000Z"]
    prompts = []
    for row in _answers(_main(_files_with(story, "haiku_tier")))[-3:]:
        usage = row["message"]["usage"]
        names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
        prompts.append(sum(usage[name] for name in names))
    assert prompts == [99_999, 100_000, 100_001]


def test_the_old_version_states_costs_and_no_cache_writes_by_lifetime(story: Agency) -> None:
    rows = [row for row in _answers(_main(_files_with(story, "old_version"))) if "costUSD" in row]
    assert rows
    assert all("cache_creation" not in row["message"]["usage"] for row in rows)


def test_an_answer_spans_midnight(story: Agency) -> None:
    first, last = _answers(_main(_files_with(story, "midnight")))[-2:]
    assert first["message"]["id"] == last["message"]["id"]
    assert first["timestamp"][:10] < last["timestamp"][:10]


def test_timestamps_run_backwards(story: Agency) -> None:
    stamps = [datetime.fromisoformat(row["timestamp"]) for row in _rows(_main(_files_with(story, "backwards")))]
    worst = max((earlier - later).total_seconds() for earlier, later in pairwise(stamps))
    assert 4 * 3600 < worst <= 5 * 3600


def test_a_folder_name_loses_what_a_working_directory_says() -> None:
    assert slug_of("/home/a/b-c") == slug_of("/home/a-b/c") == "-home-a-b-c"


def test_half_of_the_files_have_no_final_newline(story: Agency) -> None:
    endings = [_main(render(story, session)).endswith(b"\n") for session in story.sessions]
    assert 0.4 < sum(endings) / len(endings) < 0.7


def test_a_file_is_below_its_host_and_slug(story: Agency, tmp_path: Path) -> None:
    story.sessions, sessions = story.sessions[:20], story.sessions
    count, size = write_transcripts(story, tmp_path)
    story.sessions = sessions
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert (len(files), sum(path.stat().st_size for path in files)) == (count, size)
    session = sessions[0]
    assert (tmp_path / session.host / "projects" / slug_of(session.cwd) / f"{session.session_id}.jsonl").exists()


def test_bulk_has_the_promised_size_and_no_id_twice(tmp_path: Path) -> None:
    report = write_bulk(tmp_path, 12_000_000)
    ids: Counter[str] = Counter()
    uuids: Counter[str] = Counter()
    size = lines = 0
    for path in tmp_path.rglob("*.jsonl"):
        content = path.read_bytes()
        size += len(content)
        lines += content.count(b"\n")
        rows = list(_rows(content))
        assert {row["sessionId"] for row in rows} == {path.stem}
        uuids.update(row["uuid"] for row in rows)
        ids.update({row["message"]["id"] for row in _answers(content)})
    assert (report["bytes"], report["lines"]) == (size, lines)
    assert size >= 12_000_000
    assert set(ids.values()) == {1}
    assert len(ids) == report["answers"]
    assert set(uuids.values()) == {1}
