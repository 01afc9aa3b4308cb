"""Which transcript files there are, which grew, and what is new in them. What a line means does not belong here.

A file's cursor tells how far it was read. Its identity is the hash of its first bytes together with their number, so a
file keeps it while it grows; the hash of the last bytes before the offset finds most rewrites that keep the beginning.
A file that was rewritten or truncated is read anew as its next generation. A vanished file is not looked at: the tool
itself cleans up after 30 days, and what was read stays.
"""

# os.path and os.scandir throughout: over thousands of files, every 30 seconds, pathlib takes several times as long.
# ruff: noqa: PTH100, PTH110, PTH111, PTH112, PTH116, PTH117, PTH118, PTH119, PTH207

from __future__ import annotations

import glob
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sources.claude_code.records import place_of
from sources.claude_code.transcript import TranscriptReader
from sources.kit.errors import SourceError

_HEAD_BYTES: Final = 4096
_TAIL_BYTES: Final = 1024
_CHUNK_BYTES: Final = 8 * 2**20
LONGEST_LINE: Final = 64 * 2**20
"""Bytes; a longer line is set aside unread, so that memory stays bounded (the longest real one had 2.1 MB)."""

# Sizes that no file has, so that the file is opened whatever it looks like.
_REWOUND_SIZE: Final = -1
_OUT_OF_REACH_SIZE: Final = -2
_UNKNOWN_SIZE: Final = -3

# Files and folders beside the transcripts that are none (api_facts.md, 6.1).
_NOT_TRANSCRIPTS: Final = frozenset({"journal.jsonl", "history.jsonl"})
_NOT_TRANSCRIPT_FOLDERS: Final = frozenset({"tool-results", "file-history", "node_modules", ".git"})


@dataclass(frozen=True)
class SessionRoot:
    """One row of session_roots.csv: a folder, a file or a glob of such, and the host that the files come from."""

    path: str
    host: str = ""


@dataclass(frozen=True)
class FoundFile:
    """A transcript on disk; `path` is what it is known by, `location` where it is opened.

    `fault` says why it, or the folder that stands in its place, cannot be looked at; its size is unknown then.
    """

    file_id: str
    path: str
    location: str
    root_path: str
    host: str
    size: int
    modified: int
    fault: str = ""


@dataclass(frozen=True)
class Cursor:
    """How far a file was read, and by what it is recognized.

    `open_offset` and `open_records` tell of a last line without newline that was complete as it stood: where it begins
    and how many of its records have landed, in case more follows on it. `session` and `branch` are the reader's
    `branch_seen`.
    """

    generation: int = 0
    size: int = 0
    offset: int = 0
    first_seen_at: str = ""
    modified: int = 0
    head_length: int = 0
    head_hash: str = ""
    tail_hash: str = ""
    open_offset: int = -1
    open_records: int = 0
    session: str | None = None
    branch: str | None = None

    def values(self) -> tuple[Any, ...]:
        """The values in the order of the columns of `files`."""
        return tuple(vars(self).values())

    @property
    def is_out_of_reach(self) -> bool:
        """Whether the file could not be read when it was last tried, which has been noted."""
        return self.size == _OUT_OF_REACH_SIZE

    def out_of_reach(self) -> Cursor:
        """The cursor of a file that cannot be read: tried by every run, noted once."""
        return replace(self, size=_OUT_OF_REACH_SIZE)

    def rewound(self) -> Cursor:
        """The cursor of a file that must be read from its beginning, although it is the same file."""
        return Cursor(
            # What was noted of a file out of reach must not stand beside its lines, once they can be read.
            generation=self.generation + int(self.is_out_of_reach),
            size=_REWOUND_SIZE,
            first_seen_at=self.first_seen_at,
            head_length=self.head_length,
            head_hash=self.head_hash,
            tail_hash=_hash(b""),
        )


@dataclass
class Counts:
    """What one run did, for the run's metadata."""

    files_found: int = 0
    files_read: int = 0
    files_grown: int = 0
    files_rewritten: int = 0
    bytes_read: int = 0
    lines_read: int = 0
    lines_waiting: int = 0
    roots_missing: int = 0

    def add(self, other: Mapping[str, int]) -> None:
        """Add another run's counts, given by name."""
        for name, value in other.items():
            setattr(self, name, getattr(self, name) + value)


