"""Which transcript files there are, which grew, and what is new in them. What a line means does not belong here.

A file's cursor tells how far it was read. Its identity is the hash of its first bytes together with their number, so a
file keeps it while it grows; the hash of the last bytes before the offset finds most rewrites that keep the beginning.
A file that was rewritten or truncated is read from the beginning as its next generation. A compressed transcript is
read whole whenever it changes. A vanished file is not looked at: the tool itself cleans up after 30 days, and what was
read stays. A file of another tool is set aside: its cursor says what it is, and nothing of it is read.
"""

# os.path and os.scandir throughout: over thousands of files, every 30 seconds, pathlib takes several times as long.
# ruff: noqa: PTH100, PTH110, PTH111, PTH112, PTH116, PTH117, PTH118, PTH119, PTH122, PTH207

from __future__ import annotations

import glob
import gzip
import hashlib
import os
import stat
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from sources.claude_code.other_logs import other_tool
from sources.claude_code.records import COMPRESSED, TRANSCRIPT, place_of
from sources.claude_code.transcript import TranscriptReader
from sources.kit.errors import SourceError

_HEAD_BYTES: Final = 4096
_TAIL_BYTES: Final = 1024
_CHUNK_BYTES: Final = 8 * 2**20
_SNIFFED_BYTES: Final = 64 * 2**10
LONGEST_LINE: Final = 64 * 2**20
"""Bytes; a longer line is set aside unread, so that memory stays bounded (the longest real one had 2.1 MB)."""

# Sizes that no file has, so that the file is opened whatever it looks like.
_REWOUND_SIZE: Final = -1
_OUT_OF_REACH_SIZE: Final = -2
_UNKNOWN_SIZE: Final = -3

# Files and folders beside the transcripts that are none (vendors 6.1).
_NOT_TRANSCRIPTS: Final = frozenset({"journal.jsonl", "history.jsonl", "audit.jsonl"})
_NOT_TRANSCRIPT_FOLDERS: Final = frozenset({"tool-results", "file-history", "node_modules", ".git"})
# What lies beside `projects` in the tool's own folder (~/.claude). Transcripts are in `projects` alone; plugins come
# with test files that look like transcripts.
_TOOLS_OWN_ENTRIES: Final = frozenset(
    {"history.jsonl", "plugins", "shell-snapshots", "statsig", "todos", "file-history", ".credentials.json"}
)
_ARCHIVES: Final = (".tar.gz", ".tar.zst", ".tar.xz", ".tar.bz2", ".tgz", ".tar", ".zip", ".7z", ".rar")
_COMPRESSIONS: Final = (".gz", ".zst", ".xz", ".bz2", ".br", ".lz4")


@dataclass(frozen=True)
class SessionRoot:
    """One row of session_roots.csv: a folder, a file or a glob of such, and the host that the files come from."""

    path: str
    host: str = ""


@dataclass(frozen=True)
class FoundFile:
    """A transcript on disk; `path` is what it is known by, `location` where it is opened.

    `fault` says why it, or the folder that is in its place, cannot be looked at; its size is unknown then.
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

    `open_offset` and `open_records` tell of a last line without newline that was complete as it was: where it begins
    and how many of its records have landed, in case more follows on it. `session` and `branch` are the reader's
    `branch_seen`. `set_aside` says what a file is that is no transcript. Of a compressed file `offset` is its size.
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
    set_aside: str | None = None

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
            # What was noted of a file out of reach must not be beside its lines, once they can be read.
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
    files_set_aside: int = 0
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


def discover(
    roots: Iterable[SessionRoot],
    base_folder: str,
    counts: Counts | None = None,
    known: Mapping[str, str] | None = None,
    archives: Counter[str] | None = None,
) -> list[FoundFile]:
    """All transcripts below the roots, in order of path; a file below several roots belongs to the longest.

    Relative roots start from `base_folder`. `known` gives the ids of files by location (`location_key`): a file keeps
    its id however its root is written. `archives` counts what is not unpacked, by kind. Costs one `scandir` per folder
    and one `stat` per file, and reads nothing.
    """
    base = os.path.abspath(base_folder or ".")
    written = [(root, os.path.expanduser(root.path.replace("\\", "/"))) for root in roots]
    patterns = [(root, os.path.normpath(os.path.join(base, path)), not os.path.isabs(path)) for root, path in written]
    found: dict[str, FoundFile] = {}
    seen_archives: dict[str, str] = {}
    for root, pattern, is_relative in sorted(patterns, key=lambda each: -len(each[1])):
        starts = (
            sorted(glob.glob(pattern, recursive=True, include_hidden=True)) if glob.has_magic(pattern) else [pattern]
        )
        present = [start for start in starts if os.path.exists(start)]
        if not present and counts is not None:
            counts.roots_missing += 1
        for location, looked in _transcripts(present, seen_archives):
            if location in found:
                continue
            path = os.path.relpath(location, base).replace(os.sep, "/") if is_relative else location
            fault = looked if isinstance(looked, str) else ""
            size, modified = (_UNKNOWN_SIZE, 0) if isinstance(looked, str) else (looked.st_size, looked.st_mtime_ns)
            found[location] = FoundFile(
                (known or {}).get(location_key(location)) or _file_id(root.host, path),
                # Names that are no UTF-8 exist; Postgres takes UTF-8 alone.
                os.fsencode(path).decode("utf-8", "replace"),
                location,
                root.path,
                root.host,
                size,
                modified,
                fault,
            )
    if archives is not None:
        archives.update(Counter(seen_archives.values()))
    return sorted(found.values(), key=lambda file: file.path)


def location_key(location: str) -> str:
    """What two spellings of one file's path have in common."""
    return os.path.normcase(os.path.normpath(location))


