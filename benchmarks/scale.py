"""What 25, 1,000 and 10,000 developers take, from unit costs measured here: rows, bytes, landing, builds, queries.

    python -m benchmarks.scale [--days 250] [--mebibytes 24]

Two agencies of `benchmarks.warehouse_scale`, one with a tenth of the days, are built, each again with one day more, and
the larger with five days more: costs of a build are what is fixed, what comes with each day of history, and what comes
with each new day. Then its marts are published to an embedded ClickHouse, one aggregate over all answers
is asked of both engines, and made-up transcripts are landed. The table follows from these costs and from the
assumptions that it prints. CPU seconds, which a busy machine distorts less than the clock; nothing is asserted.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assets.keys import node_group
from benchmarks import transcripts
from benchmarks.cpu import own_seconds, server_seconds
from benchmarks.warehouse_scale import (
    ANSWERS_A_SESSION,
    DEVELOPERS,
    ENTRIES_A_DAY,
    SESSIONS_A_DAY,
    WORKLOGS_A_DAY,
    Bench,
    Measured,
)
from orchestration.graph.clickhouse_marts import published_relations
from orchestration.settings import Settings
from orchestration.warehouse.clickhouse import open_published, postgres_of
from orchestration.warehouse.dbt import prepare_manifest
from orchestration.warehouse.state import BuildState
from publishing.catalogue import Catalogue
from publishing.publisher import Publisher
from publishing.statements import Statements

SIZES: Final = (25, 1_000, 10_000)
DAYS_A_YEAR: Final = 250
# What a developer who works with an assistant all day leaves behind, and how many answers are in it. Source: issue 15,
# from real transcripts.
MEGABYTES_A_DAY: Final = 24
ANSWERS_A_MEGABYTE: Final = 41
# Builds and queries that people wait for, a disk, and one core all day.
LONGEST_BUILD: Final = 60.0
LONGEST_QUERY: Final = 5.0
LARGEST_DISK: Final = 10**12
LONGEST_LANDING: Final = 86_400.0
_AGGREGATE: Final = (
    "select model, count(*), sum(output_tokens), sum(cost_usd) from marts.session_messages"
    " where answered_at is not null group by model"
)
_REPETITIONS: Final = 5


@dataclass(frozen=True)
class Rate:
    """A cost of answers and of everything else, each for one answer and for one developer's day."""

    answer: float
    day: float

    def of(self, answers: float, days: float) -> float:
        """The cost of so many answers and days of developers."""
        return self.answer * answers + self.day * days


@dataclass(frozen=True)
class Costs:
    """Unit costs: CPU seconds and bytes."""

    fixed: float
    """Of a build, whatever there is."""
    history: Rate
    """Of a build, for what is there already."""
    new: Rate
    """Of a build, for what is new."""
    first: Rate
    """Of a first build, for everything."""
    stored: Rate
    """Bytes of Postgres, raw and built, with indexes."""
    published: float
    """Of publishing, a row."""
    rows: Rate
    """Rows that are published."""
    clickhouse: float
    """Bytes of ClickHouse for a byte of the published tables in Postgres."""
    marts: Rate
    """Bytes of the published tables in Postgres."""
    query_postgres: float
    """Of an aggregate, an answer."""
    query_clickhouse: float
    landing: float
    """A megabyte of transcripts, redacted."""


