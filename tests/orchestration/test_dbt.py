"""How dbt is invoked: what makes a build begin anew, and which variables it is given."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration.dbt import DbtProject, Manifest, dbt_variables, incremental_rules, prepare_manifest
from orchestration.errors import WarehouseError
from orchestration.settings import Settings


def _model(name: str, code: str, materialized: str, *, full_refresh: bool | None = None) -> dict[str, Any]:
    return {
        "resource_type": "model",
        "name": name,
        "package_name": "workledger",
        "raw_code": code,
        "config": {"materialized": materialized, "full_refresh": full_refresh},
        "depends_on": {"macros": ["macro.workledger.rounding", "macro.dbt.run"]},
    }


def _manifest() -> dict[str, Any]:
    return {
        "nodes": {
            "model.lines": _model("lines", "select 1", "view"),
            "model.sessions": _model("sessions", "select 2", "incremental"),
            "model.aside": _model("aside", "select 3", "table"),
            "model.registry": _model("registry", "select 4", "incremental", full_refresh=False),
        },
        "macros": {
            "macro.workledger.rounding": {"package_name": "workledger", "macro_sql": "round()"},
            "macro.dbt.run": {"package_name": "dbt", "macro_sql": "run()"},
        },
        "parent_map": {
            "model.sessions": ["model.lines"],
            "model.lines": ["source.raw"],
            "model.aside": ["model.sessions"],
        },
    }


def test_only_models_that_are_built_by_increments_and_may_be_rebuilt_are_watched() -> None:
    assert set(incremental_rules(_manifest())) == {"model.sessions"}


@pytest.mark.parametrize("changed", ["model.sessions", "model.lines"])
def test_another_text_of_the_model_or_of_what_it_is_built_from_is_another_rule(changed: str) -> None:
    other = _manifest()
    other["nodes"][changed]["raw_code"] += " -- another rule"
    assert incremental_rules(other) != incremental_rules(_manifest())


def test_another_text_of_a_macro_of_ours_is_another_rule() -> None:
    other = _manifest()
    other["macros"]["macro.workledger.rounding"]["macro_sql"] = "floor()"
    assert incremental_rules(other) != incremental_rules(_manifest())


def test_what_is_built_from_the_model_changes_no_rule_of_it() -> None:
    other = _manifest()
    other["nodes"]["model.aside"]["raw_code"] += " -- another rule"
    assert incremental_rules(other) == incremental_rules(_manifest())


@pytest.fixture
def project(tmp_path: Path) -> DbtProject:
    folder = tmp_path / "manifest"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(_manifest()))
    (tmp_path / "dbt").mkdir()
    return DbtProject(Manifest(folder), Settings(profile="production", home=tmp_path))


def _begins_anew(project: DbtProject, *arguments: str, succeeds: bool = True, warehouse: str = "embedded") -> bool:
    build = project.build(arguments, {}, warehouse)
    if succeeds:
        build._succeeded()
    return "--full-refresh" in build._arguments


def test_a_build_begins_anew_once_after_a_rule_has_changed(project: DbtProject) -> None:
    assert [_begins_anew(project), _begins_anew(project)] == [True, False]
    changed = _manifest()
    changed["nodes"]["model.lines"]["raw_code"] = "select 5"
    (project.manifest.folder / "manifest.json").write_text(json.dumps(changed))
    assert [_begins_anew(project), _begins_anew(project)] == [True, False]


def test_a_failed_build_or_one_of_a_part_does_not_settle_it(project: DbtProject) -> None:
    assert _begins_anew(project, succeeds=False)
    assert _begins_anew(project, "--select", "clients")
    assert _begins_anew(project)
    assert not _begins_anew(project)


def test_every_warehouse_is_remembered_by_itself(project: DbtProject) -> None:
    assert _begins_anew(project)
    assert _begins_anew(project, warehouse="another")


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
