"""50,000 records from a paged API to typed raw tables, compared with the same source yielding dicts to dlt.

Both read the same vendor of the sandbox, page by page, in the same process, into the same server, through the same
destination. Targets: 50,000 records in at most 1.5 s, unchanged at most 10 % of that, 1 % changed at most 15 %. It
prints seconds, CPU seconds, requests and ratios, after the first run as medians of several; nothing is asserted.
Elapsed seconds include the sandbox's own work, which reads its files again after a change; CPU seconds are those of the
loading process and of the database server. Jira's issues come with their changelogs in the project's own way and
without them as dicts.

    python -m benchmarks.paged_api [--vendor tempo] [--vendor clockify] [--vendor jira] [--records 50000]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dlt
import psutil
import pyarrow as pa

import sandbox.vendors.clockify
import sandbox.vendors.jira
import sandbox.vendors.tempo
import sources.clockify.resources
import sources.jira.client
import sources.jira.resources
import sources.jira.schema
import sources.tempo.client
from orchestration.warehouse.embedded import EmbeddedServer
from sources.catalog import SOURCES
from sources.clockify.client import ClockifyApi
from sources.clockify.schema import TIME_ENTRIES
from sources.kit import destination
from sources.kit.http import HttpClient
from sources.kit.table import Table
from sources.tempo.schema import WORKLOGS

WORKSPACE = "64a687e29ae1f428e7ebe303"
PEOPLE = 25
RUNS = 5


@dataclass(frozen=True)
class Case:
    """A vendor to read: how its dataset is written, its source's settings, and a plain walk through it."""

    table: Table
    collection: str
    page_size: int
    path: str
    """Name of the vendor within the sandbox."""
    settings: Mapping[str, str]
    write: Callable[[Path, int], list[str]]
    """Writes the vendor's folder with that many records; returns their keys."""
    pages: Callable[[str], Iterator[list[dict[str, Any]]]]
    """Yields the pages of records as the vendor answers, from the vendor's address."""
    edited: Callable[[str, str], dict[str, Any]]
    """Returns what an edit changes in the record of a key; the text says which edit."""
    wake: Callable[[str], object]
    """Makes the sandbox read its files again after an edit, from the vendor's address."""


@dataclass(frozen=True)
class Measured:
    """What one run took: elapsed seconds, CPU seconds of client and database server, requests."""

    wall: float
    processor: float
    requests: int

    @classmethod
    def median(cls, runs: list[Measured]) -> Measured:
        """Median of runs of one kind."""
        return cls(
            statistics.median(run.wall for run in runs),
            statistics.median(run.processor for run in runs),
            round(statistics.median(run.requests for run in runs)),
        )

    def __str__(self) -> str:
        """Cells of the printed table."""
        return f"{self.wall:.2f} s (CPU {self.processor:.2f} s), {self.requests} requests"


