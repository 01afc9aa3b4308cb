"""Columns: what type of ClickHouse holds a type of Postgres exactly, and how both engines write a value as one text.

Values travel as text or as whole numbers, never as a type that an engine guesses: left to itself, ClickHouse takes a
timestamp for one of its server's zone, a date before 1970 for another one, and rounds a numeric without a scale.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from publishing.errors import PublishingError


@dataclass(frozen=True)
class Form:
    """What becomes of a type; `{}` stands for the column.

    Attributes:
        type: ClickHouse's type of it, without Nullable.
        sent: SQL of Postgres for what is sent.
        taken: SQL of ClickHouse that makes the type of what was sent.
        text: SQL of Postgres for the text that is hashed.
        text_taken: SQL of ClickHouse for the same text.
        sum: SQL of Postgres and of ClickHouse for the exact sum as text; None if the type has none.
        can_be_null: whether ClickHouse can hold a null of it.
    """

    type: str
    sent: str
    taken: str
    text: str
    text_taken: str
    sum: tuple[str, str] | None = None
    can_be_null: bool = True


@dataclass(frozen=True)
class Column:
    """A column of a relation in Postgres.

    Attributes:
        name: the same in both engines.
        data_type: Postgres' name of its type, with precision and scale.
        is_required: whether Postgres refuses a null.
        comment: what it means.
    """

    name: str
    data_type: str
    is_required: bool = False
    comment: str = ""

    @property
    def form(self) -> Form:
        """What becomes of its type.

        Raises:
            PublishingError: ClickHouse has no type that holds it exactly.
        """
        for pattern, make in _FORMS:
            if match := re.fullmatch(pattern, self.data_type):
                return make(match)
        raise PublishingError(
            f"Column {self.name} has type {self.data_type}, which ClickHouse cannot hold exactly; "
            "give the model another type, or publishing/columns.py a form for it."
        )

    @property
    def type(self) -> str:
        """ClickHouse's type of the column."""
        form = self.form
        return form.type if self.is_required or not form.can_be_null else f"Nullable({form.type})"


def _text(_: re.Match[str]) -> Form:
    return Form("String", "{}::text", "{}", "{}::text", "{}")


def _whole_number(match: re.Match[str]) -> Form:
    bits = {"smallint": 16, "integer": 32, "bigint": 64}[match[0]]
    sums = ("sum({})::text", "toString(sum(toInt128({})))")
    return Form(f"Int{bits}", "{}", "{}", "{}::text", "toString({})", sums)


def _boolean(_: re.Match[str]) -> Form:
    return Form("Bool", "{}::integer", "{}", "{}::integer::text", "toString(toUInt8({}))")


def _date(_: re.Match[str]) -> Form:
    return Form("Date32", "{}::text", "{}", "({} - date '1970-01-01')::text", "toString(toInt32({}))")


def _timestamp(_: re.Match[str]) -> Form:
    microseconds = "(extract(epoch from {}) * 1000000)::bigint"
    return Form(
        "DateTime64(6, 'UTC')",
        microseconds,
        "fromUnixTimestamp64Micro({}, 'UTC')",
        f"{microseconds}::text",
        "toString(toUnixTimestamp64Micro({}))",
    )


def _numeric(match: re.Match[str]) -> Form:
    # Without a scale any number of digits is allowed; the comparison finds one that does not fit.
    precision, scale = (int(match[1]), int(match[2])) if match[1] else (76, 38)
    return Form(
        f"Decimal({precision}, {scale})",
        "{}::text",
        "{}",
        "trim_scale({})::text",
        "toString({})",
        ("trim_scale(sum({}))::text", f"toString(sum(toDecimal256({{}}, {scale})))"),
    )


def _texts(_: re.Match[str]) -> Form:
    # Lengths keep ['ab'] and ['a', 'b'] apart. ClickHouse's arrays are never null: a null becomes an empty one.
    return Form(
        "Array(String)",
        "coalesce(array_to_json({})::text, '[]')",
        "JSONExtract(assumeNotNull({}), 'Array(String)')",
        "coalesce((select string_agg(octet_length(item) || ':' || item, '' order by place)"
        " from unnest({}) with ordinality as items (item, place)), '')",
        "arrayStringConcat(arrayMap(item -> concat(toString(length(item)), ':', item), {}))",
        can_be_null=False,
    )


def _uuid(_: re.Match[str]) -> Form:
    return Form("UUID", "{}::text", "{}", "{}::text", "toString({})")


_FORMS: Final[tuple[tuple[str, Callable[[re.Match[str]], Form]], ...]] = (
    # JSON stays the text that Postgres writes: ClickHouse's own type would make floating-point numbers of it.
    (r"text|character varying(\(\d+\))?|character\(\d+\)|jsonb", _text),
    (r"smallint|integer|bigint", _whole_number),
    (r"boolean", _boolean),
    (r"date", _date),
    (r"timestamp with time zone", _timestamp),
    (r"numeric(?:\((\d+),(\d+)\))?", _numeric),
    (r"text\[\]", _texts),
    (r"uuid", _uuid),
)
