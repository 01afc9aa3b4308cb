"""What lands when files grow, wait, shrink, change, vanish and are copied, and when a run is killed anywhere."""

import gzip
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt
import psycopg
import pytest
from dlt.destinations.impl.postgres.postgres import PostgresCsvCopyJob

from sources.claude_code.client import Counts, FoundFile, SessionRoot, discover, read_new_lines, session_roots, tool_of
from sources.claude_code.resources import claude_code, run_metrics
from sources.kit.errors import SourceError
from tests.sources.claude_code.claude_code_world import SESSION, Loader, answer, lines, user

FIRST = lines(user("begin"), answer("msg_1", 1), answer("msg_1", 143))
MORE = lines(user("go on"), answer("msg_2", 9))
FILE = f"project/{SESSION}.jsonl"


def test_appended_lines_are_all_that_is_read(loader: Loader) -> None:
    loader.write(FILE, FIRST)
    loader.write("project/other.jsonl", FIRST)
    first = loader.run()
    assert (first["files_found"], first["files_read"], first["bytes_read"]) == (2, 2, 2 * len(FIRST))
    loader.write(FILE, MORE, append=True)
    second = loader.run()
    assert (second["files_read"], second["files_grown"], second["bytes_read"]) == (1, 1, len(MORE))
    assert (second["lines_read"], second["rows_messages"]) == (2, 1)
    assert loader.rows("select message_id, output_tokens from messages where output_tokens = 9") == [("msg_2", 9)]
    assert loader.rows("select count(*) from messages") == [(5,)]
    third = loader.run()
    assert (third["files_found"], third["files_read"], third["bytes_read"]) == (2, 0, 0)


def test_reading_piece_by_piece_gives_what_reading_at_once_gives(make_loader: Callable[[], Loader]) -> None:
    at_once, piecewise = make_loader(), make_loader()
    whole = lines(user("see CON-1", gitBranch="con-2"), answer(gitBranch="con-2"), user("x", gitBranch="con-3")) + MORE
    at_once.write(FILE, whole)
    at_once.run()
    for cut in range(0, len(whole), 311):
        piecewise.write(FILE, whole[cut : cut + 311], append=True)
        piecewise.run()
    piecewise.folder = piecewise.folder.rename(at_once.folder.with_name("moved"))
    rows = {
        name: [row.replace(str(piecewise.folder), "") for row in table] for name, table in piecewise.tables().items()
    }
    for name, expected in at_once.tables().items():
        assert len(rows[name]) == len(expected), name
    columns = "line_offset, record_index, session_id, ticket_key, origin"
    assert piecewise.rows(f"select {columns} from ticket_mentions order by 1, 2, 4") == at_once.rows(
        f"select {columns} from ticket_mentions order by 1, 2, 4"
    )


def test_a_half_line_waits(loader: Loader) -> None:
    loader.write(FILE, FIRST + MORE[:-20])
    assert loader.run()["lines_waiting"] == 1
    assert loader.rows("select count(*) from messages") == [(2,)]
    assert loader.rows("select size_bytes - read_offset from files") == [(len(lines(answer("msg_2", 9))) - 20,)]
    assert loader.run()["files_read"] == 0
    loader.write(FILE, MORE[-20:], append=True)
    loader.run()
    assert loader.rows("select count(*) from messages where message_id = 'msg_2'") == [(1,)]
    assert loader.rows("select count(*) from unreadable_lines") == [(0,)]


@pytest.mark.parametrize("rest", [b"\n" + MORE, b"\r\n" + MORE, MORE])
def test_a_whole_record_without_newline_lands_once_whatever_follows(loader: Loader, rest: bytes) -> None:
    loader.write(FILE, FIRST[:-1])
    assert loader.run()["lines_waiting"] == 0
    assert loader.rows("select count(*) from messages") == [(2,)]
    loader.write(FILE, rest, append=True)
    assert loader.run()["bytes_read"] == len(rest)
    assert loader.rows("select message_id, count(*) from messages group by 1 order by 1") == [
        ("msg_1", 2),
        ("msg_2", 1),
    ]
    assert loader.rows("select count(*) from events") == [(5,)]
    assert loader.rows("select count(*) from unreadable_lines") == [(0,)]
    places = loader.rows("select line_offset, record_index from events order by 1, 2")
    assert len(set(places)) == 5


