"""Holds the session marts to a plain count of the same transcripts; counting itself is not done here."""

from orchestration.warehouse.connection import Warehouse
from tests.end_to_end.plain_transcripts import Plain

_COUNTS = (
    "sum(input_tokens)::bigint, sum(output_tokens)::bigint, sum(cache_read_tokens)::bigint, "
    "sum(cache_creation_tokens)::bigint"
)


def assert_marts_equal(warehouse: Warehouse, plain: Plain) -> None:
    """Compare session_messages, claude_sessions and session_activity with the plain count, row by row."""
    with warehouse.connect("owner") as connection:
        messages = {
            message_id: (session, tuple(tokens), at)
            for message_id, session, at, *tokens in connection.execute(
                "select message_id, session_id, (extract(epoch from answered_at) * 1000)::bigint, input_tokens, "
                "output_tokens, cache_read_tokens, cache_creation_5m_tokens + cache_creation_1h_tokens "
                "from marts.session_messages"
            )
        }
        sessions = {
            session: tuple(counts)
            for session, *counts in connection.execute(
                f"select id, {_COUNTS}, sum(api_requests)::bigint from marts.claude_sessions group by id"
            )
        }
        half_hours = {
            (session, int(number)): tuple(counts)
            for session, number, *counts in connection.execute(
                f"select session_id, extract(epoch from bucket_start) / 1800, {_COUNTS}, sum(api_requests)::bigint "
                "from marts.session_activity group by 1, 2"
            )
        }
        seconds: dict[str, int] = dict(
            connection.execute("select id, duration_seconds from marts.claude_sessions").fetchall()
        )
        prompts: dict[str, int] = dict(
            connection.execute("select id, user_prompts from marts.claude_sessions").fetchall()
        )
        bucket_sums = connection.execute(
            "select session_id, sum(active_seconds)::bigint, sum(user_prompts)::bigint "
            "from marts.session_activity group by 1"
        ).fetchall()
    expected = {key: (answer.session, answer.tokens, answer.at) for key, answer in plain.answers.items()}
    assert messages == expected
    none = (0,) * 5
    assert {key: counts for key, counts in sessions.items() if counts != none} == plain.sessions
    assert {key: counts for key, counts in half_hours.items() if counts != none} == plain.half_hours
    assert {key: value for key, value in seconds.items() if value} == {k: v for k, v in plain.seconds.items() if v}
    assert {key: value for key, value in prompts.items() if value} == plain.prompts
    assert {key: value for key, value, _ in bucket_sums if value} == {k: v for k, v in plain.seconds.items() if v}
    assert {key: value for key, _, value in bucket_sums if value} == plain.prompts
