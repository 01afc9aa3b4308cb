"""The pages on data of a real agency's size: each at most 1 s for the first view, and 1.5 MB.

    python -m benchmarks.pages [--days 250] [--slowest 10]

25 developers × 12 months as in `benchmarks.warehouse_scale`, built as `workledger run` does, then every page as
`workledger look` answers it: seconds from the request to the HTML on a warm cache, the best of three, CPU seconds of
this process and of the server for one view, which a busy machine distorts less, and bytes served, scripts included.
Then the queries that took longest, as the server measures them. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import psycopg

from benchmarks.cpu import own_seconds, server_seconds
from benchmarks.warehouse_scale import Bench
from dashboards.definitions import Page, pages
from dashboards.filters import read_filters, read_options
from dashboards.reading import Result, read_page
from dashboards.rendering import SCRIPTS, STYLE, render, static_file
from orchestration.warehouse.connection import Warehouse

VIEWS: Final = 3
_BROUGHT: Final = {"runs": lambda: Result(("started_at", "job", "status", "seconds", "run"))}


def main() -> None:
    """Build the warehouse, view the pages and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=250, help="working days of history")
    parser.add_argument("--slowest", type=int, default=10, help="how many of the slowest queries to print")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workledger-benchmark-") as temporary:
        Path(temporary).chmod(0o711)
        bench = Bench(Path(temporary, "bench"), "agency", arguments.days)
        try:
            rows = bench.land_days(0, arguments.days - 1)
            bench.build()
            print(f"{rows:,} raw rows of {arguments.days:,} days")
            measure(bench.warehouse, arguments.slowest)
        finally:
            bench.stop()


def measure(warehouse: Warehouse, slowest: int) -> None:
    """View every page of a warehouse and print seconds, bytes and the slowest queries.

    Args:
        warehouse: a built one.
        slowest: how many queries to print.
    """
    scripts = sum(len(static_file(name).encode()) for name in (*SCRIPTS, STYLE))
    queries: list[tuple[float, str]] = []
    for page in pages().values():
        seconds, cpu, size, errors = _view(warehouse, page)
        print(f"{seconds:8.2f} s {cpu:8.2f} s CPU {(size + scripts) / 1e6:8.2f} MB  {page.name}{errors}", flush=True)
        queries += _milliseconds(warehouse, page)
    for milliseconds, name in sorted(queries, reverse=True)[:slowest]:
        print(f"{milliseconds:8.1f} ms  {name}", flush=True)


def _view(warehouse: Warehouse, page: Page) -> tuple[float, float, int, str]:
    times = []
    used = own_seconds() + server_seconds(warehouse)
    for _ in range(VIEWS):
        began = time.perf_counter()
        content = read_page(warehouse.connect, page, {}, _BROUGHT, every_level=False)
        text = render(content, standalone=False)
        times.append(time.perf_counter() - began)
    errors = "".join(f" {name}: {one.error}" for name, one in content.results.items() if one.error)
    used = own_seconds() + server_seconds(warehouse) - used
    return min(times), used / VIEWS, len(text.encode()), errors


def _milliseconds(warehouse: Warehouse, page: Page) -> list[tuple[float, str]]:
    with warehouse.connect(page.role) as connection:
        parameters = read_filters({}, read_options(connection), page.filters).parameters()
        levels = page.levels()
        return [
            (_explained(connection, query.sql, parameters), f"{page.name}/{name}")
            for name, query in page.queries().items()
            if query.sql and (name not in levels or levels[name].parent is None)
        ]


def _explained(connection: psycopg.Connection[Any], sql: str, parameters: dict[str, Any]) -> float:
    """Time to plan and to execute, without timing every node, which would cost more than the nodes do."""
    cursor = connection.execute(f"explain (analyze, timing off, format json) {sql}".encode(), parameters)
    [[[plan]]] = cursor.fetchall()
    return float(plan["Planning Time"]) + float(plan["Execution Time"])


if __name__ == "__main__":
    main()
