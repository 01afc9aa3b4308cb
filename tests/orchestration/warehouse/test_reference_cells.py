"""Cells that name nothing are told with their file, their value and what to write instead."""

from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.reference_cells import unresolved_cells


def test_nothing_is_unresolved_before_the_warehouse_is_built(fresh_database: Warehouse) -> None:
    assert unresolved_cells(fresh_database) == []


def test_cells_that_name_nothing_are_reported_one_by_one(fresh_database: Warehouse) -> None:
    with fresh_database.connect("transformer") as connection:
        connection.execute(
            """
            create table reports.unresolved as
            select * from (values
                ('reference.client_terms', 'Third', 'several_client', 'CLI-1, CLI-2'),
                ('reference.project_terms', 'Old name', 'no_project', null),
                ('reference.projects', 'OLD', 'no_jira_project', null),
                ('clockify', 'u1', 'no_developer', null)
            ) as cells (source, native_id, reason, candidates)
            """
        )

    told = [(str(cell), cell.is_ambiguous) for cell in unresolved_cells(fresh_database)]

    assert told == [
        (
            "client_terms.csv: 'Third' is the name of several clients, CLI-1 and CLI-2; write one of these ids",
            True,
        ),
        (
            "project_terms.csv: 'Old name' names no project; "
            "write the project's name as Clockify has it now, or its id",
            False,
        ),
        (
            "projects.csv, column jira_project_key: 'OLD' is the key of no project in Jira; "
            "write the project's present key",
            False,
        ),
    ]
