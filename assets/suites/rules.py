"""The kinds of rules that suites are made of; `assets.validation` turns them into Great Expectations' own.

Empty values pass every rule except `filled`; most rules can tolerate a share of values that break them.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from sources.kit.table import Table

Severity = Literal["critical", "warning"]
"""`critical`: the data does not have the vendor's form. `warning`: it does, but is implausible."""

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
# From the moment of the check: planned dates are within it, a mistyped year is not.
LATEST: Final = timedelta(days=2 * 366)

CURRENCY: Final = r"^[A-Z]{3}$"
EMAIL: Final = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
ISSUE_KEY: Final = r"^[A-Z][A-Z0-9_]+-[0-9]+$"
PROJECT_KEY: Final = r"^[A-Z][A-Z0-9_]+$"
DIGITS: Final = r"^[0-9]+$"
GIT_SHA: Final = r"^[0-9a-f]{40}$"
TIME_ZONE: Final = r"^(UTC|GMT|Z|[A-Za-z_]+(/[A-Za-z0-9_+-]+)+)$"
TIME_OF_DAY: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
ATLASSIAN_ACCOUNT: Final = r"^[A-Za-z0-9:_.@-]{1,128}$"


@dataclass(frozen=True)
class Rule:
    """One expectation.

    `expectation` is the name of Great Expectations' class, `arguments` are its own; a `timedelta` among them
    is counted from the moment of the check. `columns` are the columns that it reads.
    """

    expectation: str
    columns: tuple[str, ...]
    arguments: Mapping[str, Any]
    severity: Severity
    summary: str


def filled(column: str, *, mostly: float = 1.0, severity: Severity = "critical") -> Rule:
    """Expect values, at least in the share `mostly` of rows."""
    arguments = {"column": column, "mostly": mostly}
    return Rule("ExpectColumnValuesToNotBeNull", (column,), arguments, severity, f"{column} is filled")


def matches(column: str, pattern: str, *, mostly: float = 1.0, severity: Severity = "critical") -> Rule:
    """Expect text that matches a regular expression of Postgres."""
    arguments = {"column": column, "regex": pattern, "mostly": mostly}
    return Rule("ExpectColumnValuesToMatchRegex", (column,), arguments, severity, f"{column} matches {pattern}")


def one_of(column: str, values: Sequence[str], *, mostly: float = 0.95, severity: Severity = "warning") -> Rule:
    """Expect known values; vendors add new ones, so a few others are accepted unless `mostly` is 1."""
    arguments = {"column": column, "value_set": list(values), "mostly": mostly}
    known = ", ".join(values)
    return Rule("ExpectColumnValuesToBeInSet", (column,), arguments, severity, f"{column} is one of {known}")


def between(
    column: str,
    least: float | None,
    most: float | None = None,
    *,
    exclusive: bool = False,
    severity: Severity = "warning",
) -> Rule:
    """Expect numbers within bounds, both inclusive unless `exclusive` excludes `least`; None means no bound."""
    arguments = {"column": column, "min_value": least, "max_value": most, "strict_min": exclusive}
    lower = [f"{'more than' if exclusive else 'at least'} {least:,}"] if least is not None else []
    upper = [f"at most {most:,}"] if most is not None else []
    bounds = " and ".join([*lower, *upper])
    return Rule("ExpectColumnValuesToBeBetween", (column,), arguments, severity, f"{column} is {bounds}")


def plausible_time(*columns: str, mostly: float = 1.0) -> tuple[Rule, ...]:
    """Expect days or moments from the year 2000 to two years from now."""
    return tuple(
        Rule(
            "ExpectColumnValuesToBeBetween",
            (column,),
            {"column": column, "min_value": EARLIEST, "max_value": LATEST, "mostly": mostly},
            "warning",
            f"{column} lies between 2000 and two years from now",
        )
        for column in columns
    )


def not_below(column: str, other: str, *, mostly: float = 1.0, severity: Severity = "warning") -> Rule:
    """Expect `column` to be no smaller and no earlier than `other` where both are filled."""
    arguments = {
        "column_A": column,
        "column_B": other,
        "or_equal": True,
        "ignore_row_if": "either_value_is_missing",
        "mostly": mostly,
    }
    return Rule(
        "ExpectColumnPairValuesAToBeGreaterThanB",
        (column, other),
        arguments,
        severity,
        f"{column} is not below {other}",
    )


def unique(*columns: str) -> Rule:
    """Expect every row to differ in these columns."""
    summary = f"{', '.join(columns)} {'are' if len(columns) > 1 else 'is'} unique"
    if len(columns) == 1:
        return Rule("ExpectColumnValuesToBeUnique", columns, {"column": columns[0]}, "critical", summary)
    return Rule("ExpectCompoundColumnsToBeUnique", columns, {"column_list": list(columns)}, "critical", summary)


@dataclass(frozen=True)
class Suite:
    """What is expected of one source's raw tables, by table.

    A unique key is expected of every table without a rule. `shows_values` is False where only those who may read the
    table may see its values: then only counts are reported.
    """

    source: str
    tables: Mapping[Table, Sequence[Rule]]
    shows_values: bool = True
    by_table: Mapping[str, tuple[Rule, ...]] = field(init=False)

    def __post_init__(self) -> None:
        """Add the keys; refuse a rule on a column that the table does not declare."""
        by_table = {table.name: (unique(*table.key), *rules) for table, rules in self.tables.items()}
        object.__setattr__(self, "by_table", by_table)
        for table in self.tables:
            declared = {column.name for column in table.all_columns}
            for rule in by_table[table.name]:
                if unknown := set(rule.columns) - declared:
                    raise ValueError(f"suite {self.source}: {table.name} has no column {', '.join(sorted(unknown))}")

    def version(self, table: str) -> str:
        """A short text that changes with the table's rules."""
        return hashlib.blake2b(repr(self.by_table[table]).encode(), digest_size=8).hexdigest()
