"""Expectations of the landed reference files: the same rules by which the source refuses a file, from one place.

A file that breaks a rule never lands; these expectations check landed rows against the current rules. Cell values
(costs, rates, names) are not reported here: the load names file, row, column and value.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from assets.suites.rules import (
    CURRENCY,
    EMAIL,
    TIME_OF_DAY,
    TIME_ZONE,
    Rule,
    Suite,
    between,
    filled,
    matches,
    not_below,
    one_of,
    plausible_time,
)
from sources.reference.schema import FILES, Field, Form, ReferenceFile

_PATTERNS: Final[Mapping[Form, str]] = {
    "currency": CURRENCY,
    "known_currency": CURRENCY,
    "email": EMAIL,
    "time_of_day": TIME_OF_DAY,
    "timezone": TIME_ZONE,
}
# The last day of a range may be any number of years ahead.
_OPEN_DAYS: Final = frozenset({"valid_to", "effective_to", "end_date"})


def _of_file(file: ReferenceFile) -> Iterator[Rule]:
    for one in file.fields:
        yield from _of_field(one)
    first, last = file.range_fields
    if {first, last} <= {one.name for one in file.fields}:
        yield not_below(last, first, severity="critical")


def _of_field(one: Field) -> Iterator[Rule]:
    if one.required:
        yield filled(one.name)
    if one.form in _PATTERNS:
        yield matches(one.name, _PATTERNS[one.form])
    if one.values and not one.listed:
        yield one_of(one.name, one.values, mostly=1, severity="critical")
    least = one.above if one.above is not None else one.minimum
    if least is not None or one.maximum is not None:
        yield between(one.name, least, one.maximum, exclusive=one.above is not None, severity="critical")
    if one.form == "fraction":
        yield between(one.name, 0, 1, severity="critical")
    if one.kind == "date" and one.name not in _OPEN_DAYS:
        yield from plausible_time(one.name)


SUITE: Final = Suite("reference", {file.table: tuple(_of_file(file)) for file in FILES}, shows_values=False)
