"""What dbt cannot see of a load: what the source said beside its rows. Rules of models and columns are dbt tests.

The checks belong to the loading step, because only that step knows what the vendor said.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import dagster as dg

from assets.keys import raw_key
from assets.progress import LandedTable
from sources.catalog import SourceSpec

NOTHING_SET_ASIDE: Final = "nothing_set_aside"
NO_FILE_REJECTED: Final = "no_file_rejected"
# Tables that hold what did not fit its own: records of a vendor, lines of a transcript.
SET_ASIDE_TABLES: Final = ("quarantined_records", "unreadable_lines")
# Holds what is wrong in files now; the last good version of such a file stays in force.
REJECTED_TABLE: Final = "rejected_files"
_SHOWN: Final = 20


def check_specs(spec: SourceSpec) -> Sequence[dg.AssetCheckSpec]:
    """The checks of one source's load."""
    names = {table.name for table in spec.tables}
    specs = [
        dg.AssetCheckSpec(
            NOTHING_SET_ASIDE,
            asset=raw_key(spec.name, table),
            description=f"Every record that {spec.title} handed over in the last load fitted its table.",
        )
        for table in SET_ASIDE_TABLES
        if table in names
    ]
    if REJECTED_TABLE in names:
        specs.append(
            dg.AssetCheckSpec(
                NO_FILE_REJECTED,
                asset=raw_key(spec.name, REJECTED_TABLE),
                description="Every file is sound; a file that is not landed nothing of itself.",
            )
        )
    return specs


def evaluate(
    spec: SourceSpec, landed: Mapping[str, LandedTable], rejections: Sequence[str]
) -> Iterator[dg.AssetCheckResult]:
    """Judge what one load said.

    Args:
        spec: the source.
        landed: what the load did, by table.
        rejections: what is wrong in its files now, one sentence each.
    """
    for check in check_specs(spec):
        table = check.asset_key.path[-1]
        if check.name == NO_FILE_REJECTED:
            more = f" … and {len(rejections) - _SHOWN} more" if len(rejections) > _SHOWN else ""
            yield dg.AssetCheckResult(
                asset_key=check.asset_key,
                check_name=check.name,
                passed=not rejections,
                severity=dg.AssetCheckSeverity.ERROR,
                description="; ".join(rejections[:_SHOWN]) + more if rejections else "Every file is sound",
                metadata={"problems": len(rejections)},
            )
            continue
        count = landed[table].written if table in landed else 0
        yield dg.AssetCheckResult(
            asset_key=check.asset_key,
            check_name=check.name,
            passed=count == 0,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{count:,} new rows; each says why it was set aside" if count else "Nothing was set aside",
            metadata={"rows": count},
        )
