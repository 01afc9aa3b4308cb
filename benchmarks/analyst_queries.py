"""Queries of the analyst guide on data of a real agency's size, each at most 50 ms.

    python -m benchmarks.analyst_queries [--days 250] [--slowest 10] [--reports]

25 developers × 12 months as in `benchmarks.warehouse_scale`, built as `workledger run` does, then every query of
`docs/analyst_guide.md` as role `analyst`: the best of five executions on a warm cache, as the server measures them.
`--reports` also reads every view of `reports` in full, which no analyst would do. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from benchmarks.warehouse_scale import Bench

GUIDE: Final = Path(__file__).resolve().parents[1] / "docs" / "analyst_guide.md"
LIMIT_MILLISECONDS: Final = 50
EXECUTIONS: Final = 5
# Every width of a day at once: the guide says to filter by one.
_NEVER_WHOLE: Final = "session_activity_buckets"


def main() -> None:
    """Build the warehouse, run the queries and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=250, help="working days of history")
    parser.add_argument("--slowest", type=int, default=10, help="how many of the slowest queries to print")
    parser.add_argument("--reports", action="store_true", help="read every report whole, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workledger-benchmark-") as temporary:
        Path(temporary).chmod(0o711)
        bench = Bench(Path(temporary, "bench"), "agency", arguments.days)
        try:
            rows = bench.land_days(0, arguments.days - 1)
            bench.build()
            print(f"{rows:,} raw rows of {arguments.days:,} days")
            with bench.warehouse.connect("analyst") as connection:
                queries = re.findall(r"^### (.+?)$.*?^```sql\n(.+?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
                _print("queries of the guide", queries, connection, arguments.slowest)
                if arguments.reports:
                    _print("reports read whole", _whole_reports(connection), connection, arguments.slowest)
        finally:
            bench.stop()


def _whole_reports(connection: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    views = connection.execute("select viewname from pg_views where schemaname = 'reports' order by 1").fetchall()
    return [
        (name, sql.SQL("select * from {}").format(sql.Identifier("reports", name)).as_string(connection))
        for (name,) in views
        if name != _NEVER_WHOLE
    ]


def _print(title: str, queries: list[tuple[str, str]], connection: psycopg.Connection[Any], slowest: int) -> None:
    took = sorted(((_milliseconds(connection, query), name) for name, query in queries), reverse=True)
    above = sum(milliseconds > LIMIT_MILLISECONDS for milliseconds, _ in took)
    print(f"{len(took)} {title}: {above} above {LIMIT_MILLISECONDS} ms, median {took[len(took) // 2][0]:.1f} ms")
    for milliseconds, name in took[:slowest]:
        print(f"{milliseconds:8.1f} ms  {name}", flush=True)


def _milliseconds(connection: psycopg.Connection[Any], query: str) -> float:
    """Time to plan and to execute, without timing every node, which would cost more than the nodes do."""
    times = []
    for _ in range(EXECUTIONS):
        [[[plan]]] = connection.execute(f"explain (analyze, timing off, format json) {query}").fetchall()
        times.append(float(plan["Planning Time"]) + float(plan["Execution Time"]))
    return min(times)


if __name__ == "__main__":
    main()
