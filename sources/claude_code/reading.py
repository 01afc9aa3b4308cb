"""One pass over all that is new: files in, CSV files per raw table out, by several processes where it pays.

What a line means (transcript.py) and how dlt loads the files (source.py) do not belong here.

The rows go through disk, so memory stays bounded whatever the history.

Helpers are plain processes of this module that speak JSON lines over their pipes: neither fork, which threads make
unsafe, nor multiprocessing, which imports the caller's main module again (Dagster's takes seconds), is needed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from sources.claude_code.client import Counts, Cursor, FoundFile, read_new_lines
from sources.claude_code.records import Redactor, SessionText, place_of
from sources.claude_code.rows import to_csv
from sources.claude_code.transcript import TranscriptReader
from sources.kit.errors import SourceError

BYTES_PER_HELPER: Final = 48 * 2**20
"""A helper takes 0.4 s to start: less than this much to read is read sooner without one."""

_MOST_HELPERS: Final = 7
_SPILL_BYTES: Final = 24 * 2**20
_CHECKOUT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Job:
    """What every process of one pass must know. `columns`: names by table; `started_at`: start of the run, ISO."""

    columns: Mapping[str, Sequence[str]]
    session_text: SessionText
    started_at: str


@dataclass
class Outcome:
    """What a pass brought.

    `tables`: by table the CSV files, one per process, each with its number of rows; `cursors`: of files read, by id.
    """

    tables: dict[str, list[tuple[Path, int]]] = field(default_factory=dict)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    models: set[str] = field(default_factory=set)
    counts: Counts = field(default_factory=Counts)


def read_files(
    files: Sequence[FoundFile], cursors: Mapping[str, Cursor], job: Job, folder: Path, helpers: int | None = None
) -> Outcome:
    """Read what is new in the files into `folder`, which is emptied first; raises `SourceError`.

    `helpers` is the number of further processes; by default as many as the processors and the amount to read allow.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    new_bytes = {file.file_id: file.size - _offset(cursors.get(file.file_id), file) for file in files}
    # Largest first: the processes then end at about the same time.
    tasks = deque(sorted(files, key=lambda file: -new_bytes[file.file_id]))
    if helpers is None:
        helpers = min((os.cpu_count() or 1) - 1, sum(new_bytes.values()) // BYTES_PER_HELPER, _MOST_HELPERS)
    outcome = Outcome()
    own = _Worker(job, folder / "own")
    with _helping(helpers, tasks, cursors, job, folder) as helping:
        for file in _take(tasks):
            own.read(file, cursors.get(file.file_id))
            if helping.failed:
                break
    spills = [own.finish(), *helping.results()]
    for spill in spills:
        outcome.cursors |= {file_id: Cursor(*values) for file_id, values in spill["cursors"].items()}
        outcome.models |= set(spill["models"])
        outcome.counts.add(spill["counts"])
    for name in job.columns:
        outcome.tables[name] = [(Path(path), int(rows)) for path, rows in (spill["tables"][name] for spill in spills)]
    return outcome


def _offset(cursor: Cursor | None, file: FoundFile) -> int:
    return cursor.offset if cursor is not None and cursor.offset <= file.size else 0


def _take(tasks: deque[FoundFile]) -> Iterator[FoundFile]:
    """Tasks from the front until none is left; safe for several threads at once."""
    while True:
        try:
            yield tasks.popleft()
        except IndexError:
            return


class _Worker:
    """Reads files in this process and spills their rows."""

    def __init__(self, job: Job, folder: Path) -> None:
        folder.mkdir()
        self._job = job
        self._reader = TranscriptReader(_redactor(job.session_text), job.started_at)
        self._cursors: dict[str, tuple[Any, ...]] = {}
        self._counts = Counts()
        self._paths = {name: folder / f"{name}.csv" for name in job.columns}
        self._rows = dict.fromkeys(job.columns, 0)
        for name, path in self._paths.items():
            path.write_bytes(to_csv([",".join(job.columns[name])]))
        self._unspilled = 0

    def read(self, file: FoundFile, cursor: Cursor | None) -> None:
        if file.fault:
            self._note_out_of_reach(file, cursor, file.fault)
            return
        try:
            for step in read_new_lines(file, cursor, self._reader, self._job.started_at):
                if isinstance(step, int):
                    self._unspilled += step
                    if self._unspilled > _SPILL_BYTES:
                        self._spill()
                else:
                    after, counts = step
                    self._cursors[file.file_id] = after.values()
                    self._counts.add(counts)
        except OSError as error:
            self._note_out_of_reach(file, cursor, f"the file cannot be read: {error.strerror}")

    def _note_out_of_reach(self, file: FoundFile, cursor: Cursor | None, reason: str) -> None:
        """Note, not raise: one file out of reach must not keep the others from landing.

        Noted once, not by every run, and with a cursor, because only lines of a known file are in staging.
        """
        before = cursor or Cursor(first_seen_at=self._job.started_at)
        if not before.is_out_of_reach:
            self._reader.begin_file(place_of(file.file_id, before.generation, file.path))
            self._reader.note_unreadable(before.offset, max(file.size, 0), reason)
            self._cursors[file.file_id] = before.out_of_reach().values()

    def finish(self) -> dict[str, Any]:
        """Write out the rest; the result is plain JSON."""
        self._spill()
        return {
            "tables": {name: [str(path), self._rows[name]] for name, path in self._paths.items()},
            "cursors": self._cursors,
            "models": sorted(self._reader.models),
            "counts": asdict(self._counts),
        }

    def _spill(self) -> None:
        for name, rows in self._reader.rows.take().items():
            if rows:
                self._rows[name] += len(rows)
                with self._paths[name].open("ab") as target:
                    target.write(to_csv(rows))
        self._unspilled = 0


def _redactor(session_text: SessionText) -> Redactor | None:
    if session_text == "none":
        return None
    if session_text == "full":
        return Redactor()
    # The rules are loaded only where texts are redacted: that costs more than half a second.
    from sources.claude_code.redaction import redact, redact_value

    return Redactor(redact, redact_value)


# --- helpers ----------------------------------------------------------------------------------------------------------


class _Helping:
    """The helpers of one pass, each fed by a thread of its own."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[str]] = []
        self.threads: list[threading.Thread] = []
        self.failed: list[str] = []
        self._results: list[dict[str, Any]] = []

    def feed(
        self,
        process: subprocess.Popen[str],
        tasks: deque[FoundFile],
        cursors: Mapping[str, Cursor],
        job: dict[str, Any],
    ) -> None:
        """Hand the helper one file after another; runs in a thread."""
        requests, answers = process.stdin, process.stdout
        if requests is None or answers is None:
            raise ValueError("a helper is started with pipes")
        doing = "starting"
        try:
            _send(requests, job)
            answer = answers.readline()
            for file in _take(tasks) if answer else ():
                doing = f"reading {file.location}"
                cursor = cursors.get(file.file_id)
                _send(requests, {"file": asdict(file), "cursor": cursor.values() if cursor else None})
                answer = answers.readline()
                if not answer:
                    break
            if answer:
                doing = "writing its rows"
                requests.close()
                answer = answers.readline()
        except (BrokenPipeError, ValueError):
            answer = ""  # the helper is gone; said below
        if answer:
            self._results.append(json.loads(answer))
        else:
            self.failed.append(doing)

    def results(self) -> list[dict[str, Any]]:
        """What the helpers wrote; raises `SourceError` if one of them ended before its time."""
        if self.failed:
            raise SourceError(
                f"a helper process that reads transcripts ended while {self.failed[0]}; its own message is above, "
                "or the machine ran out of memory; run again, nothing is lost"
            )
        return self._results


@contextmanager
def _helping(
    number: int, tasks: deque[FoundFile], cursors: Mapping[str, Cursor], job: Job, folder: Path
) -> Iterator[_Helping]:
    helping = _Helping()
    start = (
        f"import sys; sys.path.insert(0, {str(_CHECKOUT)!r}); from sources.claude_code import reading; reading.help()"
    )
    try:
        for position in range(number):
            process = subprocess.Popen(
                [sys.executable, "-c", start],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                # An interrupt from the keyboard is the parent's matter, which ends its helpers.
                start_new_session=True,
            )
            helping.processes.append(process)
            dumped = {"job": asdict(job), "folder": str(folder / f"helper{position}")}
            thread = threading.Thread(target=helping.feed, args=(process, tasks, cursors, dumped), daemon=True)
            helping.threads.append(thread)
            thread.start()
        yield helping
        for thread in helping.threads:
            thread.join()
    finally:
        tasks.clear()
        for process in helping.processes:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(BrokenPipeError):  # what was on its way to a dead helper
                        pipe.close()


def _send(stream: IO[str], message: Any) -> None:
    stream.write(json.dumps(message) + "\n")
    stream.flush()


def help() -> None:  # noqa: A001 - read as `reading.help()`
    """Serve as a helper: the job, then files, come by standard input; ends with its input, as with its parent."""
    requests, answers = sys.stdin, sys.stdout
    sys.stdout = sys.stderr  # nothing that prints may garble the answers
    try:
        dumped = json.loads(requests.readline())
        worker = _Worker(Job(**dumped["job"]), Path(dumped["folder"]))
        _send(answers, "ready")
        for line in requests:
            task = json.loads(line)
            worker.read(FoundFile(**task["file"]), Cursor(*task["cursor"]) if task["cursor"] else None)
            _send(answers, "read")
        _send(answers, worker.finish())
    except BrokenPipeError:
        os._exit(1)  # the parent is gone: nobody waits for what was read, nor for a traceback
