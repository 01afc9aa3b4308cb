"""50,000 records from a paged API to typed raw tables: the project's way beside the same source yielding dicts to dlt.

Both read the same Clockify of the sandbox, page by page, in the same process, into the same server. Yardsticks and
targets: design, Performance. Printed are seconds, requests and ratios; nothing is asserted.

    python -m benchmarks.paged_api [--records 50000]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dlt
import psutil
import pyarrow as pa

from orchestration.postgres import EmbeddedServer
from sandbox.vendors.clockify import API_KEY
from sources.catalog import SOURCES
from sources.clockify import PAGE_SIZE
from sources.clockify.api import ClockifyApi
from sources.clockify.schema import TIME_ENTRIES
from sources.http import HttpClient

WORKSPACE = "64a687e29ae1f428e7ebe303"
USERS = 25


@dataclass(frozen=True)
class Measured:
    """What one run took: seconds by the clock, CPU seconds of client and database server, requests."""

    wall: float
    processor: float
    requests: int

    def __str__(self) -> str:
        """For the table."""
        return f"{self.wall:.2f} s (CPU {self.processor:.2f} s), {self.requests} requests"


def write_dataset(folder: Path, records: int) -> list[str]:
    """Write a workspace of `records` entries of 25 members; their ids."""
    now = datetime.now(UTC).replace(microsecond=0)
    path = folder / "clockify"
    path.mkdir(parents=True)
    (path / "workspaces.jsonl").write_text(json.dumps({"id": WORKSPACE, "name": "Agency"}) + "\n")
    users = [
        {"id": f"user{i:02}", "email": f"user{i:02}@example.com", "name": f"User {i}", "status": "ACTIVE"}
        for i in range(USERS)
    ]
    (path / "users.jsonl").write_text("".join(json.dumps(user) + "\n" for user in users))
    ids = []
    with (path / "time_entries.jsonl").open("w") as file:
        for number in range(records):
            start = now - timedelta(minutes=600 + number * 10)
            ids.append(f"{int(start.timestamp()):08x}{number:016x}")
            entry = {
                "billable": True, "customFieldValues": [], "description": f"Work on ticket CON-{number % 900}",
                "id": ids[-1], "isLocked": False, "kioskId": None, "projectId": f"p{number % 40}",
                "tagIds": ["t1", "t2"] if number % 3 else None, "taskId": None,
                "timeInterval": {
                    "start": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "end": (start + timedelta(minutes=50)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "duration": "PT50M",
                },
                "type": "REGULAR", "userId": f"user{number % USERS:02}", "workspaceId": WORKSPACE,
            }  # fmt: skip
            file.write(json.dumps(entry) + "\n")
    return ids


def dicts(base_url: str) -> Any:
    """The same walk in dlt's plain way: every page as a list of dicts, merged by key."""
    client = HttpClient(base_url, {"X-Api-Key": API_KEY}, source="clockify")
    api = ClockifyApi(client, page_size=PAGE_SIZE)
    columns = TIME_ENTRIES.dlt_columns()

    @dlt.source(name="clockify_dicts", max_table_nesting=0)
    def clockify_dicts() -> Any:
        @dlt.resource(
            name="time_entries",
            primary_key="id",
            columns={name: columns[name] for name in ("id", "user_id", "project_id", "task_id", "tag_ids")}
            | {"kiosk_id": {"name": "kiosk_id", "data_type": "text"}},
            write_disposition={"disposition": "merge", "strategy": "upsert"},
        )
        def time_entries() -> Iterator[Any]:
            for user in api.users(WORKSPACE):
                yield from api.entries(WORKSPACE, user["id"])

        return time_entries

    return clockify_dicts()


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=50_000)
    arguments = parser.parse_args()
    dlt.config["runtime.dlthub_telemetry"] = False
    dlt.config["runtime.log_level"] = "ERROR"
    with tempfile.TemporaryDirectory(prefix="workledger-benchmark-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        ids = write_dataset(folder / "dataset", arguments.records)
        server = EmbeddedServer(folder / "postgres")
        command = [sys.executable, "-m", "sandbox", "serve", str(folder / "dataset"), "--ready-file", f"{folder}/ready"]
        with subprocess.Popen(command) as sandbox:
            try:
                while not (folder / "ready").exists():
                    time.sleep(0.05)
                url = json.loads((folder / "ready").read_text())["url"]
                _measure(url, server, folder, ids)
            finally:
                sandbox.terminate()
                server.stop()


def _measure(url: str, server: EmbeddedServer, folder: Path, ids: list[str]) -> None:
    base_url = f"{url}/clockify/api/v1"
    dlt.secrets["sources.clockify.api_key"] = API_KEY
    dlt.config["sources.clockify.base_url"] = base_url
    warehouse = server.open("benchmark", query_timeout_seconds=60)

    def pipeline(name: str) -> Any:
        return dlt.pipeline(
            name,
            destination=dlt.destinations.postgres(warehouse.dsn("loader")),
            dataset_name=f"raw_{name}",
            pipelines_dir=str(folder / "pipelines"),
        )

    def timed(name: str, source: Any) -> Measured:
        requests = len(_ask(f"{url}/_sandbox/requests"))
        processor, wall = _processor_seconds(folder), time.perf_counter()
        pipeline(name).run(source)
        wall = time.perf_counter() - wall
        return Measured(wall, _processor_seconds(folder) - processor, len(_ask(f"{url}/_sandbox/requests")) - requests)

    # The sandbox reads its files at the first request, and the first pipeline imports: neither is the API's or ours.
    _ask(f"{base_url}/workspaces/{WORKSPACE}/user/user00/time-entries")
    pipeline("warm").run([{"id": 1}], table_name="dicts")
    pipeline("warm").run(pa.table({"id": pa.array([1])}), table_name="arrow")
    ours = {"first run": timed("clockify", SOURCES["clockify"].build())}
    ours["unchanged"] = timed("clockify", SOURCES["clockify"].build())
    changed = {entry_id: {"description": "edited"} for entry_id in ids[::100]}
    theirs = {"first run": timed("clockify_dicts", dicts(base_url))}
    theirs["unchanged"] = timed("clockify_dicts", dicts(base_url))
    _ask(f"{url}/_sandbox/mutate", {"vendor": "clockify", "collection": "time_entries", "update": changed})
    ours["1 % changed"] = timed("clockify", SOURCES["clockify"].build())
    theirs["1 % changed"] = timed("clockify_dicts", dicts(base_url))
    with warehouse.connect("loader") as connection:
        edited = connection.execute(
            "select count(*), count(*) filter (where description = 'edited') from raw_clockify.time_entries"
        ).fetchone()
    print(f"{len(ids):,} time entries, {PAGE_SIZE:,} a page; landed {edited[0]:,}, of which edited {edited[1]:,}")
    print(f"{'':14}{'typed Arrow':>42}{'dicts':>42}{'ratio':>20}")
    for step, measured in ours.items():
        other = theirs[step]
        print(
            f"{step:14}{measured!s:>42}{other!s:>42}"
            f"{f'{measured.wall / other.wall:.0%} (CPU {measured.processor / other.processor:.0%})':>20}"
        )
    first = ours["first run"]
    for step in ("unchanged", "1 % changed"):
        print(
            f"{step} as a share of the first run: {ours[step].wall / first.wall:.0%} "
            f"(CPU {ours[step].processor / first.processor:.0%})"
        )
    print(f"memory peak of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")


def _processor_seconds(folder: Path) -> float:
    """CPU time of this process and of the database server so far: what a busy machine does not distort."""
    used = time.process_time()
    postmaster = psutil.Process(int((folder / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0]))
    for process in (postmaster, *postmaster.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            used += times.user + times.system + times.children_user + times.children_system
    return used


def _ask(url: str, payload: Any = None) -> Any:
    data = None if payload is None else json.dumps(payload).encode()
    request = urllib.request.Request(url, data, {"X-Api-Key": API_KEY})  # noqa: S310 - the sandbox's own address
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return json.load(answer)


if __name__ == "__main__":
    main()
