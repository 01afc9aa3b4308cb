"""Expectations of the raw tables of transcripts. No rule reads a text, and only counts are reported."""

from typing import Final

from assets.suites.rules import ISSUE_KEY, Rule, Suite, between, filled, matches, not_below, one_of, plausible_time
from sources.claude_code import schema

_FILE_ID: Final = r"^[0-9a-f]{16}$"
_UUID: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
# More than any model reads or writes in one answer.
_MOST_TOKENS: Final = 20_000_000
_PRICES: Final = ("input", "output", "cache_write_5m", "cache_write_1h", "cache_read")


def _place() -> tuple[Rule, ...]:
    return (
        matches("file_id", _FILE_ID),
        *(between(column, 0, severity="critical") for column in ("generation", "line_offset", "record_index")),
        # The file's name is used where a record names no session.
        matches("session_id", _UUID, mostly=0.9, severity="warning"),
    )


SUITE: Final = Suite(
    "claude_code",
    {
        schema.FILES: (
            matches("file_id", _FILE_ID),
            between("generation", 0, severity="critical"),
            between("read_offset", 0, severity="critical"),
            not_below("size_bytes", "read_offset", severity="critical"),
            *plausible_time("first_seen_at"),
        ),
        schema.MESSAGES: (
            *_place(),
            filled("answered_at", mostly=0.99, severity="warning"),
            filled("model", mostly=0.99, severity="warning"),
            *(
                between(column, 0, severity="critical")
                for column in (
                    "input_tokens",
                    "output_tokens",
                    "cache_read_tokens",
                    "cache_creation_tokens",
                    "cache_creation_1h_tokens",
                    "web_search_requests",
                )
            ),
            *(
                between(column, None, _MOST_TOKENS)
                for column in ("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens")
            ),
            not_below("cache_creation_tokens", "cache_creation_1h_tokens", mostly=0.99),
            one_of("speed", ("standard", "fast")),
            one_of("service_tier", ("standard", "priority", "batch")),
            between("line_cost_usd", 0, 1_000),
            *plausible_time("answered_at"),
        ),
        schema.EVENTS: (
            *_place(),
            one_of("kind", ("prompt", "answer", "tool_result", "progress", "other"), mostly=1, severity="critical"),
            *plausible_time("occurred_at"),
        ),
        schema.PROMPTS: (
            *_place(),
            one_of("kind", ("text", "slash_command", "queued_command"), mostly=1, severity="critical"),
            *plausible_time("prompted_at"),
        ),
        schema.TOOL_CALLS: (
            *_place(),
            between("block_index", 0, severity="critical"),
            filled("tool_name", mostly=0.99, severity="warning"),
            filled("tool_use_id", mostly=0.99, severity="warning"),
            *plausible_time("called_at"),
        ),
        schema.TICKET_MENTIONS: (
            *_place(),
            matches("ticket_key", ISSUE_KEY),
            one_of("origin", ("prompt", "branch", "pr_link"), mostly=1, severity="critical"),
            *plausible_time("mentioned_at"),
        ),
        schema.CATALOG_PRICES: (
            *(between(column, 0, 10_000, severity="critical") for column in _PRICES),
            between("above_prompt_tokens", 0, severity="critical"),
        ),
    },
    shows_values=False,
)
