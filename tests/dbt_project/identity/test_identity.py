"""Developers, clients and projects over several loads: identifiers, names, soft deletes, audit logs."""

from hashlib import sha256
from typing import Any

import pytest

from tests.dbt_project.conftest import DbtProject

USERS = [
    {
        "id": "654bca18ab0000000000000b",
        "email": "Bea@Example.com",
        "name": "Bea",
        "status": "ACTIVE",
        "timezone": "UTC",
    },
    {
        "id": "654bca18ab0000000000000c",
        "email": "cem@example.com",
        "name": "Cem",
        "status": "ACTIVE",
        "timezone": "Nowhere/X",
    },
    {
        "id": "754bca18ab0000000000000d",
        "email": "old@example.com",
        "name": "Dan",
        "status": "INACTIVE",
        "timezone": "UTC",
    },
]
CLIENTS: list[dict[str, Any]] = [
    {"id": "6739d279aa00000000000001", "name": "Lingo", "currency_code": "eur"},
    {"id": "6739d279aa00000000000002", "name": "Acme", "archived": True},
]
PROJECTS = [
    {
        "id": "6995a6bdaa00000000000001",
        "client_id": "6739d279aa00000000000001",
        "name": "Site",
        "hourly_rate_amount": 9050,
    },
    {
        "id": "6995a6bdaa00000000000002",
        "client_id": "6739d279aa00000000000002",
        "name": "Proxima",
        "hourly_rate_amount": 0,
    },
]
REFERENCE: dict[str, list[dict[str, Any]]] = {
    "reference.agency": [{"legal_name": "Agency", "currency": "GBP", "timezone": "Europe/London"}],
    "reference.developers": [
        {
            "email": "bea@example.com",
            "name": "Bea Berg",
            "timezone": "Europe/Berlin",
            "status": "active",
            "github_username": "BeaB",
        },
        {
            "email": "eva@example.com",
            "name": "Eva",
            "timezone": "Asia/Tashkent",
            "status": "active",
            "jira_account_id": "j1",
        },
        {"email": "dan@example.com", "name": "Dan", "timezone": "UTC", "status": "inactive"},
    ],
    "reference.identities": [
        {"email": "dan@example.com", "system": "clockify", "native_id": "754bca18ab0000000000000d"},
    ],
    "reference.clients": [
        {"client": "lingo ", "company_name": "Lingo Technologies", "status": "active", "payment_terms": "net15"},
        {"client": "New one", "company_name": "Joe's IT Services", "status": "active", "parent_client": "LINGO"},
    ],
    "reference.client_terms": [
        {
            "client": "CLI-6739d279",
            "billing_model": "retainer",
            "retainer_amount": 1000,
            "currency": "EUR",
            "tax_rate": 0.19,
        },
    ],
    "reference.client_contacts": [
        {"client": "Lingo", "first_name": "Lea", "last_name": "Lang", "email": "Lea@lingo.example", "is_primary": True},
    ],
    "reference.contracts": [
        {
            "client": "Lingo",
            "name": "Web care",
            "service_category": "WEB",
            "type": "monthly_retainer",
            "start_date": "2024-05-24",
            "monthly_hours": 10,
            "overage_rate": 120,
        },
    ],
    "reference.project_classifications": [{"label": "Proxima", "classification": "internal"}],
    "reference.service_types": [{"name": "Consultation"}, {"name": "SEO"}],
    "reference.developer_costs": [{"email": "bea@example.com", "monthly_cost": 4000, "currency": "EUR"}],
}


@pytest.fixture(scope="module")
def first_load(dbt_project: DbtProject) -> DbtProject:
    dbt_project.load({"clockify.users": USERS, "clockify.clients": CLIENTS, "clockify.projects": PROJECTS, **REFERENCE})
    _build(dbt_project)
    return dbt_project


def _build(dbt_project: DbtProject) -> None:
    dbt_project.build(
        "+developers",
        "+clients",
        "+projects",
        "+contracts",
        "+contract_periods",
        "+audit_logs",
        "+service_types",
        "+developer_costs",
        as_of="2026-04-30",
    )


def _ids(dbt_project: DbtProject, table: str, name: str) -> dict[str, str]:
    return {row[name]: row["id"] for row in dbt_project.rows(f"select id, {name} from marts.{table}")}


def test_people_created_in_the_same_second_share_8_characters_and_differ(first_load: DbtProject) -> None:
    ids = _ids(first_load, "developers", "email")

    assert ids["bea@example.com"] == "DEV-654bca18"
    assert ids["cem@example.com"] == "DEV-654bca18a"
    # No Clockify id: the hash of the address.
    assert ids["eva@example.com"] == f"DEV-{sha256(b'eva@example.com').hexdigest()[:8]}"


