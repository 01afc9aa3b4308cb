"""What dbt cannot see of a load: what the source said beside its rows. Rules of models and columns are dbt tests.

The checks belong to the loading step, because only that step knows what the vendor said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import dagster as dg

from assets.keys import raw_key
from sources.catalog import SourceSpec

if TYPE_CHECKING:
    from assets.raw import LandedTable

NOTHING_SET_ASIDE: Final = "nothing_set_aside"
# Tables that hold what did not fit its own: records of a vendor, lines of a transcript.
SET_ASIDE_TABLES: Final = ("quarantined_records", "unreadable_lines")


def check_specs(spec: SourceSpec) -> Sequence[dg.AssetCheckSpec]:
    """The checks of one source's load."""
    return [
        dg.AssetCheckSpec(
            NOTHING_SET_ASIDE,
            asset=raw_key(spec.name, table.name),
            description=f"Every record that {spec.title} handed over in the last load fitted its table.",
        )
        for table in spec.tables
        if table.name in SET_ASIDE_TABLES
    ]


def evaluate(spec: SourceSpec, landed: Mapping[str, LandedTable]) -> Iterator[dg.AssetCheckResult]:
    """Judge what one load said."""
    for check in check_specs(spec):
        table = check.asset_key.path[-1]
        count = landed[table].written if table in landed else 0
        yield dg.AssetCheckResult(
            asset_key=check.asset_key,
            check_name=check.name,
            passed=count == 0,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{count:,} new rows; each says why it was set aside" if count else "Nothing was set aside",
            metadata={"rows": count},
        )