def main() -> None:
    """Measure, and print the unit costs and what follows from them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=DAYS_A_YEAR, help="working days of history")
    parser.add_argument("--mebibytes", type=int, default=24, help="of transcripts to land")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workledger-benchmark-") as temporary:
        Path(temporary).chmod(0o711)
        landing = _landing(Path(temporary), arguments.mebibytes)
        print(f"landing of redacted transcripts: {landing:.3f} CPU s a megabyte", flush=True)
        costs = _costs(Path(temporary), arguments.days, landing)
    _print_costs(costs)
    _print_table(costs)
    _print_limits(costs)


def _landing(folder: Path, mebibytes: int) -> float:
    made = folder / "made"
    size = transcripts.make_transcripts(made, mebibytes * 2**20)
    bench = transcripts.Bench(folder / "transcripts", "redacted")
    bench.transcripts.symlink_to(made)
    try:
        began = bench.cpu_seconds()
        bench.load()
        return (bench.cpu_seconds() - began) / (size / 1e6)
    finally:
        bench.stop()


def _costs(folder: Path, days: int, landing: float) -> Costs:
    few = days // 10
    # Two agencies: one that lands a year in one go has statistics of a week, and waits for a bad plan.
    small = Bench(folder / "small", "agency", few + 1)
    try:
        is_session = _sessions(_manifest(folder / "small", small))
        first_small = _build_days(small, is_session, 0, few - 1)
        small_sizes = _sizes(small)
        early = _build_days(small, is_session, few, few)
    finally:
        small.stop()
    bench = Bench(folder / "large", "agency", days + 6)
    try:
        manifest = _manifest(folder / "large", bench)
        first_large = _build_days(bench, is_session, 0, days - 1)
        large_sizes = _sizes(bench)
        late = _build_days(bench, is_session, days, days)
        five = _build_days(bench, is_session, days + 1, days + 5)
        print(
            f"first build of {few} days {sum(first_small):.1f} CPU s, of {days} days {sum(first_large):.1f}; one more "
            f"day at {few} days {sum(early):.1f}, at {days} days {sum(late):.1f}; five more days {sum(five):.1f}",
            flush=True,
        )
        day_answers, day_developers = SESSIONS_A_DAY * ANSWERS_A_SESSION, DEVELOPERS
        answers, developer_days = (days - few) * day_answers, (days - few) * day_developers
        new = Rate(max(0.0, (five[0] - late[0]) / 4 / day_answers), max(0.0, (five[1] - late[1]) / 4 / day_developers))
        history = Rate(max(0.0, (late[0] - early[0]) / answers), max(0.0, (late[1] - early[1]) / developer_days))
        fixed = sum(early) - new.of(day_answers, day_developers) - history.of(few * day_answers, few * day_developers)
        first = Rate((first_large[0] - first_small[0]) / answers, (first_large[1] - first_small[1]) / developer_days)
        stored = Rate(
            (large_sizes["sessions"] - small_sizes["sessions"]) / answers,
            (large_sizes["rest"] - small_sizes["rest"]) / developer_days,
        )
        publishing, published_bytes, marts_bytes, rows, queries = _published(bench, folder / "large", manifest)
        total_answers, total_days = (days + 6) * day_answers, (days + 6) * day_developers
        return Costs(
            fixed,
            history,
            new,
            first,
            stored,
            publishing / sum(rows.values()),
            Rate(rows["sessions"] / total_answers, rows["rest"] / total_days),
            published_bytes / sum(marts_bytes.values()),
            Rate(marts_bytes["sessions"] / total_answers, marts_bytes["rest"] / total_days),
            queries[0] / total_answers,
            queries[1] / total_answers,
            landing,
        )
    finally:
        bench.stop()


def _manifest(folder: Path, bench: Bench) -> Mapping[str, Any]:
    return prepare_manifest(folder / "home", bench.warehouse.database).read()


def _sessions(manifest: Mapping[str, Any]) -> dict[str, bool]:
    """Whether a model or its test is one of sessions, by name."""
    return {
        str(node["name"]): node_group(base) in ("sessions", "claude_code")
        for node in manifest["nodes"].values()
        if (base := manifest["nodes"].get(node.get("attached_node"), node))["resource_type"] != "test"
    }


def _build_days(bench: Bench, is_session: Mapping[str, bool], first: int, last: int) -> tuple[float, float]:
    """Land days and build them: CPU seconds for sessions, and for everything else."""
    bench.land_days(first, last)
    return _split(bench.build(), is_session)


def _split(took: Measured, is_session: Mapping[str, bool]) -> tuple[float, float]:
    """CPU seconds of a build for sessions and for everything else, by the time that their models took."""
    used = took.client + took.server
    seconds = sum(one for one, _ in took.nodes)
    share = sum(one for one, name in took.nodes if is_session.get(name)) / seconds if seconds else 0.0
    return used * share, used * (1 - share)


def _sizes(bench: Bench) -> dict[str, float]:
    """Bytes of Postgres for sessions and for everything else."""
    with bench.warehouse.connect("owner") as connection:
        rows = connection.execute(
            "select nspname like 'raw_claude_code' or relname ~ '(session|claude_code|overlay)',"
            " sum(pg_total_relation_size(pg_class.oid))::float from pg_class"
            " inner join pg_namespace on pg_namespace.oid = relnamespace"
            " where relkind = 'r' and nspname !~ '^pg_|information_schema' group by 1"
        ).fetchall()
    sizes = {bool(is_session): size for is_session, size in rows}
    return {"sessions": sizes[True], "rest": sizes[False]}


def _published(
    bench: Bench, folder: Path, manifest: Mapping[str, Any]
) -> tuple[float, float, dict[str, float], dict[str, int], tuple[float, float]]:
    """Publish everything once: CPU seconds, bytes in both engines, rows; and CPU seconds of one aggregate in each."""
    settings = Settings(profile="production", home=folder / "home")
    with (
        open_published(f"chdb://{folder / 'published'}") as client,
        bench.warehouse.connect("owner") as connection,
    ):
        publisher = Publisher(
            Catalogue(connection, BuildState(bench.warehouse).catalog().relations, published_relations(manifest)),
            client,
            postgres_of(settings, bench.warehouse),
            Statements(),
        )
        began = own_seconds() + server_seconds(bench.warehouse)
        clock = time.perf_counter()
        result = publisher.publish()
        clock = time.perf_counter() - clock
        used = own_seconds() + server_seconds(bench.warehouse) - began
        assert not result.differences, result.differences
        rows = {"sessions": 0, "rest": 0}
        marts: dict[str, float] = {"sessions": 0.0, "rest": 0.0}
        for one in result.published:
            part = "sessions" if "session" in one.relation.name or "overlay" in one.relation.name else "rest"
            rows[part] += one.rows
            found = connection.execute(
                "select pg_total_relation_size(to_regclass(%s))::float", (one.relation.quoted,)
            ).fetchone()
            marts[part] += found[0] if found else 0.0
        [[bytes_on_disk]] = client.query("select sum(bytes_on_disk) from system.parts where active").result_rows
        print(
            f"published {sum(rows.values()):,} rows of {len(result.published)} tables in {used:.1f} CPU s "
            f"({clock:.1f} s): {sum(marts.values()) / 1e6:,.0f} MB of Postgres, {bytes_on_disk / 1e6:,.0f} MB of "
            "ClickHouse",
            flush=True,
        )

        def in_postgres() -> float:
            before = server_seconds(bench.warehouse)
            for _ in range(_REPETITIONS):
                connection.execute(_AGGREGATE.encode()).fetchall()
            return (server_seconds(bench.warehouse) - before) / _REPETITIONS

        def in_clickhouse() -> float:
            before = own_seconds()
            for _ in range(_REPETITIONS):
                _ = client.query(_AGGREGATE).result_rows
            return (own_seconds() - before) / _REPETITIONS

        in_clickhouse()
        return used, float(bytes_on_disk), marts, rows, (in_postgres(), in_clickhouse())


def _print_costs(costs: Costs) -> None:
    print(
        f"a build: {costs.fixed:.1f} CPU s fixed; {costs.history.answer * 1e6:.2f} s for a million answers there and "
        f"{costs.new.answer * 1e6:.0f} s for a million new ones; {costs.history.day * 1e3:.2f} s for a thousand "
        f"developers' days there and {costs.new.day * 1e3:.1f} s for a thousand new ones\n"
        f"Postgres: {costs.stored.answer / 1e3:.1f} kB an answer, {costs.stored.day / 1e3:.1f} kB a developer's day "
        f"besides; of this in ClickHouse: {costs.marts.answer * costs.clickhouse / 1e3:.2f} kB and "
        f"{costs.marts.day * costs.clickhouse / 1e3:.2f} kB\n"
        f"publishing: {costs.published * 1e6:.0f} CPU s a million rows\n"
        f"an aggregate over a million answers: {costs.query_postgres * 1e6:.2f} CPU s in Postgres, "
        f"{costs.query_clickhouse * 1e6:.2f} in ClickHouse"
    )


def _year(developers: int) -> tuple[float, float]:
    """Answers and developers' days of a year."""
    days = developers * DAYS_A_YEAR
    return days * float(MEGABYTES_A_DAY * ANSWERS_A_MEGABYTE), float(days)


