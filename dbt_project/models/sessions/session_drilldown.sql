{{ config(materialized='view') }}

with

claude_sessions as (
    select * from {{ ref('claude_sessions') }}
),

session_activity as (
    select * from {{ ref('session_activity') }}
),

session_prompts as (
    select * from {{ ref('session_prompts') }}
),

session_responses as (
    select * from {{ ref('session_responses') }}
),

session_messages as (
    select * from {{ ref('session_messages') }}
),

items as (
    select
        session_id,
        'prompt' as item_kind,
        id as item_id,
        id as prompt_id,
        timestamp,
        prompt_text as item_text,
        has_image,
        ticket_keys,
        null::text as agent_id,
        null::text as model,
        null::bigint as input_tokens,
        null::bigint as output_tokens,
        null::numeric(20, 10) as cost_usd,
        null::text as tools,
        null::jsonb as tool_calls
    from session_prompts
    union all
    select
        session_responses.session_id,
        'response' as item_kind,
        session_responses.id as item_id,
        session_responses.prompt_id,
        session_responses.timestamp,
        session_responses.response_text as item_text,
        null::boolean as has_image,
        null::text as ticket_keys,
        session_messages.agent_id,
        session_responses.model,
        session_responses.input_tokens,
        session_responses.output_tokens,
        session_messages.cost_usd,
        (
            select string_agg(calls.call ->> 'name', ', ' order by calls.place)
            from jsonb_array_elements(session_responses.tool_calls) with ordinality as calls (call, place)
        ) as tools,
        session_responses.tool_calls
    from session_responses
    inner join session_messages on session_responses.message_id = session_messages.message_id
),

final as (
    select
        claude_sessions.id as session_id,
        claude_sessions.developer_id,
        session_activity.id as activity_id,
        session_activity.bucket_start,
        session_activity.bucket_end,
        session_activity.summary,
        items.item_kind,
        items.item_id,
        items.prompt_id,
        items.timestamp,
        items.item_text,
        items.has_image,
        items.ticket_keys,
        items.agent_id,
        items.model,
        items.input_tokens,
        items.output_tokens,
        items.cost_usd,
        items.tools,
        items.tool_calls
    from items
    inner join claude_sessions on items.session_id = claude_sessions.id
    left join session_activity
        on
            items.session_id = session_activity.session_id
            and session_activity.bucket_start
            = date_bin('30 minutes', coalesce(items.timestamp, claude_sessions.session_start), timestamptz 'epoch')
)

select * from final