def tool_of(location: str) -> str:
    """What a file is that is no transcript (`Codex rollout`); empty for a transcript, and where it cannot be read."""
    try:
        descriptor = os.open(location, os.O_RDONLY)
    except OSError:
        return ""
    try:
        return _tool_of(descriptor, location)
    except OSError:
        return ""
    finally:
        os.close(descriptor)


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
        is_compressed = file.path.endswith(COMPRESSED)
        is_rewritten = cursor is not None and (
            cursor.is_out_of_reach
            or not _is_same(descriptor, status.st_size, cursor)
            # What is appended to a compressed file continues nothing that was read of it.
            or (is_compressed and cursor.offset not in (0, status.st_size))
        )
        if is_rewritten:
            before = Cursor(generation=before.generation + 1, first_seen_at=before.first_seen_at)
        tool = _tool_of(descriptor, file.location) if before.offset == 0 else ""
        if tool:
            after = replace(before, size=status.st_size, modified=status.st_mtime_ns, set_aside=tool)
            yield after, {"files_set_aside": 1}
            return
        place = place_of(file.file_id, before.generation, file.path)
        reader.begin_file(place, (before.session, before.branch))
        reading = _Reading(descriptor, before, status.st_size, is_compressed=is_compressed)
        yield from reading.chunks(reader)
        session, branch = reader.branch_seen
        # Of a compressed file offsets count unpacked bytes, and it is read to its end or not at all.
        offset = status.st_size if is_compressed else reading.offset
        head_length = min(_HEAD_BYTES, offset)
        after = replace(
            before,
            offset=offset,
            size=status.st_size,
            modified=status.st_mtime_ns,
            head_length=head_length,
            head_hash=_hash(os.pread(descriptor, head_length, 0)),
            tail_hash=_tail_hash(descriptor, offset),
            open_offset=-1 if is_compressed else reading.open_offset,
            open_records=0 if is_compressed else reading.open_records,
            session=session,
            branch=branch,
            set_aside=None,
        )
        yield (
            after,
            {
                "files_read": 1,
                "files_grown": int(cursor is not None and not is_rewritten and status.st_size > cursor.size),
                "files_rewritten": int(is_rewritten),
                "bytes_read": reading.bytes_read,
                "lines_read": reading.lines_read,
                "lines_waiting": int(offset < status.st_size),
            },
        )
    finally:
        os.close(descriptor)


