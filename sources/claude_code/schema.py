"""The raw tables of Claude Code transcripts: names, columns and keys. How a line is read does not belong here.

Rows are appended and never updated, `files` and `catalog_prices` excepted. The key of a row is the place of its record,
(file_id, generation, line_offset, record_index), and what is on a line never changes, so a row that is delivered twice
is the same row. A rewritten file begins a generation; lines of earlier ones count unless a later one has them too.

Two things that a reader of these tables must know, beyond the column descriptions:
- lines of one answer share `message_id`; every one of them is a row of `messages` (rule 5.2: the row with the most
  output tokens counts, later on ties);
- sub-agents' answers may be in a `progress` line, in a file of their own, or in both, so one `tool_use_id` may be
  in several rows of `tool_calls`.
"""

from datetime import timedelta
from typing import Any, Final

from sources.kit.spec import SourceSpec
from sources.kit.table import Column, Table


class TranscriptTable(Table):
    """A raw table with no columns but the declared ones: a record's place says which row it is, so no hash does."""

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """The declared columns."""
        return self.columns

    def dlt_hints(self) -> dict[str, Any]:
        """Arguments for `@dlt.resource`: rows of lines that are there already are left as they are.

        Insert-only merge and not append, because a run that is killed after the commit of one table and before that
        of the cursors is repeated: the second delivery finds its rows and adds none.
        """
        strategy = "upsert" if self.name in ("files", "catalog_prices") else "insert-only"
        return super().dlt_hints() | {"write_disposition": {"disposition": "merge", "strategy": strategy}}


_PLACE: Final = (
    Column("file_id", "text", "Hash of host and path: the row in `files`", required=True),
    Column("generation", "bigint", "How often the file had been rewritten when the line was read", required=True),
    Column("line_offset", "bigint", "Byte offset of the line's start within the file, unpacked", required=True),
    Column(
        "record_index",
        "bigint",
        "0, counted on for further records on one line and for answers nested in a progress record",
        required=True,
    ),
)
_PLACE_KEY: Final = ("file_id", "generation", "line_offset", "record_index")

_LOADED_AT: Final = Column("loaded_at", "timestamp", "Start of the run that landed the row", required=True)

_SESSION_ID: Final = Column(
    "session_id", "text", "The record's sessionId (sub-agents carry their parent's); without one, the file's"
)
_AGENT: Final = (
    Column("agent_id", "text", "Sub-agent that wrote the record; null in the main conversation"),
    Column("is_sidechain", "boolean", "Written by a sub-agent or in a side question"),
)
_CWD: Final = Column("cwd", "text", "Working directory of the record")
_GIT_BRANCH: Final = Column("git_branch", "text", "Branch checked out in the working directory")
_VERSION: Final = Column("version", "text", "Version of Claude Code that wrote the record")
_IS_FORKED: Final = Column("is_forked", "boolean", "The record names the session that it was copied from (forkedFrom)")

FILES: Final = TranscriptTable(
    "files",
    "Transcript files as last seen; a file that vanished stays (the tool cleans up after 30 days)",
    ("file_id",),
    (
        Column(
            "file_id", "text", "Hash of host and path as they were first; stays if the root is renamed", required=True
        ),
        Column("path", "text", "Path below the base folder for a relative session root, else absolute", required=True),
        Column("root_path", "text", "The session root's path as session_roots.csv writes it", required=True),
        Column("host", "text", "The session root's host"),
        Column("base_folder", "text", "Folder in which relative paths begin, absolute"),
        Column("home_folder", "text", "Home of who loads, for which `~` stands"),
        Column("generation", "bigint", "0; one more each time the file was found rewritten", required=True),
        Column(
            "size_bytes",
            "bigint",
            "Size when last read, bytes; negative if out of reach",
            required=True,
        ),
        Column("read_offset", "bigint", "Bytes read; what lies behind is a half-written line", required=True),
        Column("first_seen_at", "timestamp", "Start of the run that first read the file", required=True),
        # The rest of the cursor (files.py): by what the file is recognized, and where reading goes on.
        Column("modified_ns", "bigint", "Time of modification when last read, nanoseconds since 1970", required=True),
        Column("head_length", "bigint", "How many of the first bytes were hashed", required=True),
        Column("head_hash", "text", "Hash of the first bytes: the file's identity", required=True),
        Column("tail_hash", "text", "Hash of the last bytes before read_offset", required=True),
        Column(
            "open_offset", "bigint", "Offset of a whole last line that has no newline yet; -1 for none", required=True
        ),
        Column("open_records", "bigint", "Records of that line that have landed", required=True),
        Column("last_session_id", "text", "Session of the last record that named a branch"),
        Column("last_git_branch", "text", "That branch: a ticket is mentioned where the branch changes"),
        Column(
            "set_aside", "text", "What the file is if it is no transcript, such as `Codex rollout`; nothing is read"
        ),
        _LOADED_AT,
    ),
)

