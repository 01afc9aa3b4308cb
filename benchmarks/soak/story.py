"""What happens at the agency during the week: records and transcripts that come with time, edits and deletions.

The dataset is generated as of the week's end; what is younger than its beginning is held back and put into the served
folder as the clock passes it. What has been put there at the end is the truth.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import orjson

from sandbox.dataset import parse_time, write_lines

Mutate = Callable[[Mapping[str, Any]], None]
"""Applies a change as `POST /_sandbox/mutate` takes it."""

_TIMESTAMP: Final = re.compile(rb'"timestamp": ?"([^"]+)"')


def _path(*names: str) -> Callable[[Any], str | None]:
    def look(row: Any) -> str | None:
        for name in names:
            row = row.get(name) if isinstance(row, dict) else None
        return None if row is None else str(row)

    return look


# When a record comes, by vendor and collection.
_COMES: Final[Mapping[tuple[str, str], Callable[[Any], str | None]]] = {
    ("clockify", "time_entries"): _path("timeInterval", "end"),
    ("tempo", "worklogs"): _path("createdAt"),
    ("jira", "issues"): _path("fields", "created"),
    ("jira", "changelogs"): _path("created"),
    ("github", "commits"): _path("commit", "committer", "date"),
    ("github", "pull_requests"): _path("updated_at"),
    ("plaid", "transactions"): _path("date"),
}


@dataclass
class _Transcript:
    path: Path
    parts: list[tuple[datetime, bytes]]
    """What is still to come, each part with its time; in order."""


class Story:
    """The week's news, told into a dataset folder."""

    def __init__(self, folder: Path, begins: datetime, ends: datetime) -> None:
        """Take away from a generated dataset what comes later than `begins`.

        Args:
            folder: the dataset, as of the end.
            begins: from when on news comes.
            ends: what is later, such as planned leave, is there from the start.
        """
        self._folder = folder
        self._dice = Random(20261028)
        self._news: list[tuple[datetime, dict[str, Any]]] = []
        for (vendor, collection), comes in _COMES.items():
            self._hold_back(vendor, collection, comes, begins, ends)
        self._news.sort(key=lambda one: one[0])
        self._transcripts = [
            _Transcript(path, parts)
            for path in sorted((folder / "claude").rglob("*.jsonl"))
            if (parts := _take_away(path, begins))
        ]
        # The mirror's embedded engine serves one process at a time.
        for file in (folder / "clickhouse").glob("*.jsonl"):
            file.unlink()
        roots = folder / "reference" / "session_roots.csv"
        roots.write_text(re.sub(r"^claude/", f"{folder}/claude/", roots.read_text(), flags=re.MULTILINE))

    def tell(self, until: datetime, mutate: Mutate) -> str:
        """Put in what comes until a moment; return what it was."""
        changes: dict[tuple[str, str], dict[str, Any]] = {}
        while self._news and self._news[0][0] <= until:
            _, news = self._news.pop(0)
            change = changes.setdefault(
                (news["vendor"], news["collection"]), {"insert": [], "update": {}, "delete": []}
            )
            change["insert"] += news.get("insert", [])
            change["update"] |= news.get("update", {})
        for (vendor, collection), change in changes.items():
            # A record that was changed on the day of its creation is inserted as it is in the end.
            change["insert"] = [{**row, **change["update"].pop(str(row.get("id")), {})} for row in change["insert"]]
            mutate({"vendor": vendor, "collection": collection, **change})
        lines = sum(_grow(transcript, until) for transcript in self._transcripts)
        records = sum(len(change["insert"]) for change in changes.values())
        return f"{records} new records, {lines} lines of transcripts"

    def edit(self, mutate: Mutate) -> str:
        """Have people correct what they logged: two entries and two worklogs change, one of each goes."""
        changed, gone = 0, 0
        first, second, third = self._some("clockify", "time_entries", 3)
        for row, minutes in ((first, 20), (second, -5)):
            interval = dict(row["timeInterval"])
            end = parse_time(interval["end"]) + timedelta(minutes=minutes)
            seconds = int((end - parse_time(interval["start"])).total_seconds())
            interval |= {"end": _text(end), "duration": f"PT{seconds}S"}
            update = {row["id"]: {"timeInterval": interval, "description": f"{row['description']} (corrected)"}}
            mutate({"vendor": "clockify", "collection": "time_entries", "update": update})
            changed += 1
        mutate({"vendor": "clockify", "collection": "time_entries", "delete": [third["id"]]})
        first, second, third = self._some("tempo", "worklogs", 3)
        for row in (first, second):
            seconds = row["timeSpentSeconds"] + 900
            update = {str(row["tempoWorklogId"]): {"timeSpentSeconds": seconds, "billableSeconds": seconds}}
            mutate({"vendor": "tempo", "collection": "worklogs", "update": update})
            changed += 1
        mutate({"vendor": "tempo", "collection": "worklogs", "delete": [str(third["tempoWorklogId"])]})
        gone += 2
        (issue,) = self._some("jira", "issues", 1)
        fields = {**issue["fields"], "summary": f"{issue['fields']['summary']} (again)"}
        mutate({"vendor": "jira", "collection": "issues", "update": {issue["id"]: {"fields": fields}}})
        return f"{changed + 1} records corrected, {gone} deleted"

    def enter(self, start: datetime, end: datetime, mutate: Mutate) -> None:
        """Have somebody log an entry in Clockify, like another one but for its time."""
        (row,) = self._some("clockify", "time_entries", 1)
        seconds = int((end - start).total_seconds())
        interval = {"start": _text(start), "end": _text(end), "duration": f"PT{seconds}S"}
        key = f"{int(start.timestamp()):08x}{self._dice.getrandbits(64):016x}"
        new = {**row, "id": key, "description": "Night shift", "timeInterval": interval}
        mutate({"vendor": "clockify", "collection": "time_entries", "insert": [new]})

    def _some(self, vendor: str, collection: str, count: int) -> list[Any]:
        """Choose records that are there, of work that has ended and that nobody has marked."""
        rows = [
            row
            for row in _rows(self._folder / vendor / f"{collection}.jsonl")
            if "_sandbox" not in row and row.get("type", "REGULAR") == "REGULAR" and _ended(row)
        ]
        return self._dice.sample(rows, count)

    def _hold_back(
        self, vendor: str, collection: str, comes: Callable[[Any], str | None], begins: datetime, ends: datetime
    ) -> None:
        path = self._folder / vendor / f"{collection}.jsonl"
        kept = []
        for row in _rows(path):
            text = comes(row)
            moment = parse_time(text) if text else begins
            place = {"vendor": vendor, "collection": collection}
            if collection == "issues" and (updated := parse_time(row["fields"]["updated"])) > max(begins, moment):
                self._news.append((updated, {**place, "update": {row["id"]: {"fields": row["fields"]}}}))
                row = {**row, "fields": {**row["fields"], "updated": row["fields"]["created"]}}
            if begins < moment <= ends:
                self._news.append((moment, {**place, "insert": [row]}))
            else:
                kept.append(orjson.dumps(row))
        write_lines(path, kept)


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _rows(path: Path) -> Iterator[Any]:
    yield from map(orjson.loads, path.read_bytes().splitlines())


def _ended(row: Any) -> bool:
    return bool(row["timeInterval"].get("end")) if "timeInterval" in row else True


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _take_away(path: Path, begins: datetime) -> list[tuple[datetime, bytes]]:
    """Cut a transcript off at the first line that is later than `begins`; return what was cut, line by line."""
    kept: list[bytes] = []
    cut: list[tuple[datetime, bytes]] = []
    latest = begins
    for line in path.read_bytes().splitlines(keepends=True):
        if (found := _TIMESTAMP.search(line)) and (moment := _moment(found[1])):
            latest = max(latest, moment)
        # Lines without a time come with the line before them.
        if latest > begins:
            cut.append((latest, line))
        else:
            kept.append(line)
    if cut:
        path.unlink()
    if cut and kept:
        path.write_bytes(b"".join(kept))
    return cut


def _moment(text: bytes) -> datetime | None:
    try:
        return parse_time(text.decode())
    except ValueError:
        return None


def _grow(transcript: _Transcript, until: datetime) -> int:
    due = [line for moment, line in transcript.parts if moment <= until]
    if due:
        with transcript.path.open("ab") as file:
            file.write(b"".join(due))
        transcript.parts = transcript.parts[len(due) :]
    return len(due)
