"""Asset checks of a load: what the source reported besides its rows, which dbt cannot see.

The checks run in the loading step, because only that step knows what the source reported.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import dagster as dg

from assets.keys import raw_key
from assets.progress import LandedTable
from sources.catalog import SourceSpec
from sources.kit.spec import ACCEPT_LOSS

NOTHING_SET_ASIDE: Final = "nothing_set_aside"
NO_FILE_REJECTED: Final = "no_file_rejected"
NO_RATE_MISSING: Final = "no_rate_missing"
EVERYTHING_VISIBLE: Final = "everything_visible"
# Metadata of NO_FILE_REJECTED: the first problem of each refused file.
FILES: Final = "files"
# Tables of records and transcript lines that did not fit their own table.
SET_ASIDE_TABLES: Final = ("quarantined_records", "unreadable_lines")
# Current problems of reference files; the last good version of such a file stays in force.
REJECTED_TABLE: Final = "rejected_files"
RATES_TABLE: Final = "fx_rates"
_SHOWN: Final = 20


@dataclass(frozen=True)
class Remarks:
    """What a source reports about its input besides its rows, one sentence each.

    `rejections` are current problems of its files, `rejected_files` the first one of each, `missing_rates` the exchange
    rates that the files need but lack, `not_visible` numbers of rows, by table, that the vendor does not show any more
    without calling them deleted.
    """

    rejections: Sequence[str] = ()
    rejected_files: Mapping[str, str] = field(default_factory=dict)
    missing_rates: Sequence[str] = ()
    not_visible: Mapping[str, int] = field(default_factory=dict)


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
    specs += [
        dg.AssetCheckSpec(
            EVERYTHING_VISIBLE,
            asset=raw_key(spec.name, table.name),
            description=f"{spec.title} shows everything that landed and that it does not call deleted.",
        )
        for table in spec.tables
        if table.not_visible
    ]
    if REJECTED_TABLE in names:
        specs.append(
            dg.AssetCheckSpec(
                NO_FILE_REJECTED,
                asset=raw_key(spec.name, REJECTED_TABLE),
                description="Every file is sound; a file that is not landed nothing of itself.",
            )
        )
    if RATES_TABLE in names:
        specs.append(
            dg.AssetCheckSpec(
                NO_RATE_MISSING,
                asset=raw_key(spec.name, RATES_TABLE),
                description="Every currency that something is priced in has a rate to the agency's.",
            )
        )
    return specs


def evaluate(spec: SourceSpec, landed: Mapping[str, LandedTable], remarks: Remarks) -> Iterator[dg.AssetCheckResult]:
    """Evaluate the checks of one load.

    Args:
        spec: the source.
        landed: what the load wrote, by table.
        remarks: what the source reports about its input.
    """
    rejections, missing_rates = remarks.rejections, remarks.missing_rates
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
                metadata={"problems": len(rejections), FILES: dg.MetadataValue.json(dict(remarks.rejected_files))},
            )
            continue
        if check.name == NO_RATE_MISSING:
            yield dg.AssetCheckResult(
                asset_key=check.asset_key,
                check_name=check.name,
                passed=not missing_rates,
                severity=dg.AssetCheckSeverity.WARN,
                description="; ".join(missing_rates) or "Every currency has its rate",
                metadata={"currencies": len(missing_rates)},
            )
            continue
        if check.name == EVERYTHING_VISIBLE:
            count = remarks.not_visible.get(table, 0)
            what = "1 row is not visible any more, and stays as it was"
            if count != 1:
                what = f"{count:,} rows are not visible any more, and stay as they were"
            fix = (
                "give the credentials their rights back, or if nothing of it is there any more, set "
                f"{spec.variable(ACCEPT_LOSS)} to the day of the next run"
            )
            yield dg.AssetCheckResult(
                asset_key=check.asset_key,
                check_name=check.name,
                passed=count == 0,
                severity=dg.AssetCheckSeverity.WARN,
                description=f"{what}; {fix}" if count else "Everything is visible",
                metadata={"rows": count},
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