def _print_table(costs: Costs) -> None:
    logged = (ENTRIES_A_DAY + WORKLOGS_A_DAY) / DEVELOPERS
    print(
        f"\nafter one year of {DAYS_A_YEAR} days, each developer with {logged:.0f} logged entries and "
        f"{MEGABYTES_A_DAY} MB of transcripts a day, {ANSWERS_A_MEGABYTE} answers a MB:\n"
    )
    rows: list[list[str]] = [["", *(f"{size:,} developers" for size in SIZES)]]

    def row(title: str, values: list[str]) -> None:
        rows.append([title, *values])

    years = [_year(size) for size in SIZES]
    row("answers", [_count(answers) for answers, _ in years])
    row("logged entries", [_count(days * logged) for _, days in years])
    row("transcripts a day", [_bytes(size * MEGABYTES_A_DAY * 1e6) for size in SIZES])
    row("Postgres", [_bytes(costs.stored.of(*one)) for one in years])
    row("published in ClickHouse", [_bytes(costs.marts.of(*one) * costs.clickhouse) for one in years])
    row("landing, CPU a day", [_seconds(size * MEGABYTES_A_DAY * costs.landing) for size in SIZES])
    row("build of one new day, CPU", [_seconds(_build(costs, size)) for size in SIZES])
    row("build after a half hour, CPU", [_seconds(_build(costs, size, 1 / 20)) for size in SIZES])
    row("first build, CPU", [_seconds(costs.fixed + costs.first.of(*one)) for one in years])
    row("publishing a day, CPU", [_seconds(costs.published * costs.rows.of(*_day(size))) for size in SIZES])
    row("one aggregate over all answers, Postgres", [_seconds(costs.query_postgres * one[0]) for one in years])
    row("the same in ClickHouse", [_seconds(costs.query_clickhouse * one[0]) for one in years])
    for title, *values in rows:
        print(f"| {title} | {' | '.join(values)} |")
        if not title:
            print(f"|{' --- |' * (len(values) + 1)}")


