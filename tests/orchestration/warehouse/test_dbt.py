"""How dbt is invoked: which variables it is given, and what a project that does not parse says."""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from dbt.contracts.graph.nodes import ParsedNode
from dbt_common.events.event_manager_client import get_event_manager

from orchestration.errors import WarehouseError
from orchestration.settings import Settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.dbt import (
    DBT_FOLDER,
    DbtBuild,
    DbtProject,
    dbt_environment,
    dbt_variables,
    prepare_manifest,
)
from orchestration.warehouse.state import BuildState


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


_TESTED = """
version: 2
models:
  - name: projects
    data_tests:
      - foreign_keys:
          name: foreign_keys_projects
          arguments: {columns: {client_id: clients, contract_id: clients}, warn: [contract_id]}
      - allowed_values:
          name: allowed_values_projects
          arguments: {columns: {status: [active, archived]}}
          config: {severity: warn}
  - name: other_projects
    data_tests:
      - foreign_keys:
          name: foreign_keys_other_projects
          arguments: {columns: {client_id: clients, contract_id: clients}, warn: [contract_id]}
"""


class Project:
    """A project of three models and their tests, and its builds."""

    def __init__(self, warehouse: Warehouse, folder: Path) -> None:
        self.warehouse = warehouse
        self.folder = folder / "project"
        (self.folder / "models").mkdir(parents=True)
        (self.folder / "dbt_project.yml").write_text(
            "name: workledger\nversion: '1.0.0'\nprofile: workledger\nmodels: {+materialized: table}\n"
        )
        shutil.copy(DBT_FOLDER / "profiles.yml", self.folder)
        shutil.copytree(DBT_FOLDER / "tests" / "generic", self.folder / "tests" / "generic")
        (self.folder / "models" / "projects.yml").write_text(_TESTED)
        self.settings = Settings(profile="production", home=folder / "home")

    def write(self, **models: str) -> None:
        for name, query in models.items():
            (self.folder / "models" / f"{name}.sql").write_text(query)

    def build(self, arguments: list[str], chosen: set[str] | None = None) -> DbtBuild:
        manifest = prepare_manifest(self.settings.home, self.warehouse.database, self.folder)
        return DbtProject(manifest, self.settings, self.folder).build(
            arguments,
            dbt_environment(self.warehouse),
            BuildState(self.warehouse),
            None if chosen is None else {f"model.workledger.{name}" for name in chosen},
        )


@pytest.fixture
def project(fresh_database: Warehouse, tmp_path: Path) -> Project:
    return Project(fresh_database, tmp_path)


def _built(build: DbtBuild) -> set[str]:
    return {event["data"]["node_info"]["node_name"] for event in build.events()}


def test_what_is_chosen_is_built_again_and_what_it_lacks_is_named(project: Project) -> None:
    project.write(
        clients="select 'CLI-1' as id",
        projects="select id as client_id, id as contract_id, 'active' as status from {{ ref('clients') }}",
        other_projects="select client_id, contract_id from {{ ref('projects') }}",
    )
    alone = project.build(["--select", "projects other_projects"], {"projects", "other_projects"})
    assert _built(alone) >= {"projects"}
    assert alone.failures() == [
        "The model projects (models/projects.sql) reads what is not built yet: staging.clients. "
        "Select what it is built from as well, or build everything with `workledger run`."
    ]
    # A test of it that reads what nobody asked for is left out.
    first = project.build(["--select", "clients"], {"clients"})
    assert (_built(first), first.failures()) == ({"clients"}, [])

    every = {"clients", "projects", "other_projects"}
    tests = {"foreign_keys_projects", "allowed_values_projects", "foreign_keys_other_projects"}
    assert _built(project.build([])) == {"projects", "other_projects"} | tests
    assert _built(project.build([])) == set()
    again = project.build([], every)
    assert (_built(again), again.failures(), again.up_to_date()) == (every | tests, [], [])
    assert _built(project.build([])) == set()


def test_a_test_that_does_not_pass_names_model_column_and_value(project: Project) -> None:
    project.write(
        clients="select 'CLI-1' as id",
        projects="select 'CLI-2' as client_id, 'CLI-1' as contract_id, e'lost\\x1b' as status",
        other_projects="select 'CLI-1' as client_id, 'CLI-3' as contract_id",
    )
    build = project.build([])
    broken = {
        event["data"]["node_info"]["node_name"]: (event["data"]["status"], event["data"]["broken_by"])
        for event in build.events()
        if "broken_by" in event["data"]
    }

    found = (
        "1 row breaks it, such as "
        "column_name = client_id, value = CLI-2, missing_in = clients.id, rows_found = 1, severity = error"
    )
    assert build.failures() == [f"The test foreign_keys_projects (models/projects.yml) failed: {found}."]
    assert broken == {
        "foreign_keys_projects": ("fail", found),
        "foreign_keys_other_projects": (
            "warn",
            "1 row breaks it, such as "
            "column_name = contract_id, value = CLI-3, missing_in = clients.id, rows_found = 1, severity = warn",
        ),
        "allowed_values_projects": (
            "warn",
            "1 row breaks it, such as column_name = status, value = lost\\x1b, rows_found = 1",
        ),
    }


def test_a_build_writes_no_compiled_files_and_leaves_dbt_as_it_was(project: Project) -> None:
    project.write(clients="select 1 as id", projects="select 1 as client_id, 1 as contract_id, 'active' as status")
    project.write(other_projects="select 1 as client_id, 1 as contract_id")
    write_node, events = ParsedNode.write_node, get_event_manager()
    build = project.build([])
    assert {"clients", "projects"} <= _built(build)
    assert not (project.settings.home / "dbt" / "target" / "compiled").exists()
    assert not (project.settings.home / "dbt" / "target" / "run").exists()
    assert ParsedNode.write_node is write_node
    assert get_event_manager() is events
