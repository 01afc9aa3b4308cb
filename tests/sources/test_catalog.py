"""The catalogue: every source builds without a setting, and declares what its resources are."""

from __future__ import annotations

import dlt
import pytest

from sources.catalog import SOURCES


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_builds_without_credentials_and_has_one_resource_for_each_table(name: str) -> None:
    spec = SOURCES[name]
    # What to read is asked for when the graph is built, with which credentials only when it is read.
    dlt.config["sources.claude_code.roots"] = "[]"
    built = spec.build()
    assert built.name == name
    assert sorted(built.resources) == sorted(table.name for table in spec.tables)
    assert built.max_table_nesting == 0


@pytest.mark.parametrize("name", SOURCES)
def test_every_table_and_column_is_described(name: str) -> None:
    for table in SOURCES[name].tables:
        assert table.description, table.name
        for column in table.columns:
            assert column.description, f"{table.name}.{column.name}"