def _print_limits(costs: Costs) -> None:
    print("\nwhat is reached first, after a year:")
    limits = {
        f"a build after a half hour takes {LONGEST_BUILD:.0f} CPU s": _reached(
            lambda size: _build(costs, size, 1 / 20), LONGEST_BUILD
        ),
        f"an aggregate over all answers takes {LONGEST_QUERY:.0f} CPU s in Postgres": _reached(
            lambda size: costs.query_postgres * _year(size)[0], LONGEST_QUERY
        ),
        f"Postgres takes {LARGEST_DISK / 1e12:.0f} TB": _reached(
            lambda size: costs.stored.of(*_year(size)), LARGEST_DISK
        ),
        "landing takes one core all day": _reached(
            lambda size: size * MEGABYTES_A_DAY * costs.landing, LONGEST_LANDING
        ),
    }
    for what, size in sorted(limits.items(), key=lambda one: one[1]):
        print(f"- from {size:,} developers: {what}")


def _build(costs: Costs, developers: int, days: float = 1.0) -> float:
    """CPU seconds of a build when so many days are new, after a year."""
    answers, developer_days = _day(developers)
    return costs.fixed + costs.history.of(*_year(developers)) + costs.new.of(answers * days, developer_days * days)


def _day(developers: int) -> tuple[float, float]:
    answers, days = _year(developers)
    return answers / DAYS_A_YEAR, days / DAYS_A_YEAR


def _reached(cost: Callable[[int], float], limit: float) -> int:
    """The smallest number of developers whose cost is above a limit."""
    low, high = 1, 10**7
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if cost(middle) > limit else (middle + 1, high)
    return low


def _count(number: float) -> str:
    return f"{number / 1e6:,.1f} million" if number >= 1e6 else f"{number:,.0f}"


def _bytes(number: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9)):
        if number >= size:
            return f"{number / size:,.1f} {unit}"
    return f"{number / 1e6:,.0f} MB"


def _seconds(number: float) -> str:
    if number >= 7200:
        return f"{number / 3600:,.1f} h"
    return f"{number / 60:,.0f} min" if number >= 120 else f"{number:,.1f} s"


if __name__ == "__main__":
    main()
