-- Built last: the models below have processed everything that int_sessions__inputs saw when the run began.
-- depends_on: {{ ref('int_engineering__session_cells') }}
-- depends_on: {{ ref('int_sessions__segments') }}
-- depends_on: {{ ref('int_sessions__time_entries') }}
-- depends_on: {{ ref('claude_sessions') }}
-- depends_on: {{ ref('session_activity') }}
-- depends_on: {{ ref('session_message_copies') }}
-- depends_on: {{ ref('session_responses') }}
-- depends_on: {{ ref('session_tickets') }}
-- And after the tests that read it as the last run left it (macros/changed_rows.sql): of records, and of what staging leaves out.
-- depends_on: {{ ref('stg_claude_code__exclusions') }}
-- depends_on: {{ ref('stg_claude_code__ticket_mentions') }}
-- depends_on: {{ ref('stg_claude_code__tool_calls') }}
-- depends_on: {{ ref('stg_claude_code__unreadable_lines') }}
with

inputs as (
    select * from {{ ref('int_sessions__inputs') }}
),

final as (
    select
        kind,
        key,
        fingerprint,
        loaded_at
    from inputs
)

select * from final
