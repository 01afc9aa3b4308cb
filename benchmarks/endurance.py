"""What readers notice of builds: an analyst polls all marts and reports while builds run, are interrupted and repeated.

    python -m benchmarks.endurance [--rounds 100] [--days 20]     (make endurance)

The agency of `benchmarks.warehouse_scale`. Each round changes raw rows, then builds everything, builds one mart by
name, interrupts a build or kills its process. Meanwhile a reader reads every relation and compares tables that belong
together, each time within one snapshot. At the end every mart is compared with a build of everything.
Nothing is asserted.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from benchmarks.warehouse_scale import Bench
from orchestration.warehouse.connection import Warehouse

# Rows of tables that belong together and do not agree.
RECONCILIATIONS: Final = {
    "prefills that are not the sum of their lines": "select count(*) from marts.invoice_prefills as prefills"
    " full join (select prefill_id, sum(line_total) as total from marts.invoice_prefill_lines group by prefill_id)"
    " as lines on prefills.id = lines.prefill_id where prefills.subtotal is distinct from coalesce(lines.total, 0)",
    "lines that are not the sum of their entries": "select count(*) from marts.invoice_prefill_lines as lines full join"
    " (select line_id, sum(raw_seconds) as seconds from marts.invoice_prefill_line_entries group by line_id)"
    " as entries on lines.id = entries.line_id where lines.raw_seconds is distinct from coalesce(entries.seconds, 0)",
    "entries neither billed nor unbilled": "with parts as (select time_entry_id, raw_seconds as seconds"
    " from marts.invoice_prefill_line_entries union all select time_entry_id, seconds from marts.unbilled),"
    " sums as (select time_entry_id, sum(seconds) as seconds from parts group by time_entry_id)"
    " select count(*) from (select * from marts.time_entries where is_counted) as entries"
    " full join sums on entries.id = sums.time_entry_id"
    " where entries.allocated_seconds is distinct from sums.seconds",
    "periods that are not their allocations": "select count(*) from marts.contract_periods as periods full join"
    " (select contract_period_id, sum(seconds) as seconds from marts.contract_allocations group by contract_period_id)"
    " as parts on periods.id = parts.contract_period_id"
    " where periods.id is null or abs(periods.used_hours * 3600 - coalesce(parts.seconds, 0)) > 20",
    "margins that are not their prefills": "with accrued as (select coalesce(sum(subtotal), 0) as amount"
    " from marts.invoice_prefills), margins as (select sum(accrued + accrued_later) as amount from marts.client_margin)"
    " select count(*) from accrued, margins where accrued.amount <> margins.amount",
    "sessions that are not their messages": "select count(*) from marts.claude_sessions as sessions full join"
    " (select session_id, count(*) as requests from marts.session_messages group by session_id) as messages"
    " on sessions.id = messages.session_id"
    " where sessions.id is null or sessions.api_requests <> coalesce(messages.requests, 0)",
    "sessions that are not their half hours": "select count(*) from marts.claude_sessions as sessions full join"
    " (select session_id, sum(active_seconds) as seconds from marts.session_activity group by session_id) as halves"
    " on sessions.id = halves.session_id"
    " where sessions.id is null or sessions.duration_seconds <> coalesce(halves.seconds, 0)",
    "days that are not their entries": "select count(*) from"
    " (select sum(counted_seconds) as seconds from marts.daily_overlay) as days,"
    " (select sum(allocated_seconds) as seconds from marts.time_entries where is_counted) as entries"
    " where days.seconds <> entries.seconds",
}


class Reader:
    """An analyst who reads all marts and reports, over and over, each time within one snapshot."""

    def __init__(self, warehouse: Warehouse) -> None:
        """Take the relations that are there now; reading begins with the block."""
        self._warehouse = warehouse
        with warehouse.connect("analyst") as connection:
            self._relations = connection.execute(
                "select nspname, relname from pg_class inner join pg_namespace on pg_namespace.oid = relnamespace"
                " where nspname in ('marts', 'reports') and relkind in ('r', 'v') order by 1, 2"
            ).fetchall()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._read, name="reader", daemon=True)
        self.rounds = 0
        self.longest_seconds = 0.0
        self.errors: Counter[str] = Counter()
        self.disagreements: Counter[str] = Counter()

    def __enter__(self) -> Reader:
        """Begin to read."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Finish the round."""
        self._ends.set()
        self._thread.join()

    def _read(self) -> None:
        with self._warehouse.connect("analyst", autocommit=False) as connection:
            while not self._ends.is_set():
                try:
                    connection.execute("set transaction isolation level repeatable read")
                    for schema, name in self._relations:
                        # No row is needed to need every relation below and its lock.
                        self._query(
                            connection, sql.SQL("select from {} where false").format(sql.Identifier(schema, name))
                        )
                    for name, query in RECONCILIATIONS.items():
                        if self._query(connection, sql.SQL(query)):
                            self.disagreements[name] += 1
                except psycopg.Error as error:
                    self.errors[str(error).splitlines()[0]] += 1
                connection.rollback()
                self.rounds += 1

    def _query(self, connection: psycopg.Connection[Any], query: sql.SQL | sql.Composed) -> int:
        began = time.monotonic()
        cursor = connection.execute(query)
        row = cursor.fetchone()
        self.longest_seconds = max(self.longest_seconds, time.monotonic() - began)
        return int(row[0]) if row else 0


