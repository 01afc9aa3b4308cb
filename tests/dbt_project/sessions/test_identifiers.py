"""Identifiers of session tables: natural keys that share 8 hex digits, over several loads and a full build."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count

from tests.dbt_project.conftest import DbtProject

SESSION_MODELS = ("workledger.staging.claude_code", "workledger.sessions", "int_changes__processed_session_inputs")
START = datetime(2026, 5, 1, 9, tzinfo=UTC)


def _digits(ticket_key: str) -> str:
    return sha256(f"s|{ticket_key.lower()}".encode()).hexdigest()


def _keys_that_share_eight_digits() -> tuple[str, str]:
    """Two ticket keys whose rows would bear one identifier."""
    seen: dict[str, str] = {}
    for number in count(1):
        ticket_key = f"CON-{number}"
        other = seen.setdefault(_digits(ticket_key)[:8], ticket_key)
        if other != ticket_key:
            return other, ticket_key
    raise AssertionError("unreachable")


def _tickets(project: DbtProject) -> dict[str, str]:
    return {row["ticket_key"]: row["id"] for row in project.rows("select * from marts.session_tickets")}


def test_identifier_seen_later_takes_one_digit_more_and_nothing_is_renamed(dbt_project: DbtProject) -> None:
    earlier, later = _keys_that_share_eight_digits()
    # The one that lands later was mentioned first, so that no order of time could give the same answer.
    times = {earlier: START + timedelta(hours=5), later: START}

    def land(*ticket_keys: str) -> None:
        place = {"file_id": "f", "generation": 0, "record_index": 0, "session_id": "s", "loaded_at": START}
        lines = [place | {"line_offset": number * 10} for number in range(len(ticket_keys))]
        dbt_project.load(
            {
                "claude_code.files": [
                    {
                        "file_id": "f",
                        "root_path": "r",
                        "generation": 0,
                        "read_offset": len(lines) * 10,
                        "loaded_at": START,
                    }
                ],
                "claude_code.events": [line | {"occurred_at": START, "kind": "other"} for line in lines],
                "claude_code.ticket_mentions": [
                    line | {"ticket_key": key, "mentioned_at": times[key], "origin": "prompt"}
                    for line, key in zip(lines, ticket_keys, strict=True)
                ],
            }
        )

    dbt_project.load(
        {
            "clockify.projects": [{"id": "p-con", "name": "Con"}],
            "reference.projects": [{"project": "Con", "status": "active", "jira_project_key": "CON"}],
        }
    )
    land(earlier)
    dbt_project.build("+session_tickets")
    assert _tickets(dbt_project) == {earlier: f"TKT-{_digits(earlier)[:8]}"}

    land(earlier, later)
    dbt_project.dbt("run", "--full-refresh", "--select", "int_sessions__inputs", "int_sessions__changed_sessions")
    with dbt_project.warehouse.connect("transformer") as connection:
        # What int_sessions__changed_sessions says of this load; not all of the tables it reads are built here.
        connection.execute("insert into intermediate.int_sessions__changed_sessions (session_id) values ('s')")
    dbt_project.dbt("run", "--select", "session_tickets")
    expected = {earlier: f"TKT-{_digits(earlier)[:8]}", later: f"TKT-{_digits(later)[:9]}"}
    assert _tickets(dbt_project) == expected

    # From empty, with the registry in place.
    dbt_project.dbt("run", "--full-refresh", "--select", "session_tickets")
    assert _tickets(dbt_project) == expected
    land(later)
    dbt_project.dbt("run", "--full-refresh", "--select", "session_tickets")
    assert _tickets(dbt_project) == {later: expected[later]}