def _write_lines(file: Path, records: Iterator[Mapping[str, Any]] | list[dict[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lines:
        lines.writelines(json.dumps(record) + "\n" for record in records)


def write_clockify(folder: Path, records: int) -> list[str]:
    """Write a workspace of `records` entries of 25 members; their ids."""
    now = datetime.now(UTC).replace(microsecond=0)
    _write_lines(folder / "workspaces.jsonl", [{"id": WORKSPACE, "name": "Agency"}])
    users = [
        {"id": f"user{i:02}", "email": f"user{i:02}@example.com", "name": f"User {i}", "status": "ACTIVE"}
        for i in range(PEOPLE)
    ]
    _write_lines(folder / "users.jsonl", users)
    starts = [now - timedelta(minutes=600 + number * 10) for number in range(records)]
    ids = [f"{int(start.timestamp()):08x}{number:016x}" for number, start in enumerate(starts)]

    def entries() -> Iterator[dict[str, Any]]:
        for number, start in enumerate(starts):
            yield {
                "billable": True, "customFieldValues": [], "description": f"Work on ticket CON-{number % 900}",
                "id": ids[number], "isLocked": False, "kioskId": None, "projectId": f"p{number % 40}",
                "tagIds": ["t1", "t2"] if number % 3 else None, "taskId": None,
                "timeInterval": {
                    "start": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "end": (start + timedelta(minutes=50)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "duration": "PT50M",
                },
                "type": "REGULAR", "userId": f"user{number % PEOPLE:02}", "workspaceId": WORKSPACE,
            }  # fmt: skip

    _write_lines(folder / "time_entries.jsonl", entries())
    return ids


def clockify_api(base_url: str) -> ClockifyApi:
    """The sandbox's Clockify."""
    client = HttpClient(base_url, {"X-Api-Key": sandbox.vendors.clockify.API_KEY}, source="clockify")
    return ClockifyApi(client, page_size=sources.clockify.resources.PAGE_SIZE)


def wake_clockify(base_url: str) -> None:
    """Request what the sandbox derives from all entries: lists, feeds, running timers."""
    api, now = clockify_api(base_url), datetime.now(UTC)
    next(api.entries(WORKSPACE, "user00"))
    for feed in ("created", "updated", "deleted"):
        api.feed(WORKSPACE, feed, now, now + timedelta(seconds=1))
    api.running(WORKSPACE)


def clockify_pages(base_url: str) -> Iterator[list[dict[str, Any]]]:
    """Every member's entries."""
    api = clockify_api(base_url)
    for user in api.users(WORKSPACE):
        yield from api.entries(WORKSPACE, user["id"])


def write_tempo(folder: Path, records: int) -> list[str]:
    """Write `records` worklogs of 25 people; their ids."""
    now = datetime.now(UTC).replace(microsecond=0)

    def worklogs() -> Iterator[dict[str, Any]]:
        for number in range(1, records + 1):
            start = now - timedelta(minutes=600 + number * 10)
            moment = start.strftime("%Y-%m-%dT%H:%M:%SZ")
            address = f"https://api.tempo.io/4/worklogs/{number}"
            person = f"712020:{number % PEOPLE:04}"
            yield {
                "self": address, "tempoWorklogId": number,
                "issue": {"self": f"https://site.example/rest/api/2/issue/{number % 900}", "id": 10_000 + number % 900},
                "timeSpentSeconds": 3000, "billableSeconds": 3000 if number % 3 else 1800,
                "startDate": start.strftime("%Y-%m-%d"), "startTime": start.strftime("%H:%M:%S"),
                "startDateTimeUtc": moment, "description": f"Work on ticket CON-{number % 900}",
                "createdAt": moment, "updatedAt": moment,
                "author": {"self": f"https://site.example/rest/api/2/user?accountId={person}", "accountId": person},
                "attributes": {
                    "self": f"{address}/work-attribute-values",
                    "values": [{"key": "_Account_", "value": f"ACC-{number % 9}"}],
                },
            }  # fmt: skip

    _write_lines(folder / "worklogs.jsonl", worklogs())
    return [str(number) for number in range(1, records + 1)]


def tempo_pages(base_url: str) -> Iterator[list[dict[str, Any]]]:
    """All worklogs, along `next`."""
    client = sources.tempo.client.connect(base_url, sandbox.vendors.tempo.TOKEN)
    url, params = "4/worklogs", {"orderBy": "UPDATED", "limit": sources.tempo.client.PAGE_SIZE}
    while url:
        answer = client.get(url, params).json()
        yield answer["results"]
        url, params = answer["metadata"].get("next"), {}


def jira_issue(number: int, updated: datetime, summary: str) -> dict[str, Any]:
    """An issue as Jira Cloud returns it."""
    moment = updated.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    person = {"accountId": f"712020:{number % PEOPLE}", "displayName": f"Person {number % PEOPLE}"}
    text = {"type": "paragraph", "content": [{"type": "text", "text": f"What is wanted in issue {number}."}]}
    fields = {
        "summary": summary, "description": {"type": "doc", "version": 1, "content": [text]},
        "status": {"id": "3", "name": "In Progress", "statusCategory": {"id": 4, "key": "indeterminate"}},
        "issuetype": {"id": "10002", "name": "Task", "subtask": False},
        "project": {"id": "10", "key": "CON", "name": "Console"}, "priority": {"id": "3", "name": "Medium"},
        "assignee": person, "reporter": person, "creator": person, "labels": ["desk"], "created": moment,
        "updated": moment, "resolution": None, "resolutiondate": None, "customfield_10016": 3.0,
    }  # fmt: skip
    return {"id": str(100_000 + number), "key": f"CON-{number}", "fields": fields}


def write_jira(folder: Path, records: int) -> list[str]:
    """Write a project of `records` issues, each with a step of its history; the issues' ids."""
    now = datetime.now(UTC).replace(microsecond=0)
    moments = [now - timedelta(minutes=600 + number * 10) for number in range(records)]
    kind = "com.pyxis.greenhopper.jira:jsw-story-points"
    points = {"id": "customfield_10016", "name": "Story point estimate", "custom": True, "schema": {"custom": kind}}
    people = [
        {"accountId": f"712020:{number}", "accountType": "atlassian", "displayName": f"Person {number}", "active": True}
        for number in range(PEOPLE)
    ]
    people[0]["emailAddress"] = "sandbox@example.com"
    _write_lines(folder / "fields.jsonl", [points, {"id": "summary", "name": "Summary", "schema": {"type": "string"}}])
    _write_lines(folder / "projects.jsonl", [{"id": "10", "key": "CON", "name": "Console", "style": "classic"}])
    _write_lines(folder / "users.jsonl", people)
    _write_lines(
        folder / "issues.jsonl",
        (jira_issue(number, moment, f"Issue {number}") for number, moment in enumerate(moments)),
    )
    item = {"field": "status", "fieldId": "status", "from": "1", "fromString": "To Do", "to": "3", "toString": "Doing"}
    _write_lines(
        folder / "changelogs.jsonl",
        (
            {
                "id": str(number), "issueId": str(100_000 + number), "items": [item], "author": people[1],
                "created": moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
            }
            for number, moment in enumerate(moments)
        ),
    )  # fmt: skip
    return [str(100_000 + number) for number in range(records)]


def jira_pages(base_url: str) -> Iterator[list[dict[str, Any]]]:
    """All issues, without their history."""
    token = sandbox.vendors.jira.TOKEN
    reader = sources.jira.client.connect(base_url, "sandbox@example.com", token, "cloud")
    yield from reader.search(
        "updated >= 0 order by updated asc, key asc", (*sources.jira.resources.BASE_FIELDS, "customfield_10016")
    )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


CASES = {
    "tempo": Case(
        WORKLOGS,
        "worklogs",
        sources.tempo.client.PAGE_SIZE,
        "tempo",
        {"api_token": sandbox.vendors.tempo.TOKEN},
        write_tempo,
        tempo_pages,
        lambda _, text: {"description": text, "updatedAt": _now()},
        lambda base_url: next(tempo_pages(base_url)),
    ),
    "clockify": Case(
        TIME_ENTRIES,
        "time_entries",
        sources.clockify.resources.PAGE_SIZE,
        "clockify/api/v1",
        {"api_key": sandbox.vendors.clockify.API_KEY},
        write_clockify,
        clockify_pages,
        lambda _, text: {"description": text},
        wake_clockify,
    ),
    "jira": Case(
        sources.jira.schema.tables_for("cloud")["issues"],
        "issues",
        sources.jira.client.ISSUE_PAGE,
        "jira",
        {"email": "sandbox@example.com", "api_token": sandbox.vendors.jira.TOKEN},
        write_jira,
        jira_pages,
        lambda key, text: {"fields": jira_issue(int(key) - 100_000, datetime.now(UTC), text)["fields"]},
        lambda base_url: next(jira_pages(base_url)),
    ),
}


def dicts(case: Case, base_url: str) -> Any:
    """The same walk in dlt's plain way: every page as a list of dicts, merged by key."""

    @dlt.source(name="dicts", max_table_nesting=0)
    def plain() -> Any:
        @dlt.resource(
            name=case.table.name,
            primary_key=next(column.path or column.name for column in case.table.columns if column.name == "id"),
            write_disposition={"disposition": "merge", "strategy": "upsert"},
        )
        def records() -> Iterator[Any]:
            yield from case.pages(base_url)

        return records

    return plain()


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vendor", action="append", choices=list(CASES))
    parser.add_argument("--records", type=int, default=50_000)
    arguments = parser.parse_args()
    dlt.config["runtime.dlthub_telemetry"] = False
    dlt.config["runtime.log_level"] = "ERROR"
    logging.getLogger("dlt").setLevel(logging.ERROR)
    for vendor in arguments.vendor or CASES:
        with tempfile.TemporaryDirectory(prefix="workledger-benchmark-") as name:
            _run(vendor, Path(name), arguments.records)
    print(f"memory peak of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")


def _run(vendor: str, folder: Path, records: int) -> None:
    folder.chmod(0o755)
    keys = CASES[vendor].write(folder / "dataset" / vendor, records)
    server = EmbeddedServer(folder / "postgres")
    command = [sys.executable, "-m", "sandbox", "serve", str(folder / "dataset"), "--ready-file", f"{folder}/ready"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as served:
        try:
            while not (folder / "ready").exists():
                time.sleep(0.05)
            url = json.loads((folder / "ready").read_text())["url"]
            _measure(vendor, url, server, folder, keys)
        finally:
            served.terminate()
            server.stop()


def _measure(vendor: str, url: str, server: EmbeddedServer, folder: Path, keys: list[str]) -> None:
    case = CASES[vendor]
    base_url = f"{url}/{case.path}"
    for name, value in case.settings.items():
        dlt.secrets[f"sources.{vendor}.{name}"] = value
    dlt.config[f"sources.{vendor}.base_url"] = base_url
    warehouse = server.open("benchmark", query_timeout_seconds=60)

    def pipeline(name: str) -> Any:
        return destination.pipeline(name, warehouse.dsn("loader"), f"raw_{name}", folder / "pipelines")

    def timed(name: str, source: Any) -> Measured:
        requests = len(_ask(f"{url}/_sandbox/requests"))
        processor, wall = _processor_seconds(folder), time.perf_counter()
        pipeline(name).run(source)
        wall = time.perf_counter() - wall
        return Measured(wall, _processor_seconds(folder) - processor, len(_ask(f"{url}/_sandbox/requests")) - requests)

    def edit(number: int) -> None:
        # The same rows every time: the change feeds repeat the last minutes' edits.
        update = {key: case.edited(key, f"edited {number}") for key in keys[::100]}
        _ask(f"{url}/_sandbox/mutate", {"vendor": vendor, "collection": case.collection, "update": update})
        # The sandbox reads its files again on the next request, which is not part of what is measured.
        case.wake(base_url)

    # The sandbox reads its files at the first request, and the first pipeline imports.
    next(case.pages(base_url))
    pipeline("warm").run([{"id": 1}], table_name="dicts")
    pipeline("warm").run(pa.table({"id": pa.array([1])}), table_name="arrow")
    ours = {"first run": timed(vendor, SOURCES[vendor].build())}
    theirs = {"first run": timed("dicts", dicts(case, base_url))}
    ours["unchanged"] = Measured.median([timed(vendor, SOURCES[vendor].build()) for _ in range(RUNS)])
    theirs["unchanged"] = timed("dicts", dicts(case, base_url))
    # The very first change creates the staging table.
    edit(0)
    ours["first change"] = timed(vendor, SOURCES[vendor].build())
    changed = []
    for number in range(1, RUNS + 1):
        edit(number)
        changed.append(timed(vendor, SOURCES[vendor].build()))
    ours["1 % changed"] = Measured.median(changed)
    theirs["1 % changed"] = timed("dicts", dicts(case, base_url))
    with warehouse.connect("loader") as connection:
        text = "summary" if vendor == "jira" else "description"
        query = f"select count(*), count(*) filter (where {text} like 'edited%') from {{}}.{{}}"
        landed = connection.execute(query.format(f"raw_{vendor}", case.table.name)).fetchone()
    assert landed is not None
    print(
        f"{len(keys):,} records of {vendor}.{case.table.name}, {case.page_size:,} a page; landed {landed[0]:,}, "
        f"of which edited {landed[1]:,}"
    )
    print(f"{'':14}{'typed Arrow':>42}{'dicts':>42}{'ratio':>20}")
    for step, measured in ours.items():
        other = theirs.get(step)
        ratio = f"{measured.wall / other.wall:.0%} (CPU {measured.processor / other.processor:.0%})" if other else ""
        print(f"{step:14}{measured!s:>42}{other or ''!s:>42}{ratio:>20}")
    first = ours["first run"]
    for step in list(ours)[1:]:
        print(
            f"{step} as a share of the first run: {ours[step].wall / first.wall:.0%} "
            f"(CPU {ours[step].processor / first.processor:.0%})"
        )


def _processor_seconds(folder: Path) -> float:
    """CPU time of this process and of the database server so far, which a busy machine does not distort."""
    used = time.process_time()
    postmaster = psutil.Process(int((folder / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0]))
    for process in (postmaster, *postmaster.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            used += times.user + times.system + times.children_user + times.children_system
    return used


def _ask(url: str, payload: Any = None) -> Any:
    data = None if payload is None else json.dumps(payload).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=data)) as answer:  # noqa: S310 - our own sandbox
        return json.loads(answer.read() or b"null")


if __name__ == "__main__":
    main()
