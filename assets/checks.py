"""What dbt cannot see of a raw table: what the source said beside its rows. Rules of models are dbt tests."""

from collections.abc import Sequence

import dagster as dg

from sources.catalog import SourceSpec


def source_checks(spec: SourceSpec) -> Sequence[dg.AssetChecksDefinition]:
    """The checks of one source."""
    return []