MESSAGES: Final = TranscriptTable(
    "messages",
    "Records that carry the usage of an API answer: assistant lines, and answers nested in progress lines",
    _PLACE_KEY,
    (
        *_PLACE,
        _SESSION_ID,
        *_AGENT,
        Column("uuid", "text", "The record's own id"),
        Column(
            "message_id",
            "text",
            "message.id; where it is absent requestId, else uuid, else the record's place, so that no usage is lost",
            required=True,
        ),
        Column("request_id", "text", "requestId; absent behind gateways and in some versions"),
        Column("answered_at", "timestamp", "Timestamp of the record (nested: of the nested record)"),
        Column("model", "text", "Model as named; `<synthetic>` is made by the client and is no call"),
        Column("input_tokens", "bigint", "Tokens of input that is neither read from nor written to the cache"),
        Column("output_tokens", "bigint", "Tokens of output; too few on all but the last line of an answer"),
        Column("cache_read_tokens", "bigint", "Tokens read from the cache"),
        Column("cache_creation_tokens", "bigint", "Tokens written to the cache, both lifetimes"),
        Column("cache_creation_1h_tokens", "bigint", "Of these, written for one hour; null if not split"),
        Column("web_search_requests", "bigint", "Web searches that the server ran"),
        Column("speed", "text", "standard or fast"),
        Column("service_tier", "text", "standard, priority or batch"),
        Column("inference_geo", "text", "Where the model ran; `us` adds a surcharge"),
        Column("stop_reason", "text", "Why the answer ended; null on most lines"),
        Column("is_api_error", "boolean", "The client's note of a failed call"),
        Column("line_cost_usd", "numeric", "costUSD of versions that wrote it"),
        _CWD,
        _GIT_BRANCH,
        _VERSION,
        _IS_FORKED,
        Column("response_text", "text", "Text blocks of the record, redacted; null where texts are not landed"),
        _LOADED_AT,
    ),
)

EVENTS: Final = TranscriptTable(
    "events",
    "Every record with a timestamp, of whatever type",
    _PLACE_KEY,
    (
        *_PLACE,
        _SESSION_ID,
        *_AGENT,
        Column("uuid", "text", "The record's own id"),
        Column("occurred_at", "timestamp", "The record's timestamp; not monotonic within a file", required=True),
        Column("kind", "text", "prompt, answer, tool_result, progress or other", required=True),
        _CWD,
        _GIT_BRANCH,
        _VERSION,
        _IS_FORKED,
        Column("prompt_id", "text", "promptId: gathers the records of one prompt, tool results included"),
        _LOADED_AT,
    ),
)

PROMPTS: Final = TranscriptTable(
    "prompts",
    "What a person wrote: text, slash commands, and commands that were queued while the machine worked",
    _PLACE_KEY,
    (
        *_PLACE,
        _SESSION_ID,
        Column("uuid", "text", "The record's own id"),
        Column("prompt_id", "text", "promptId; absent in older versions"),
        Column("prompted_at", "timestamp", "The record's timestamp"),
        Column("kind", "text", "text, slash_command or queued_command", required=True),
        Column("prompt_text", "text", "The person's words, redacted; null where texts are not landed"),
        Column("has_image", "boolean", "An image was given with the prompt", required=True),
        Column("ticket_keys", "json", "List of all that looks like a Jira key, upper case", required=True),
        _CWD,
        _GIT_BRANCH,
        _IS_FORKED,
        _LOADED_AT,
    ),
)