class _Reading:
    """One pass over the new bytes of one file."""

    def __init__(self, descriptor: int, cursor: Cursor, end: int, *, is_compressed: bool) -> None:
        self.offset = cursor.offset
        self.open_offset = cursor.open_offset
        self.open_records = cursor.open_records
        self.bytes_read = 0
        self.lines_read = 0
        self._fault = ""
        self._pieces = self._unpacked(descriptor, end) if is_compressed else self._plain(descriptor, end)

    def _plain(self, descriptor: int, end: int) -> Iterator[bytes]:
        position = self.offset
        while position < end:
            chunk = os.pread(descriptor, min(_CHUNK_BYTES, end - position), position)
            if not chunk:
                return  # truncated while being read; the next run finds that
            position += len(chunk)
            yield chunk

    def _unpacked(self, descriptor: int, end: int) -> Iterator[bytes]:
        if self.offset == end:
            return
        os.lseek(descriptor, 0, os.SEEK_SET)
        with os.fdopen(os.dup(descriptor), "rb") as packed, gzip.GzipFile(fileobj=packed) as unpacked:
            try:
                while chunk := unpacked.read(_CHUNK_BYTES):
                    yield chunk
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                self._fault = f"the compressed file is cut or damaged: {error}"

    def chunks(self, reader: TranscriptReader) -> Iterator[int]:
        """Read chunk by chunk; afterwards `offset` is behind the last line, or record, that was read."""
        rest = b""
        skipped = 0
        for chunk in self._pieces:
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
        if self._fault:
            reader.note_unreadable(self.offset, len(rest), self._fault)

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
        """The last line, without newline: landed if complete as it is (nearly half of real files end so)."""
        start = self.open_offset if self.open_offset >= 0 else self.offset
        records = reader.read_unfinished(start, rest, self.open_records)
        if records is None:
            return
        self.lines_read += 1
        self.offset += len(rest)
        self.open_offset, self.open_records = start, records


def _transcripts(starts: Iterable[str], archives: dict[str, str]) -> Iterator[tuple[str, os.stat_result | str]]:
    """Files that are transcripts, with their status, folders walked in depth; a loop of links is walked once.

    What cannot be looked at, such as a folder that may not be listed or a link to itself, comes with the reason. It
    keeps nothing else from being read. `archives` gets the kind of each archive by its path.
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
            name = os.path.basename(current)
            if stat.S_ISREG(status.st_mode) and _is_transcript(name):
                yield current, status
            elif kind := _archive_kind(name):
                archives[current] = kind
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
        if _is_tools_own_folder(current, {entry.name for entry in entries}):
            entries = [entry for entry in entries if entry.name == "projects"]
        for entry in entries:
            try:
                if entry.is_dir():
                    if entry.name not in _NOT_TRANSCRIPT_FOLDERS:
                        pending.append(entry.path)
                elif _is_transcript(entry.name):
                    if entry.is_file():
                        yield entry.path, entry.stat()
                elif kind := _archive_kind(entry.name):
                    archives[entry.path] = kind
            except FileNotFoundError:
                continue
            except OSError as error:
                yield entry.path, f"it cannot be looked at: {error.strerror}"


def _is_transcript(name: str) -> bool:
    plain = name.removesuffix(".gz") if name.endswith(COMPRESSED) else name
    return plain.endswith(TRANSCRIPT) and plain not in _NOT_TRANSCRIPTS


def _archive_kind(name: str) -> str:
    """What an archive, or a transcript compressed in another way than gzip, is called; empty for other files."""
    for ending in _ARCHIVES:
        if name.endswith(ending):
            return f"{ending} archive"
    stem, ending = os.path.splitext(name)
    return f"{TRANSCRIPT}{ending} file" if ending in _COMPRESSIONS and stem.endswith(TRANSCRIPT) else ""


def _is_tools_own_folder(path: str, names: set[str]) -> bool:
    """Whether a folder is the tool's own (~/.claude, CLAUDE_CONFIG_DIR), of which `projects` alone counts."""
    return "projects" in names and (os.path.basename(path) == ".claude" or not names.isdisjoint(_TOOLS_OWN_ENTRIES))


def _tool_of(descriptor: int, location: str) -> str:
    head = os.pread(descriptor, _SNIFFED_BYTES, 0)
    if location.endswith(COMPRESSED):
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        with suppress(zlib.error):  # damage is noted when the file is read
            head = unpacker.decompress(head, _SNIFFED_BYTES)
    lines = head.split(b"\n")
    # The last line may be cut.
    return other_tool(lines if len(head) < _SNIFFED_BYTES else lines[:-1])


def _file_id(host: str, path: str) -> str:
    return _hash(f"{host}\0{path}".encode("utf-8", "surrogateescape"))


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _tail_hash(descriptor: int, offset: int) -> str:
    start = max(0, offset - _TAIL_BYTES)
    return _hash(os.pread(descriptor, offset - start, start))


def _is_same(descriptor: int, size: int, cursor: Cursor) -> bool:
    """Whether what was read is still where it was."""
    return (
        size >= cursor.offset
        and _hash(os.pread(descriptor, cursor.head_length, 0)) == cursor.head_hash
        and _tail_hash(descriptor, cursor.offset) == cursor.tail_hash
    )
