"""The globs of working directories (model_details 7)."""

import pytest

from tests.dbt_project.conftest import DbtProject


@pytest.fixture(scope="module")
def matches(dbt_project: DbtProject):
    return None


def test_smoke(dbt_project):
    dbt_project.load({"clockify.users": [{"id": "5e", "workspace_id": "w", "email": "Ada@example.com", "name": "Ada", "status": "ACTIVE", "timezone": "Europe/Berlin"}]})
    print(dbt_project.build("+identifiers"))
    print(dbt_project.rows("select * from registry.identifiers"))