def main() -> None:
    """Run the rounds and print what the reader met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100, help="builds, interrupts and kills")
    parser.add_argument("--days", type=int, default=20, help="working days of history at the start")
    parser.add_argument("--seed", type=int, default=1, help="of what happens in which round")
    arguments = parser.parse_args()
    dice = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory(prefix="workledger-endurance-") as temporary:
        Path(temporary).chmod(0o711)
        bench = Bench(Path(temporary, "bench"), "agency", arguments.days)
        try:
            bench.land_days(0, arguments.days - 1)
            bench.build()
            with Reader(bench.warehouse) as reader:
                kinds = _rounds(bench, dice, arguments.rounds, arguments.days)
                bench.build()
            size = _size(bench.warehouse)
            left = _contents(bench.warehouse)
            with bench.warehouse.connect("transformer") as connection:
                connection.execute("truncate registry.built_nodes")
            bench.build()
            differing = [name for name, content in _contents(bench.warehouse).items() if left[name] != content]
        finally:
            bench.stop()
    print(", ".join(f"{count} × {kind}" for kind, count in kinds.items()))
    print(f"{reader.rounds:,} rounds of the reader; longest wait for one relation {reader.longest_seconds:.2f} s")
    print("errors:", dict(reader.errors) or "none")
    print("rounds in which tables did not agree:", dict(reader.disagreements) or "none")
    print("marts that differ from a build of everything:", differing or "none")
    print(f"marts and steps are {size[0]:,} MB with {size[1]:,} dead of {size[2]:,} rows")


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _rounds(bench: Bench, dice: random.Random, rounds: int, days: int) -> Counter[str]:
    kinds: Counter[str] = Counter()
    for number in range(rounds):
        if dice.random() < 0.5:
            bench.land_days(days, days)
            days += 1
        else:
            with bench.warehouse.connect("loader") as connection:
                connection.execute(
                    "update raw_clockify.time_entries set description = %s, duration = 'PT1H'"
                    " where id in (select id from raw_clockify.time_entries order by md5(id || %s) limit 20)",
                    (f"changed in round {number}", str(number)),
                )
        # As many kills as all others together.
        kind = dice.choice(["build", "build by name", "interrupt", "kill", "kill", "kill"])
        kinds[kind] += 1
        if kind == "build":
            bench.build()
        elif kind == "kill":
            bench.kill(dice.randint(1, 250), dice.random())
        elif kind == "build by name":
            bench.build("--select", dice.choice(["time_entries", "invoice_prefills", "claude_sessions", "clients"]))
        else:
            bench.interrupt(dice.randint(1, 60))
    return kinds


def _contents(warehouse: Warehouse) -> dict[str, str]:
    contents = {}
    with warehouse.connect("owner") as connection:
        names = connection.execute("select tablename from pg_tables where schemaname = 'marts' order by 1").fetchall()
        for (name,) in names:
            query = "select coalesce(md5(string_agg(row::text, '|' order by row::text)), '') from {} as row"
            row = connection.execute(sql.SQL(query).format(sql.Identifier("marts", name))).fetchone()
            contents[str(name)] = str(row and row[0])
    return contents


def _size(warehouse: Warehouse) -> tuple[int, int, int]:
    with warehouse.connect("owner") as connection:
        row = connection.execute(
            "select sum(pg_total_relation_size(relid)) / 1000000, sum(n_dead_tup), sum(n_live_tup)"
            " from pg_stat_user_tables where schemaname in ('marts', 'private', 'building', 'intermediate')"
        ).fetchone()
    return tuple(map(int, row)) if row else (0, 0, 0)  # type: ignore[return-value]


if __name__ == "__main__":
    main()
