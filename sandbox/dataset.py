"""The dataset folder: JSON-lines collections per vendor, which are read, watched for edits, and edited.

The format is documented in `docs/sandbox_dataset.md`. A collection is one file,
`<folder>/<vendor>/<collection>.jsonl`; an absent file is an empty collection. Files are checked before every
answer, so a person or a test may edit them while the server is running. Every edit is noted in a journal, from which
vendors derive their change feeds, audit logs and cursors. The journal and a copy of what was last seen are in
`<folder>/.sandbox`, so that an edit made while no server was running is noticed too.
"""

from __future__ import annotations

import codecs
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

import orjson

MARKS_KEY = "_sandbox"
"""The key of a line that no client ever sees."""

STATE_FOLDER = ".sandbox"

EDIT_AGE = timedelta(seconds=61)
"""How long before its discovery an edit of a file is assumed to have happened.

Just over the minute by which Clockify's feeds lag (vendors 1.5), so that a test need not wait. To test the lag itself,
state the time explicitly, by a `_sandbox` key or by the argument `at`.
"""

Derived = TypeVar("Derived")
ChangeKind = Literal["created", "updated", "deleted"]


class DatasetError(Exception):
    """A dataset folder that cannot be read; its text names the file, the line and the fix."""


def parse_time(text: str) -> datetime:
    """Read an ISO timestamp; one without an offset is UTC.

    Raises:
        ValueError: `text` is not an ISO timestamp.
    """
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def format_time(moment: datetime) -> str:
    """Write a time as ISO text in UTC with a Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(slots=True)
class Record:
    """One line of a collection: what clients see, and what the sandbox knows about it."""

    key: str
    value: dict[str, Any]
    raw: bytes
    """JSON text of `value`, ready to be served."""
    marks: dict[str, Any]
    """The line's `_sandbox` object, empty if it has none."""
    visible_from: datetime | None = None
    deleted_at: datetime | None = None
    owner: str | None = None

    def mark_time(self, name: str) -> datetime | None:
        """Return the time under a `_sandbox` key, None if the line has no such key."""
        text = self.marks.get(name)
        return parse_time(text) if isinstance(text, str) else None

    def is_visible(self, now: datetime, owner: str | None = None) -> bool:
        """Tell whether a client sees the record at `now`; with `owner`, whether that token's holder does."""
        if self.visible_from is not None and now < self.visible_from:
            return False
        if self.deleted_at is not None and now >= self.deleted_at:
            return False
        return owner is None or self.owner is None or self.owner == owner


@dataclass(slots=True)
class Change:
    """A difference between two states of a collection's file, as the journal keeps it."""

    kind: ChangeKind
    key: str
    at: datetime
    before: Record | None
    """The record as it was; None for a creation."""


@dataclass
class Collection:
    """One file: its records in file order, by key, and the journal of its changes since it was first served."""

    vendor: str
    name: str
    key_field: str
    path: Path
    records: list[Record] = field(default_factory=list)
    by_key: dict[str, Record] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    first_seen_at: datetime | None = None
    """When the file was first served: records without any date are older than this."""
    signature: tuple[int, int, int] | None = None


def _read_marks(where: str, record: Record) -> Record:
    marks = record.value.pop(MARKS_KEY)
    if not isinstance(marks, dict):
        raise DatasetError(
            f'{where}: `{MARKS_KEY}` must be an object such as {{"deleted_at": "2026-01-31T12:00:00Z"}}.'
        )
    for name in ("visible_from", "deleted_at", "owner"):
        if not isinstance(marks.get(name, ""), str | None):
            raise DatasetError(f"{where}: `{name}` in `{MARKS_KEY}` must be text, not {type(marks[name]).__name__}.")
    record.marks = marks
    record.raw = orjson.dumps(record.value)
    try:
        record.visible_from = record.mark_time("visible_from")
        record.deleted_at = record.mark_time("deleted_at")
    except ValueError as problem:
        raise DatasetError(f"{where}: a time in `{MARKS_KEY}` is not ISO ({problem}).") from None
    record.owner = marks.get("owner")
    return record


def _why_unreadable(line: bytes, problem: orjson.JSONDecodeError) -> str:
    try:
        line.decode()
    except UnicodeDecodeError as failure:
        return f"not UTF-8 (byte {failure.start + 1} of the line); save the file as UTF-8."
    return f"not valid JSON ({problem}); fix or remove the line."


