"""The snapshot's own query gives the rows that dbt's gives, from the same sequence of loads."""

from collections.abc import Callable
from typing import Any

import pytest
from dbt.contracts.graph.manifest import Manifest

from orchestration.warehouse.connection import Warehouse
from tests.dbt_project.conftest import DbtProject

OWN_QUERY = "macro.workledger.postgres__snapshot_staging_table"


def _client(name: str, note: str | None = None) -> dict[str, Any]:
    return {"client": name, "company_name": note or name, "row_key": name.lower(), "row_number": 2}


# Rows that come, change, stay, leave, stay away and come back, as they were and otherwise.
LOADS = (
    [_client("Acme"), _client("Bolt"), _client("Cobalt"), _client("Dune")],
    [_client("Acme", "Acme Inc"), _client("Bolt"), _client("Echo")],
    [_client("Acme", "Acme Inc"), _client("Bolt"), _client("Cobalt"), _client("Dune", "Dune Ltd")],
    [_client("Acme"), _client("Echo")],
    [_client("Acme"), _client("Echo")],
)


@pytest.fixture
def open_project(
    create_database: Callable[[], Warehouse], parsed_project: tuple[Manifest, Any]
) -> Callable[[bool], DbtProject]:
    """A function that lays the project over a database of its own, with or without the snapshot's own query."""
    manifest, target_folder = parsed_project

    def open_with(own_query: bool) -> DbtProject:
        copy = manifest.deepcopy()
        if not own_query:
            del copy.macros[OWN_QUERY]
        return DbtProject(create_database(), copy, target_folder)

    return open_with


def _versions(project: DbtProject) -> list[dict[str, Any]]:
    project.dbt("run", "--select", "stg_reference__rows")
    for rows in LOADS:
        project.load({"reference.clients": rows})
        project.dbt("snapshot", "--select", "reference_versions")
    project.dbt("test", "--select", "stg_reference__rows", "reference_versions", "--exclude-resource-type", "unit_test")
    # Instants differ between two runs; their order does not.
    return project.rows(
        "with instants as (select distinct dbt_valid_from as instant from snapshots.reference_versions)"
        ", numbered as (select instant, row_number() over (order by instant) as number from instants)"
        " select file, row_key, content, dbt_is_deleted, begins.number as begins, ends.number as ends,"
        " versions.dbt_updated_at = versions.dbt_valid_from as is_dated_by_its_start,"
        " count(*) over (partition by dbt_scd_id) as rows_with_this_id"
        " from snapshots.reference_versions as versions"
        " inner join numbered as begins on versions.dbt_valid_from = begins.instant"
        " left join numbered as ends on versions.dbt_valid_to = ends.instant"
        " order by file, row_key, begins.number, dbt_is_deleted"
    )


def test_own_query_of_the_snapshot_gives_the_rows_of_dbts(open_project: Callable[[bool], DbtProject]) -> None:
    own, dbts = _versions(open_project(True)), _versions(open_project(False))

    assert own == dbts
    assert {row["dbt_is_deleted"] for row in own} == {"True", "False"}
    assert len(own) > len(LOADS[0])
