"""The whole dbt project: it builds on empty raw tables, its unit tests pass, sources are declared as they land."""

import re

import pytest
import yaml

from sources.catalog import SOURCES
from tests.dbt_project.conftest import PROJECT_FOLDER, DbtProject

_SQL_TYPES = {
    "text": "text",
    "bigint": "bigint",
    "boolean": "boolean",
    "timestamp": "timestamp with time zone",
    "date": "date",
    "numeric": "numeric",
    "double": "double precision",
    "json": "jsonb",
}


def test_builds_on_empty_raw_tables(dbt_project: DbtProject) -> None:
    statuses = dbt_project.dbt("build", "--exclude-resource-type", "unit_test")

    assert "error" not in statuses.values()
    assert dbt_project.value("select count(*) from marts.time_entries") == 0


def test_every_rule_passes_its_unit_test(dbt_project: DbtProject) -> None:
    statuses = dbt_project.dbt("test", "--select", "test_type:unit")

    assert set(statuses.values()) == {"pass"}


@pytest.mark.parametrize("source_name", ["clockify", "jira", "reference", "tempo"])
def test_sources_are_declared_as_they_land(source_name: str) -> None:
    declared_file = PROJECT_FOLDER / "models" / "staging" / source_name / "_sources.yml"
    [declared] = yaml.safe_load(declared_file.read_text())["sources"]
    declared_tables = {
        table["name"]: {column["name"]: column["data_type"] for column in table["columns"]}
        for table in declared["tables"]
    }
    landed_tables = {
        table.name: {column.name: _SQL_TYPES[column.kind] for column in table.all_columns}
        for table in SOURCES[source_name].tables
    }

    assert declared_tables == landed_tables


def test_models_and_descriptions_stand_side_by_side() -> None:
    for model in (PROJECT_FOLDER / "models").rglob("*.sql"):
        description = model.with_suffix(".yml")
        assert description.is_file(), f"{model} has no description beside it"
        assert re.search(rf"- name: {model.stem}\n", description.read_text()), (
            f"{description} does not describe {model.stem}"
        )