TOOL_CALLS: Final = TranscriptTable(
    "tool_calls",
    "Tools that an answer called, sub-agents' included",
    (*_PLACE_KEY, "block_index"),
    (
        *_PLACE,
        Column("block_index", "bigint", "Place of the call among the record's content blocks", required=True),
        _SESSION_ID,
        Column("uuid", "text", "The record's own id"),
        Column("message_id", "text", "The answer, as in `messages`"),
        Column("tool_use_id", "text", "The call's own id"),
        Column("tool_name", "text", "Name of the tool"),
        Column("tool_input", "json", "What the tool was given, redacted; null where texts are not landed"),
        Column("called_at", "timestamp", "Timestamp of the record"),
        _LOADED_AT,
    ),
)

TICKET_MENTIONS: Final = TranscriptTable(
    "ticket_mentions",
    "What looks like a Jira key in prompts, in branch names where the branch changes, and in pr-link records",
    (*_PLACE_KEY, "origin", "ticket_key"),
    (
        *_PLACE,
        _SESSION_ID,
        Column("ticket_key", "text", "Key, upper case; whether its project exists is for SQL to say", required=True),
        Column("mentioned_at", "timestamp", "The record's timestamp"),
        Column("origin", "text", "prompt, branch or pr_link", required=True),
        _LOADED_AT,
    ),
)

UNREADABLE_LINES: Final = TranscriptTable(
    "unreadable_lines",
    "Lines, or records of a line, that could not be read or in which a field has a type that makes no sense",
    _PLACE_KEY,
    (
        *_PLACE,
        Column("path", "text", "Path as in `files`", required=True),
        Column("byte_length", "bigint", "Length of the line, bytes", required=True),
        Column("reason", "text", "What is wrong, in words", required=True),
        Column("sample", "text", "Beginning of the line, redacted; null where texts are not landed"),
        _LOADED_AT,
    ),
)

CATALOG_PRICES: Final = TranscriptTable(
    "catalog_prices",
    "Prices of the models seen, as the package genai-prices knows them, US dollars per million tokens",
    ("model", "valid_from", "above_prompt_tokens"),
    (
        Column("model", "text", "Model as named in `messages`", required=True),
        Column("valid_from", "timestamp", "Start of validity; 1970-01-01 if from the beginning", required=True),
        Column("above_prompt_tokens", "bigint", "The price holds for prompts of more tokens than this", required=True),
        Column("input", "numeric", "Input"),
        Column("output", "numeric", "Output"),
        Column("cache_write_5m", "numeric", "Cache write that lives five minutes"),
        Column("cache_write_1h", "numeric", "Cache write that lives one hour: twice the input where not listed"),
        Column("cache_read", "numeric", "Cache read"),
        Column("package_version", "text", "Version of genai-prices", required=True),
        _LOADED_AT,
    ),
)

ROW_TABLES: Final = (MESSAGES, EVENTS, PROMPTS, TOOL_CALLS, TICKET_MENTIONS, UNREADABLE_LINES)
"""The tables that the reader fills from lines, each row with its place."""

TABLES: Final = (FILES, *ROW_TABLES, CATALOG_PRICES)

SPEC: Final = SourceSpec(
    name="claude_code",
    title="Claude Code transcripts",
    tables=TABLES,
    owner="team:engineering",
    cron="40 * * * *",
    fresh_within=timedelta(hours=3),
    required_settings=("roots",),
    optional_settings=("base_folder", "session_text"),
    supplied_settings={
        "roots": "name the folders of transcripts in {reference_dir}/session_roots.csv",
        "base_folder": "write absolute paths in {reference_dir}/session_roots.csv",
        "session_text": "set SESSION_TEXT",
    },
    age_tables=("files",),
)