def test_one_address_is_one_developer_with_the_files_name_and_zone(first_load: DbtProject) -> None:
    developers = {row["email"]: row for row in first_load.rows("select * from marts.developers")}

    assert set(developers) == {"bea@example.com", "cem@example.com", "eva@example.com", "dan@example.com"}
    assert developers["bea@example.com"]["clockify_id"] == USERS[0]["id"]
    assert developers["bea@example.com"]["timezone"] == "Europe/Berlin"
    assert developers["bea@example.com"]["github_username"] == "beab"
    # A user whom no file names is a developer; a zone that does not exist is the agency's.
    assert developers["cem@example.com"]["timezone"] == "Europe/London"
    # Another address of the same person makes no second developer.
    assert developers["dan@example.com"]["clockify_id"] == USERS[2]["id"]


def test_clients_carry_file_and_clockify_together(first_load: DbtProject) -> None:
    clients = {row["name"]: row for row in first_load.rows("select * from marts.clients")}

    assert clients["Lingo"]["id"] == "CLI-6739d279"
    assert clients["Lingo"]["account_number"] == "LINGOTEC"
    assert (clients["Lingo"]["billing_model"], clients["Lingo"]["currency"]) == ("retainer", "EUR")
    assert (clients["Lingo"]["contact_name"], clients["Lingo"]["contact_email"]) == ("Lea Lang", "lea@lingo.example")
    assert clients["Acme"]["status"] == "inactive"
    assert clients["Acme"]["currency"] == "GBP"
    assert clients["New one"]["account_number"] == "JOESITSE"
    assert clients["New one"]["parent_client_id"] == "CLI-6739d279"


def test_projects_take_rate_and_class(first_load: DbtProject) -> None:
    projects = {row["name"]: row for row in first_load.rows("select * from marts.projects")}

    assert str(projects["Site"]["hourly_rate"]) == "90.5000"
    assert projects["Site"]["classification"] == "billable"
    assert projects["Proxima"]["hourly_rate"] is None
    assert projects["Proxima"]["classification"] == "internal"


def test_costs_are_in_private_alone(first_load: DbtProject) -> None:
    columns = first_load.rows(
        "select column_name from information_schema.columns where table_schema = 'marts' and column_name like '%cost%' "
        "and table_name in ('developers', 'clients', 'projects')"
    )

    assert columns == []
    assert str(first_load.value("select monthly_cost from private.developer_costs")) == "4000.00"
    assert first_load.rows("select 1 from marts.audit_logs where meta::text like '%4000%'") == []


def test_later_load_renames_nothing_and_soft_deletes_what_left_its_file(first_load: DbtProject) -> None:
    developers = _ids(first_load, "developers", "email")
    clients = _ids(first_load, "clients", "name")
    first_load.load(
        {
            # Smaller keys than those before, which a rebuild would put first; and a user for whom no developer waited.
            "clockify.users": [
                *USERS,
                {"id": "654bca180000000000000000", "email": "aaa@example.com", "name": "A", "status": "ACTIVE"},
                {"id": "111111110000000000000000", "email": "eva@example.com", "name": "Eva", "status": "ACTIVE"},
            ],
            "clockify.clients": [*CLIENTS, {"id": "111111110000000000000001", "name": "New one"}],
            "reference.clients": REFERENCE["reference.clients"][1:],
            "reference.service_types": REFERENCE["reference.service_types"][:1],
            "reference.client_terms": [],
        }
    )
    _build(first_load)

    later_developers = _ids(first_load, "developers", "email")
    assert developers.items() <= later_developers.items()
    assert later_developers["aaa@example.com"] == "DEV-654bca180"
    # Clockify came to know a client of the file: it is the same client.
    assert _ids(first_load, "clients", "name") == clients
    gone = first_load.rows("select is_deleted, deleted_at is not null as dated from marts.clients where name = 'Lingo'")
    assert gone == [{"is_deleted": True, "dated": True}]
    for table in ("contracts", "contract_periods"):
        assert first_load.rows(f"select distinct is_deleted from marts.{table}") == [{"is_deleted": True}]
    assert first_load.rows("select name, is_active from marts.service_types where is_deleted") == [
        {"name": "SEO", "is_active": False}
    ]


def test_audit_logs_tell_creations_changes_and_deletions(first_load: DbtProject) -> None:
    first_load.load(
        {
            "reference.service_types": [
                {"name": "Consultation", "is_billable": False},
                {"name": "SEO", "is_billable": True},
            ]
        }
    )
    _build(first_load)

    logs = first_load.rows(
        "select action, meta from marts.audit_logs where entity_type = 'service_type' order by created_at, action"
    )
    assert [log["action"] for log in logs].count("create_service_type") == 3
    assert [log["action"] for log in logs].count("delete_service_type") == 1
    [change] = [log["meta"] for log in logs if log["action"] == "update_service_type"]
    assert change == {"is_billable": {"from": None, "to": False}}
    assert first_load.rows("select name from marts.service_types where is_deleted") == []