def session_roots(rows: Iterable[Any]) -> list[SessionRoot]:
    """Session roots from configuration: objects with `path` and, optionally, `host`; raises `SourceError`."""
    roots = []
    for row in rows:
        if not isinstance(row, Mapping) or not isinstance(row.get("path"), str) or not row["path"].strip():
            raise SourceError(
                f"sources.claude_code.roots holds {row!r}, which is no object with a path; "
                'give a list such as [{"path": "/home/ann/.claude/projects", "host": "laptop"}]'
            )
        roots.append(SessionRoot(row["path"], str(row.get("host") or "")))
    return roots


def discover(roots: Iterable[SessionRoot], base_folder: str, counts: Counts | None = None) -> list[FoundFile]:
    """All transcripts below the roots, in order of path; a file below several roots belongs to the first.

    Relative roots start from `base_folder`. Costs one `scandir` per folder and one `stat` per file, and reads nothing.
    """
    base = os.path.abspath(base_folder or ".")
    found: dict[tuple[str, str], FoundFile] = {}
    for root in roots:
        written = os.path.expanduser(root.path.replace("\\", "/"))
        is_relative = not os.path.isabs(written)
        pattern = os.path.normpath(os.path.join(base, written))
        starts = (
            sorted(glob.glob(pattern, recursive=True, include_hidden=True)) if glob.has_magic(pattern) else [pattern]
        )
        present = [start for start in starts if os.path.exists(start)]
        if not present and counts is not None:
            counts.roots_missing += 1
        for location, looked in _transcripts(present):
            if (root.host, location) in found:
                continue
            path = os.path.relpath(location, base).replace(os.sep, "/") if is_relative else location
            fault = looked if isinstance(looked, str) else ""
            size, modified = (_UNKNOWN_SIZE, 0) if isinstance(looked, str) else (looked.st_size, looked.st_mtime_ns)
            found[root.host, location] = FoundFile(
                _file_id(root.host, path),
                # Names that are no UTF-8 exist; Postgres takes UTF-8 alone.
                os.fsencode(path).decode("utf-8", "replace"),
                location,
                root.path,
                root.host,
                size,
                modified,
                fault,
            )
    return sorted(found.values(), key=lambda file: file.path)


def may_have_grown(file: FoundFile, cursor: Cursor | None) -> bool:
    """Whether the file must be opened at all."""
    if cursor is None:
        return file.size != 0
    return (file.size, file.modified) != (cursor.size, cursor.modified)


