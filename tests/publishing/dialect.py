"""What a query for Postgres must say differently to ClickHouse; docs/analyst_guide.md lists the same."""

import re
from typing import Final

SETTINGS: Final = {
    # A left join without a partner gives nulls, and what is made of a null is one.
    "join_use_nulls": 1,
    "cast_keep_nullable": 1,
    "session_timezone": "UTC",
}

_EXACT: Final = "::Decimal(38, 10)"
# Pattern of Postgres, what ClickHouse is told.
_RULES: Final = (
    # Division: of whole numbers it is cut off in Postgres, and exact of any that has a point.
    (r" / 3600\.0\b", f"{_EXACT} / 3600"),
    (r"\b100\.0 \*", f"100{_EXACT} *"),
    (r"([\w.]+(?:\([\w.]+\))?) / (60|3600) as ", r"intDiv(\1, \2) as "),
    # The median, of which the rest is a floating-point number in both.
    (
        r"percentile_cont\(0\.5\) within group \(\s*order by ((?:[^()]|\([^()]*\))*?)\s*\)",
        r"quantileExactInclusive(0.5)(\1)",
    ),
    (r"::numeric\b", _EXACT),
    (
        r"string_agg\(distinct ([\w.]+), ', ' order by \1\)",
        r"nullIf(arrayStringConcat(arraySort(groupUniqArray(\1)), ', '), '')",
    ),
    (r"string_agg\(([\w.]+), ', ' order by \1\)", r"nullIf(arrayStringConcat(arraySort(groupArray(\1)), ', '), '')"),
    (r"(\w+) && array\[([^\]]*)\]", r"hasAny(\1, [\2])"),
    (r"extract\(hour from ([\w.]+) at time zone ([\w.]+)\)", r"toInt32(formatDateTime(\1, '%H', \2))"),
    (r"([\w.]+) at time zone ([\w.]+) as half_hour", r"formatDateTime(\1, '%Y-%m-%d %H:%i:%S', \2) as half_hour"),
    (r"jsonb_array_length\(", "JSONLength("),
    (
        r"cross join jsonb_array_elements\(([\w.]+)\) as \w+ \((\w+)\)",
        r"array join JSONExtractArrayRaw(assumeNotNull(\1)) as \2",
    ),
    (r"(\w+) -> 0 ->> '(\w+)'", r"JSONExtractRaw(\1, 1, '\2')"),
    (r"(\w+) ->> '(\w+)'", r"JSONExtractString(\1, '\2')"),
)


def for_clickhouse(query: str) -> str:
    """The same query as ClickHouse understands it."""
    for pattern, replacement in _RULES:
        query = re.sub(pattern, replacement, query)
    return query