def test_a_truncated_file_is_read_again_as_its_next_generation(loader: Loader) -> None:
    path = loader.write(FILE, FIRST + MORE)
    loader.run()
    with path.open("r+b") as file:
        file.truncate(len(FIRST))
    assert loader.run()["files_rewritten"] == 1
    assert loader.rows("select generation, read_offset from files") == [(1, len(FIRST))]
    assert loader.rows("select generation, count(*) from messages group by 1 order by 1") == [(0, 3), (1, 2)]


@pytest.mark.parametrize(
    "rewritten",
    [
        lines(user("another beginning"), answer("msg_1", 1), answer("msg_1", 143), answer("msg_3", 7)),
        lines(user("begin"), answer("msg_1", 1), answer("msg_9", 99), answer("msg_3", 7)),
        FIRST.replace(b"143", b"144"),
    ],
)
def test_a_rewritten_file_is_read_again(loader: Loader, rewritten: bytes) -> None:
    path = loader.write(FILE, FIRST)
    loader.run()
    path.write_bytes(rewritten)
    os.utime(path, ns=(1, 1))
    loader.run()
    read = "select count(*) from messages join files using (file_id, generation)"
    assert loader.rows(f"{read} where generation = 1") == [(rewritten.count(b'"assistant"') // 2,)]


def test_a_vanished_file_deletes_nothing_and_goes_on_when_it_comes_back(loader: Loader) -> None:
    path = loader.write(FILE, FIRST)
    loader.run()
    before = loader.tables()
    path.unlink()
    assert loader.run()["files_found"] == 0
    assert loader.tables() == before
    loader.write(FILE, FIRST + MORE)
    assert loader.run()["bytes_read"] == len(MORE)
    assert loader.rows("select count(*), max(generation) from messages") == [(3, 0)]


def test_a_copied_file_is_another_file(loader: Loader) -> None:
    path = loader.write(FILE, FIRST)
    loader.run()
    shutil.copy2(path, path.with_name("copy.jsonl"))
    assert loader.run()["files_read"] == 1
    assert loader.rows("select count(distinct file_id), count(*) from messages") == [(2, 4)]


def test_an_empty_folder_makes_empty_tables(loader: Loader) -> None:
    loader.run()
    assert {name: rows for name, rows in loader.tables().items() if rows} == {}
    assert loader.rows("select count(*) from catalog_prices") == [(0,)]
    loader.write(FILE, FIRST)
    loader.run()
    assert loader.rows("select count(*) from messages") == [(2,)]


def test_prices_of_the_models_seen_land_beside_them(loader: Loader) -> None:
    loader.write(FILE, FIRST)
    loader.run()
    prices = loader.rows("select model, input, cache_write_1h from catalog_prices")
    assert [(model, float(price), float(write)) for model, price, write in prices] == [("claude-opus-5-5", 4.0, 8.0)]
    loader.write(FILE, lines(answer("msg_7", message={"model": "no-such-model"})), append=True)
    loader.run()
    assert loader.rows("select count(*) from catalog_prices") == [(1,)]


def test_a_selection_of_tables_leaves_the_others_to_the_next_run(loader: Loader) -> None:
    loader.write(FILE, FIRST)
    loader.pipeline().run(loader.source().with_resources("messages"))
    assert loader.rows("select count(*) from messages") == [(2,)]
    loader.run()
    assert loader.rows("select count(*) from messages") == [(2,)]
    assert loader.rows("select count(*) from events") == [(3,)]


def test_texts_land_redacted_full_or_not_at_all(make_loader: Callable[[], Loader]) -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6q7R8"
    texts = {}
    for mode in ("none", "redacted", "full"):
        loader = make_loader()
        loader.session_text = mode
        loader.write(FILE, lines(user(f"use {secret}, CON-1\n\\.\nplease")) + b'{"broken": "' + secret.encode() + b"\n")
        loader.run()
        (texts[mode],) = loader.rows("select prompt_text, ticket_keys from prompts")
        (sample,) = loader.rows("select sample from unreadable_lines")[0]
        assert (sample is None) == (mode == "none")
        assert (secret in (sample or "")) == (mode == "full")
    assert texts["none"] == (None, ["CON-1"])
    assert texts["redacted"] == ("use [redacted: GitHub Token], CON-1\n \\.\nplease", ["CON-1"])
    assert texts["full"] == (f"use {secret}, CON-1\n \\.\nplease", ["CON-1"])


def test_a_file_out_of_reach_is_noted_and_the_others_land(loader: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    loader.write(FILE, FIRST)
    loader.write("project/locked.jsonl", FIRST)

    def refuse(file: FoundFile, *arguments: Any) -> Any:
        if file.path.endswith("locked.jsonl"):
            raise PermissionError(13, "Permission denied")
        return read_new_lines(file, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr("sources.claude_code.reading.read_new_lines", refuse)
        loader.run()
        (noted,) = loader.rows("select u::text from unreadable_lines u")
        loader.run()
    assert loader.rows("select u::text from unreadable_lines u") == [noted]
    # Only lines of a file's own generation are in staging.
    current = "from unreadable_lines inner join files using (file_id, generation)"
    (fault,) = loader.rows(f"select unreadable_lines.path, line_offset, reason {current}")
    assert fault[0].endswith("locked.jsonl")
    assert fault[1:] == (0, "the file cannot be read: Permission denied")
    assert loader.rows("select count(*) from messages") == [(2,)]
    loader.run()
    assert loader.rows("select count(*) from messages") == [(4,)]
    assert loader.rows(f"select count(*) {current}") == [(0,)]


def test_a_file_that_falls_out_of_reach_keeps_its_lines_and_is_read_again(
    loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader.write(FILE, FIRST)
    loader.run()
    loader.write(FILE, MORE, append=True)

    def refuse(*arguments: Any) -> Any:
        raise OSError(5, "Input/output error")

    current = "from {0} inner join files using (file_id, generation)"
    with monkeypatch.context() as patch:
        patch.setattr("sources.claude_code.reading.read_new_lines", refuse)
        loader.run()
    assert loader.rows(f"select line_offset {current.format('unreadable_lines')}") == [(len(FIRST),)]
    assert loader.rows(f"select count(*) {current.format('messages')}") == [(2,)]
    loader.run()
    assert loader.rows(f"select count(*) {current.format('unreadable_lines')}") == [(0,)]
    assert loader.rows(f"select count(*) {current.format('messages')}") == [(3,)]


def test_a_line_beyond_all_measure_is_set_aside_unread(loader: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sources.claude_code.client.LONGEST_LINE", 2000)
    monkeypatch.setattr("sources.claude_code.client._CHUNK_BYTES", 512)
    long = lines(user("x" * 5000))
    loader.write(FILE, FIRST + long + MORE)
    loader.run()
    faults = loader.rows("select line_offset, byte_length, reason from unreadable_lines")
    assert faults == [(len(FIRST), len(long) - 1, "the line is longer than 2000 bytes")]
    assert loader.rows("select count(*) from messages") == [(3,)]
    assert loader.rows("select read_offset from files") == [(len(FIRST + long + MORE),)]


def test_a_load_by_several_processes_lands_everything_once(
    make_loader: Callable[[], Loader], monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = make_loader()
    for number in range(9):
        loader.write(f"project/{number}.jsonl", FIRST.replace(SESSION.encode(), f"{number}".encode()))
    monkeypatch.setattr("sources.claude_code.reading.BYTES_PER_HELPER", 1)
    monkeypatch.setattr("sources.claude_code.reading.os.cpu_count", lambda: 3)
    first = loader.run()
    assert (first["files_read"], first["rows_messages"]) == (9, 18)
    assert loader.rows("select count(*), count(distinct session_id) from messages") == [(18, 9)]
    for number in range(9):
        loader.write(f"project/{number}.jsonl", MORE, append=True)
    assert loader.run()["bytes_read"] == 9 * len(MORE)
    monkeypatch.undo()
    assert loader.tables() == expected(make_loader, loader)


# --- kills ---------------------------------------------------------------------------------------------------------


def expected(make_loader: Callable[[], Loader], loader: Loader) -> dict[str, list[str]]:
    """What the loader's present files give when nothing goes wrong; read from the same folder, so ids are equal."""
    undisturbed = make_loader()
    undisturbed.folder = loader.folder
    undisturbed.run()
    return undisturbed.tables()


@pytest.mark.parametrize("keeps_work", [True, False])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_kill_between_extract_and_load_loses_and_doubles_nothing(
    make_loader: Callable[[], Loader], is_first: bool, keeps_work: bool
) -> None:
    loader = make_loader()
    loader.write(FILE, FIRST)
    if not is_first:
        loader.run()
        loader.write(FILE, MORE, append=True)
    pipeline = loader.pipeline()
    pipeline.extract(loader.source())
    pipeline.normalize()
    del pipeline
    if not keeps_work:
        shutil.rmtree(loader.work)
    loader.run()
    assert loader.tables() == expected(make_loader, loader)


@pytest.mark.parametrize("keeps_work", [True, False])
@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("table", ["messages", "files"])
def test_a_kill_after_a_commit_that_dlt_did_not_note_loses_and_doubles_nothing(
    make_loader: Callable[[], Loader], monkeypatch: pytest.MonkeyPatch, table: str, is_first: bool, keeps_work: bool
) -> None:
    loader = make_loader()
    loader.write(FILE, FIRST)
    if not is_first:
        loader.run()
        loader.write(FILE, MORE, append=True)
    copy = PostgresCsvCopyJob.run

    def copy_and_die(job: PostgresCsvCopyJob) -> None:
        copy(job)
        if job.load_table_name == table:
            os._exit(9)

    process = os.fork()
    if process == 0:
        monkeypatch.setattr(PostgresCsvCopyJob, "run", copy_and_die)
        loader.run()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 9
    if not keeps_work:
        shutil.rmtree(loader.work)
    loader.run()
    assert loader.tables() == expected(make_loader, loader)


def test_a_table_that_grew_large_gets_its_indexes_once(loader: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    indexes = (
        "select indexname from pg_indexes where schemaname = 'raw_claude_code' and tablename = 'events' order by 1"
    )
    loader.write(FILE, FIRST)
    loader.run()
    loader.write(FILE, MORE, append=True)
    loader.run()
    assert loader.rows(indexes) == []
    monkeypatch.setattr("sources.claude_code.resources.LARGE_TABLE_BYTES", 1)
    for _ in range(2):
        loader.write(FILE, MORE, append=True)
        loader.run()
        names = ["events_file_id_line_offset_idx", "events_loaded_at_idx", "events_session_id_idx"]
        assert loader.rows(indexes) == [(name,) for name in names]
    assert loader.rows("select count(*) from messages") == [(5,)]


def test_a_warehouse_that_was_emptied_is_filled_again(loader: Loader) -> None:
    loader.write(FILE, FIRST)
    loader.run()
    before = loader.tables()
    with psycopg.connect(loader.warehouse.dsn("loader"), autocommit=True) as connection:
        connection.execute("drop schema raw_claude_code cascade")
    loader.run()
    assert loader.tables() == before


# --- finding files -------------------------------------------------------------------------------------------------


def test_discovery_is_recursive_and_passes_over_what_is_no_transcript(loader: Loader) -> None:
    wanted = [
        "slug/a.jsonl",
        "slug/agent-1.jsonl",
        "slug/a/subagents/agent-2.jsonl",
        "slug/a/subagents/workflows/w/agent-3.jsonl",
    ]
    unwanted = [
        "history.jsonl",
        "slug/a/subagents/workflows/w/journal.jsonl",
        "slug/a/subagents/agent-2.meta.json",
        "slug/a/tool-results/big.jsonl",
        "slug/notes.txt",
    ]
    for name in wanted + unwanted:
        loader.write(name, FIRST)
    (loader.folder / "slug" / "loop").symlink_to(loader.folder)
    found = discover([SessionRoot("transcripts0")], str(loader.folder.parent))
    assert sorted(file.path for file in found) == sorted(f"transcripts0/{name}" for name in wanted)


def test_what_cannot_be_looked_at_is_noted_once_and_the_others_land(
    loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader.write("slug/a.jsonl", FIRST)
    loader.write("locked/b.jsonl", FIRST)
    (loader.folder / "slug" / "loop.jsonl").symlink_to("loop.jsonl")
    (loader.folder / "slug" / "gone.jsonl").symlink_to("nowhere")

    def refuse(folder: object) -> Any:
        if str(folder).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    scandir = os.scandir
    with monkeypatch.context() as patch:
        patch.setattr("sources.claude_code.client.os.scandir", refuse)
        loader.run()
        faults = loader.rows("select path, reason from unreadable_lines order by path")
        loads = loader.rows("select count(*) from _dlt_loads")
        loader.run()
    assert [path.rpartition("/")[2] for path, _ in faults] == ["locked", "loop.jsonl"]
    assert faults[0][1] == "the folder cannot be listed: Permission denied"
    assert faults[1][1].startswith("it cannot be looked at: ")
    assert loader.rows("select path, reason from unreadable_lines order by path") == faults
    assert loader.rows("select count(*) from _dlt_loads") == loads
    assert loader.rows("select count(*) from messages") == [(2,)]
    loader.run()
    assert loader.rows("select count(*) from messages") == [(4,)]


def test_roots_may_be_globs_files_and_overlap(loader: Loader) -> None:
    for name in ("ann/projects/a.jsonl", "bob/projects/b.jsonl", "bob/other/c.jsonl"):
        loader.write(name, FIRST)
    roots = session_roots(
        [
            {"path": f"{loader.folder}/*/projects", "host": "h"},
            {"path": str(loader.folder / "bob"), "host": "h"},
            {"path": str(loader.folder / "bob" / "other" / "c.jsonl"), "host": "i"},
            {"path": str(loader.folder / "nobody")},
        ]
    )
    counts = Counts()
    found = discover(roots, "", counts)
    # A file is found once, below the longest root that it lies below.
    assert [(os.path.basename(file.path), file.host, file.root_path) for file in found] == [  # noqa: PTH119
        ("a.jsonl", "h", roots[0].path),
        ("c.jsonl", "i", roots[2].path),
        ("b.jsonl", "h", roots[0].path),
    ]
    assert counts.roots_missing == 1


def test_a_file_keeps_its_id_when_the_base_folder_moves(loader: Loader) -> None:
    loader.write(FILE, FIRST)
    (before,) = discover([SessionRoot("transcripts0/**")], str(loader.folder.parent))
    moved = loader.folder.parent / "elsewhere"
    moved.mkdir()
    shutil.move(loader.folder, moved / "transcripts0")
    (after,) = discover([SessionRoot("transcripts0/**")], str(moved))
    assert after.file_id == before.file_id


@pytest.mark.parametrize("roots", ["no json", '{"path": "x"}', [{"folder": "x"}], [{"path": " "}], 7])
def test_bad_roots_are_named_in_one_sentence(loader: Loader, roots: object) -> None:
    with pytest.raises(Exception, match=r"sources\.claude_code\.roots") as caught:
        loader.pipeline().run(claude_code(roots))
    assert isinstance(caught.value.__cause__.__cause__, SourceError)  # type: ignore[union-attr]


def test_roots_are_read_from_configuration(loader: Loader) -> None:
    loader.write(FILE, FIRST)
    dlt.config["sources.claude_code.roots"] = [{"path": "transcripts0"}]
    dlt.config["sources.claude_code.base_folder"] = str(loader.folder.parent)
    dlt.config["sources.claude_code.session_text"] = "none"
    loader.pipeline().run(claude_code())
    assert loader.rows("select path, root_path from files") == [(f"transcripts0/{FILE}", "transcripts0")]


def test_a_file_keeps_its_id_however_its_root_is_written(loader: Loader) -> None:
    loader.write("project/a.jsonl", FIRST)
    loader.run()
    landed = loader.rows("select file_id, generation, read_offset from files")
    for path, host in (
        (f"{loader.folder}/", "laptop"),
        (f"{loader.folder}/*", "desktop"),
        (str(loader.folder.parent), ""),
    ):
        pipeline = loader.pipeline()
        pipeline.drop()
        pipeline.run(claude_code([{"path": path, "host": host}]))
        assert run_metrics(pipeline)["files_read"] == 0
        assert loader.rows("select file_id, generation, read_offset from files") == landed
        assert loader.rows("select root_path, coalesce(host, '') from files") == [(path, host)]
    assert loader.rows("select home_folder from files") == [(str(Path.home()),)]


CODEX = b'{"timestamp":"2026-11-10T09:00:00Z","type":"session_meta","payload":{"id":"x"}}\n'


def test_other_tools_logs_are_set_aside(loader: Loader, caplog: pytest.LogCaptureFixture) -> None:
    loader.write("project/a.jsonl", FIRST)
    loader.write("codex/rollout-1.jsonl", CODEX)
    loader.write("codex/rollout-2.jsonl", CODEX)
    loader.write("codex/old.jsonl.zst", b"x")
    loader.write("packed.tar.gz", b"x")
    assert loader.run()["files_set_aside"] == 2
    assert (
        "set aside, since they are no transcripts: 1 .jsonl.zst file, 1 .tar.gz archive, 2 Codex rollouts"
        in caplog.text
    )
    assert loader.rows("select count(*) from files where set_aside = 'Codex rollout' and read_offset = 0") == [(2,)]
    assert loader.rows("select count(*) from unreadable_lines") == [(0,)]
    before = loader.tables()
    loader.write("codex/rollout-1.jsonl", CODEX, append=True)
    loader.run()
    assert {**loader.tables(), "files": []} == {**before, "files": []}


@pytest.mark.parametrize(
    ("head", "tool"),
    [
        (CODEX, "Codex rollout"),
        (b'{"id":"x","timestamp":"2025-05-01T00:00:00Z","instructions":null}\n', "Codex rollout"),
        (b'{"sessionId":"s","projectHash":"h","startTime":"2026-01-01T00:00:00Z"}\n', "Gemini CLI session"),
        (b'{"sessionId":"s","uuid":"u","type":"user","message":{"role":"user","parts":[]}}\n', "Qwen Code session"),
        (b'{"type":"session.start","data":{"sessionId":"s"}}\n', "Copilot CLI session"),
        (b'{"type":"step_start","sessionID":"ses_1"}\n', "OpenCode session"),
        (b'{"type":"session","version":3,"id":"x"}\n', "pi session"),
        (b'{"anything":1}\n', "log of another tool"),
        (b'{"type":"file-history-snapshot","messageId":"m"}\n{"type":"session_meta","payload":{}}\n', ""),
        (b"not json\n" + FIRST, ""),
        (b"not json\n", ""),
        (b"", ""),
    ],
)
def test_a_file_is_recognized_by_its_first_records(tmp_path: Path, head: bytes, tool: str) -> None:
    (tmp_path / "log.jsonl").write_bytes(head)
    (tmp_path / "log.jsonl.gz").write_bytes(gzip.compress(head))
    assert tool_of(str(tmp_path / "log.jsonl")) == tool
    assert tool_of(str(tmp_path / "log.jsonl.gz")) == tool


def test_a_compressed_transcript_is_read_as_what_it_holds(loader: Loader) -> None:
    path = loader.write(f"project/{SESSION}.jsonl.gz", gzip.compress(FIRST))
    assert loader.run()["files_read"] == 1
    assert loader.rows("select count(*), min(session_id) from messages") == [
        (FIRST.count(b'"assistant"') // 2, SESSION)
    ]
    assert loader.rows("select read_offset = size_bytes from files") == [(True,)]
    landed = loader.tables()
    os.utime(path, (1, 1))
    loader.run()
    assert {**loader.tables(), "files": []} == {**landed, "files": []}
    # Longer, in whatever way it grew: read again from the beginning as the next generation.
    path.write_bytes(gzip.compress(FIRST) + gzip.compress(FIRST))
    assert loader.run()["files_rewritten"] == 1
    assert loader.rows("select max(generation) from messages") == [(1,)]
    # Cut: what can be unpacked lands, the rest is noted.
    path.write_bytes(gzip.compress(FIRST)[:-9])
    loader.run()
    assert loader.rows("select reason from unreadable_lines") != []


def test_the_tools_own_folder_means_its_projects(loader: Loader) -> None:
    for name in (
        ".claude/projects/a.jsonl",
        ".claude/plugins/x/b.jsonl",
        ".claude/c.jsonl",
        "work/projects/d.jsonl",
        "work/e.jsonl",
    ):
        loader.write(name, FIRST)
    (loader.folder / ".claude" / "projects" / "audit.jsonl").write_bytes(FIRST)
    names = {Path(file.location).name for file in discover([SessionRoot(str(loader.folder))], "")}
    assert names == {"a.jsonl", "d.jsonl", "e.jsonl"}
    (loader.folder / "work" / "history.jsonl").write_bytes(b"")
    names = {Path(file.location).name for file in discover([SessionRoot(str(loader.folder / "work"))], "")}
    assert names == {"d.jsonl"}