def read_new_lines(
    file: FoundFile, cursor: Cursor | None, reader: TranscriptReader, started_at: str
) -> Iterator[int | tuple[Cursor, dict[str, int]]]:
    """Read what is new in a file into `reader`; yields each chunk's bytes, then the new cursor and the counts.

    The chunks are the caller's occasion to spill what the reader gathered. Yields nothing for a file that has vanished.
    """
    try:
        descriptor = os.open(file.location, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        status = os.fstat(descriptor)
        before = cursor or Cursor(first_seen_at=started_at)
        is_rewritten = cursor is not None and (
            cursor.is_out_of_reach or not _is_same(descriptor, status.st_size, cursor)
        )
        if is_rewritten:
            before = Cursor(generation=before.generation + 1, first_seen_at=before.first_seen_at)
        place = place_of(file.file_id, before.generation, file.path)
        reader.begin_file(place, (before.session, before.branch))
        reading = _Reading(descriptor, before, status.st_size)
        yield from reading.chunks(reader)
        session, branch = reader.branch_seen
        head_length = min(_HEAD_BYTES, reading.offset)
        after = replace(
            before,
            offset=reading.offset,
            size=status.st_size,
            modified=status.st_mtime_ns,
            head_length=head_length,
            head_hash=_hash(os.pread(descriptor, head_length, 0)),
            tail_hash=_tail_hash(descriptor, reading.offset),
            open_offset=reading.open_offset,
            open_records=reading.open_records,
            session=session,
            branch=branch,
        )
        yield (
            after,
            {
                "files_read": 1,
                "files_grown": int(cursor is not None and not is_rewritten and status.st_size > cursor.size),
                "files_rewritten": int(is_rewritten),
                "bytes_read": reading.bytes_read,
                "lines_read": reading.lines_read,
                "lines_waiting": int(reading.offset < status.st_size),
            },
        )
    finally:
        os.close(descriptor)


class _Reading:
    """One pass over the new bytes of one file."""

    def __init__(self, descriptor: int, cursor: Cursor, end: int) -> None:
        self.offset = cursor.offset
        self.open_offset = cursor.open_offset
        self.open_records = cursor.open_records
        self.bytes_read = 0
        self.lines_read = 0
        self._descriptor = descriptor
        self._end = end

    def chunks(self, reader: TranscriptReader) -> Iterator[int]:
        """Read chunk by chunk; afterwards `offset` is behind the last line, or record, that was read."""
        position = self.offset
        rest = b""
        skipped = 0
        while position < self._end:
            chunk = os.pread(self._descriptor, min(_CHUNK_BYTES, self._end - position), position)
            if not chunk:
                break  # truncated while being read; the next run finds that
            position += len(chunk)
            self.bytes_read += len(chunk)
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop()
            if skipped and lines:
                skipped += len(lines[0]) + 1
                reader.note_unreadable(self.offset, skipped - 1, f"the line is longer than {LONGEST_LINE} bytes")
                self.offset += skipped
                self.lines_read += 1
                skipped = 0
                del lines[0]
            self._read(reader, lines)
            if skipped or len(rest) > LONGEST_LINE:
                skipped += len(rest)
                rest = b""
            yield len(chunk)
        if rest:
            self._read_rest(reader, rest)

    def _read(self, reader: TranscriptReader, lines: list[bytes]) -> None:
        self.lines_read += len(lines)
        if self.open_offset >= 0 and lines:
            reader.read_line(self.open_offset, lines[0], self.open_records)
            self.offset += len(lines[0]) + 1
            self.open_offset, self.open_records = -1, 0
            del lines[0]
        offset = self.offset
        read_line = reader.read_line
        for line in lines:
            read_line(offset, line)
            offset += len(line) + 1
        self.offset = offset

    def _read_rest(self, reader: TranscriptReader, rest: bytes) -> None:
        """The last line, without newline: landed if complete as it stands (nearly half of real files end so)."""
        start = self.open_offset if self.open_offset >= 0 else self.offset
        records = reader.read_unfinished(start, rest, self.open_records)
        if records is None:
            return
        self.lines_read += 1
        self.offset += len(rest)
        self.open_offset, self.open_records = start, records


def _transcripts(starts: Iterable[str]) -> Iterator[tuple[str, os.stat_result | str]]:
    """Files that are transcripts, with their status, folders walked in depth; a loop of links is walked once.

    What cannot be looked at stands with the reason instead: a folder that may not be listed, a link to itself. It keeps
    nothing else from being read.
    """
    seen: set[tuple[int, int]] = set()
    pending = list(reversed(list(starts)))
    while pending:
        current = pending.pop()
        try:
            status = os.stat(current)
        except OSError:
            continue  # vanished between listing and looking
        if not os.path.isdir(current):
            if stat.S_ISREG(status.st_mode) and _is_transcript(os.path.basename(current)):
                yield current, status
            continue
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        try:
            entries = list(os.scandir(current))
        except (FileNotFoundError, NotADirectoryError):
            continue  # vanished, or replaced by a file, since it was looked at
        except OSError as error:
            yield current, f"the folder cannot be listed: {error.strerror}"
            continue
        for entry in entries:
            try:
                if entry.is_dir():
                    if entry.name not in _NOT_TRANSCRIPT_FOLDERS:
                        pending.append(entry.path)
                elif _is_transcript(entry.name) and entry.is_file():
                    yield entry.path, entry.stat()
            except FileNotFoundError:
                continue
            except OSError as error:
                yield entry.path, f"it cannot be looked at: {error.strerror}"


def _is_transcript(name: str) -> bool:
    return name.endswith(".jsonl") and name not in _NOT_TRANSCRIPTS


def _file_id(host: str, path: str) -> str:
    return _hash(f"{host}\0{path}".encode("utf-8", "surrogateescape"))


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _tail_hash(descriptor: int, offset: int) -> str:
    start = max(0, offset - _TAIL_BYTES)
    return _hash(os.pread(descriptor, offset - start, start))


def _is_same(descriptor: int, size: int, cursor: Cursor) -> bool:
    """Whether what was read still stands where it stood."""
    return (
        size >= cursor.offset
        and _hash(os.pread(descriptor, cursor.head_length, 0)) == cursor.head_hash
        and _tail_hash(descriptor, cursor.offset) == cursor.tail_hash
    )
