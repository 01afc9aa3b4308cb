"""How dbt is invoked: which variables it is given, and what a project that does not parse says."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration.errors import WarehouseError
from orchestration.settings import Settings
from orchestration.warehouse.dbt import dbt_variables, prepare_manifest


@pytest.mark.parametrize(
    ("settings", "variables"),
    [
        ({}, {}),
        ({"as_of": date(2026, 6, 30)}, {"as_of": "2026-06-30"}),
        ({"as_of": datetime(2026, 6, 30, 18, tzinfo=UTC)}, {"as_of": "2026-06-30T18:00:00+00:00"}),
        (
            {"worklog_route": "clickhouse", "session_text": "none"},
            {"worklog_route": "clickhouse", "session_text": "none"},
        ),
    ],
)
def test_only_what_differs_from_the_projects_own_is_handed_over(
    settings: dict[str, Any], variables: dict[str, str]
) -> None:
    assert dbt_variables(Settings(profile="production", home=Path("/nowhere"), **settings)) == variables


def test_a_project_that_does_not_parse_is_named_with_dbts_reason(tmp_path: Path) -> None:
    broken = tmp_path / "project"
    (broken / "models").mkdir(parents=True)
    (broken / "dbt_project.yml").write_text("name: workledger\nversion: '1.0.0'\nprofile: workledger\n")
    (broken / "profiles.yml").write_text(
        "workledger: {target: w, outputs: {w: "
        "{type: postgres, host: h, port: 1, user: u, password: p, dbname: d, schema: s}}}"
    )
    (broken / "models" / "clients.sql").write_text("select * from {{ ref('nothing_of_that_name') }}")
    with pytest.raises(WarehouseError, match=r"does not parse: .*nothing_of_that_name"):
        prepare_manifest(tmp_path / "home", "workledger", broken)
    assert not list((tmp_path / "home" / "dbt").glob("manifest-*/manifest.json"))