def parse_lines(content: bytes, path: Path, key_field: str) -> list[Record]:
    """Read a collection's lines; blank ones are skipped.

    Args:
        content: the file's bytes.
        path: the file's name, for messages.
        key_field: the vendor's key; several, joined by `+`, form a compound key.

    Raises:
        DatasetError: a line is not a JSON object in UTF-8 or lacks its key; the text names file and line.
    """
    records: list[Record] = []
    fields = key_field.split("+")
    for number, line in enumerate(content.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
        if not line or line.isspace():
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as problem:
            raise DatasetError(f"{path}, line {number}: {_why_unreadable(line, problem)}") from None
        if not isinstance(value, dict):
            raise DatasetError(
                f"{path}, line {number}: expected a JSON object, found {type(value).__name__}; write one object a line."
            )
        parts = [value.get(name) for name in fields]
        for name, part in zip(fields, parts, strict=True):
            if part in (None, ""):
                raise DatasetError(f"{path}, line {number}: the key {name!r} is missing; every line needs one.")
            if not isinstance(part, str | int) or isinstance(part, bool):
                raise DatasetError(f"{path}, line {number}: the key {name!r} must be text or a whole number.")
        key = "/".join(map(str, parts))
        record = Record(key, value, line, {})
        if b'"_sandbox"' in line and MARKS_KEY in value:
            record = _read_marks(f"{path}, line {number}", record)
        records.append(record)
    return records


class VendorData:
    """One vendor's collections, kept up to date with their files. Not safe for threads: hold `lock` while using it."""

    def __init__(
        self,
        folder: Path,
        vendor: str,
        collections: Mapping[str, str],
        now: Callable[[], datetime],
        *,
        remember: bool = True,
    ) -> None:
        """Name the collections; nothing is read before the first `refresh`.

        Args:
            folder: the dataset folder.
            vendor: name of the vendor and of its folder.
            collections: key field (or several, joined by `+`) by name of collection.
            now: the clock.
            remember: keep the journal under `.sandbox` across restarts.
        """
        self.vendor = vendor
        self.folder = folder
        self.now = now
        self.lock = threading.RLock()
        self.version = 0
        self._state = folder / STATE_FOLDER / vendor if remember else None
        self._derived: dict[str, tuple[int, Any]] = {}
        self.collections = {
            name: Collection(vendor, name, key_field, folder / vendor / f"{name}.jsonl")
            for name, key_field in collections.items()
        }

    def refresh(self, at: datetime | None = None) -> None:
        """Read the files that changed since they were last looked at, and note what changed in them.

        Args:
            at: when the changes happened; without it, `EDIT_AGE` before now.

        Raises:
            DatasetError: a file cannot be read; its last good state stays.
        """
        for collection in self.collections.values():
            try:
                stat = collection.path.stat()
                signature = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            except FileNotFoundError:
                signature = (0, 0, 0)
            if signature != collection.signature:
                self._load(collection, signature, at)

    def _load(self, collection: Collection, signature: tuple[int, int, int], at: datetime | None) -> None:
        content = collection.path.read_bytes() if signature != (0, 0, 0) else b""
        records = parse_lines(content, collection.path, collection.key_field)
        noticed = at or self.now() - EDIT_AGE
        if collection.signature is None:
            self._recall(collection)
        first = collection.first_seen_at is None
        if first:
            collection.first_seen_at = self.now()
        found = [] if first else list(_differences(collection.by_key, records, noticed))
        collection.records = records
        collection.by_key = {record.key: record for record in records}
        collection.changes.extend(found)
        collection.signature = signature
        self.version += 1
        self._remember(collection, content, found, first=first)

    def _recall(self, collection: Collection) -> None:
        """Restore what an earlier server saw of a collection, if it saved that."""
        if self._state is None:
            return
        seen, journal = self._state / f"{collection.name}.jsonl", self._state / f"{collection.name}.journal"
        if not seen.exists() or not journal.exists():
            return
        header, *lines = journal.read_bytes().splitlines()
        collection.first_seen_at = parse_time(orjson.loads(header)["first_seen_at"])
        collection.by_key = {
            record.key: record for record in parse_lines(seen.read_bytes(), seen, collection.key_field)
        }
        for line in lines:
            row = orjson.loads(line)
            documents = [orjson.dumps(row["before"])] if row["before"] else []
            before = [record for text in documents for record in parse_lines(text, journal, collection.key_field)]
            collection.changes.append(
                Change(row["kind"], row["key"], parse_time(row["at"]), before[0] if before else None)
            )

    def _remember(self, collection: Collection, content: bytes, found: list[Change], *, first: bool) -> None:
        if self._state is None:
            return
        try:
            self._state.mkdir(parents=True, exist_ok=True)
            journal = self._state / f"{collection.name}.journal"
            if first:
                journal.write_bytes(orjson.dumps({"first_seen_at": format_time(self.now())}) + b"\n")
            with journal.open("ab") as file:
                for change in found:
                    before = None
                    if change.before is not None:
                        marks = {MARKS_KEY: change.before.marks} if change.before.marks else {}
                        before = {**change.before.value, **marks}
                    row = {"kind": change.kind, "key": change.key, "at": format_time(change.at), "before": before}
                    file.write(orjson.dumps(row) + b"\n")
            copy = self._state / f"{collection.name}.jsonl"
            draft = copy.with_suffix(".draft")
            draft.write_bytes(content)
            draft.replace(copy)
        except OSError:
            # A read-only folder is still served; its edits are remembered while the server runs.
            self._state = None

    def records(self, name: str, owner: str | None = None) -> list[Record]:
        """Return the records of a collection that are visible now, in file order.

        Args:
            name: the collection.
            owner: the asking token or account; records of other owners are left out.
        """
        now = self.now()
        return [record for record in self.collections[name].records if record.is_visible(now, owner)]

    def find(self, name: str, key: str, owner: str | None = None) -> Record | None:
        """Return the visible record with a key, None if there is none."""
        record = self.collections[name].by_key.get(key)
        return record if record is not None and record.is_visible(self.now(), owner) else None

    def changes(self, name: str) -> list[Change]:
        """Return the journal of a collection, oldest first."""
        return self.collections[name].changes

    def owners(self) -> set[str]:
        """Return every `owner` that any record names."""
        return self.derived(
            "owners",
            lambda: {
                record.owner
                for collection in self.collections.values()
                for record in collection.records
                if record.owner is not None
            },
        )

    def derived(self, name: str, build: Callable[[], Derived]) -> Derived:
        """Return what `build` makes of the collections, rebuilt only after a file changed.

        The result must not depend on the clock.
        """
        known = self._derived.get(name)
        if known is None or known[0] != self.version:
            known = (self.version, build())
            self._derived[name] = known
        result: Derived = known[1]
        return result

    def edit(
        self,
        name: str,
        *,
        insert: Iterable[Mapping[str, Any]] = (),
        update: Mapping[str, Mapping[str, Any]] | None = None,
        delete: Iterable[str] = (),
        first: bool = False,
        at: datetime | None = None,
    ) -> None:
        """Write changes into a collection's file and note them.

        Args:
            name: the collection.
            insert: whole new lines, `_sandbox` included where wanted.
            update: by key, the top-level keys to set; the value None sets null.
            delete: keys whose lines are removed.
            first: put inserted lines before the others instead of after them.
            at: when it happened; without it, as for an edit by hand (`refresh`).

        Raises:
            DatasetError: an update or delete names a key that no line has.
        """
        self.refresh()
        collection = self.collections[name]
        changed, gone = dict(update or {}), set(delete)
        missing = (changed.keys() | gone) - collection.by_key.keys()
        if missing:
            raise DatasetError(f"{collection.path}: no line has the {collection.key_field} {sorted(missing)[0]}.")
        lines = [
            dump_record(record, changed.get(record.key)) for record in collection.records if record.key not in gone
        ]
        new = [orjson.dumps(dict(value)) for value in insert]
        lines = [*new, *lines] if first else [*lines, *new]
        write_lines(collection.path, lines)
        self.refresh(at)


def _differences(before: Mapping[str, Record], after: Iterable[Record], at: datetime) -> Iterator[Change]:
    remaining = dict(before)
    # If lines share a key the last one counts, as in `by_key`.
    for record in {record.key: record for record in after}.values():
        old = remaining.pop(record.key, None)
        if old is None:
            yield Change("created", record.key, at, None)
        elif old.raw != record.raw and old.value != record.value:
            yield Change("updated", record.key, at, old)
    for key, old in remaining.items():
        yield Change("deleted", key, at, old)


def dump_record(record: Record, changes: Mapping[str, Any] | None = None) -> bytes:
    """Return a record's line, `_sandbox` included, with some top-level keys changed."""
    if not changes and not record.marks:
        return record.raw
    value = dict(record.value)
    if record.marks:
        value[MARKS_KEY] = record.marks
    value.update(changes or {})
    return orjson.dumps(value)


def write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Write a collection's file atomically, so that no reader sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    draft.write_bytes(b"".join(line + b"\n" for line in lines))
    draft.replace(path)
