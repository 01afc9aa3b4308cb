{{ config(
    materialized='incremental',
    incremental_strategy='changed_sessions',
    on_schema_change='fail',
    indexes=[
        {'columns': ['id'], 'unique': true},
        {'columns': ['session_id', 'bucket_start'], 'unique': true},
        {'columns': ['bucket_start']},
    ],
    pre_hook="{{ allow_large_sorts() }}",
    post_hook="{{ register_contested_identifiers('ACT', session_bucket_key()) }}",
) }}

with

sessions as (
    select
        session_id,
        {{ instant_of_milliseconds('first_ms') }} as session_start
    from {{ ref('int_sessions__sessions') }}
    where {{ of_changed_sessions() }}
),

segments as (
    select * from {{ ref('int_sessions__segments') }}
    where {{ of_changed_sessions() }}
),

session_messages as (
    select * from {{ ref('session_messages') }}
    where {{ of_changed_sessions() }}
),

session_prompts as (
    select * from {{ ref('session_prompts') }}
    where {{ of_changed_sessions() }}
),

tool_calls as (
    select * from {{ ref('int_sessions__answer_calls') }}
    where {{ of_changed_sessions() }}
),

ticket_mentions as (
    select * from {{ ref('stg_claude_code__ticket_mentions') }}
    where {{ of_changed_sessions() }}
),

project_keys as (
    select * from {{ ref('int_identity__project_keys') }}
),

-- Answers and prompts without a timestamp count in their session's first half hour.
answers as (
    select
        session_messages.message_id,
        session_messages.session_id,
        session_messages.input_tokens,
        session_messages.output_tokens,
        session_messages.cache_read_tokens,
        session_messages.cache_creation_5m_tokens + session_messages.cache_creation_1h_tokens as cache_creation_tokens,
        session_messages.cost_usd,
        {{ bucket_number('coalesce(session_messages.answered_at, sessions.session_start)') }} as bucket
    from session_messages
    inner join sessions on session_messages.session_id = sessions.session_id
),

prompts_in_buckets as (
    select
        session_prompts.session_id,
        {{ bucket_number('coalesce(session_prompts.timestamp, sessions.session_start)') }} as bucket,
        count(*) as user_prompts
    from session_prompts
    inner join sessions on session_prompts.session_id = sessions.session_id
    group by session_prompts.session_id, bucket
),

answers_in_buckets as (
    select
        session_id,
        bucket,
        sum(input_tokens)::bigint as input_tokens,
        sum(output_tokens)::bigint as output_tokens,
        sum(cache_read_tokens)::bigint as cache_read_tokens,
        sum(cache_creation_tokens)::bigint as cache_creation_tokens,
        count(*) as api_requests,
        sum(cost_usd) as cost_usd
    from answers
    group by session_id, bucket
),

time_in_buckets as (
    select
        session_id,
        slot / 2 as bucket,
        sum(active_ms) as active_ms,
        sum(agent_ms) as agent_ms,
        sum(attended_ms) as attended_ms
    from segments
    group by session_id, bucket
),

-- Each session's floored seconds are shared out over its half hours (rule 5.12).
seconds_in_buckets as (
    select
        session_id,
        bucket,
    {% for kind in ['active', 'agent', 'attended'] -%}
        {{ dealt(
            'div(sum(' ~ kind ~ '_ms) over (partition by session_id), 1000)', kind ~ '_ms', 1000, 'session_id', 'bucket'
        ) }} as {{ kind }}_seconds{{ ',' if not loop.last }}
    {% endfor %}
    from time_in_buckets
),

-- A call appears in every copy of its answer's lines and counts once, in its answer's half hour.
tools_in_buckets as (
    select
        answers.session_id,
        answers.bucket,
        calls.tool_name,
        count(*) as calls
    from (
        select
            answer_id as message_id,
            tool_name
        from tool_calls
        where tool_name is not null
        group by answer_id, tool_name, call_key
    ) as calls
    inner join answers on calls.message_id = answers.message_id
    group by answers.session_id, answers.bucket, calls.tool_name
),

tool_lists as (
    select
        session_id,
        bucket,
        string_agg(tool_name || ' ' || calls, ', ' order by calls desc, tool_name collate "C") as tools
    from tools_in_buckets
    group by session_id, bucket
),

tickets_in_buckets as (
    select distinct
        ticket_mentions.session_id,
        {{ bucket_number('coalesce(ticket_mentions.mentioned_at, sessions.session_start)') }} as bucket,
        ticket_mentions.ticket_key
    from ticket_mentions
    inner join sessions on ticket_mentions.session_id = sessions.session_id
    inner join project_keys on ticket_mentions.project_key = project_keys.project_key
    where not {{ is_copied('ticket_mentions') }}
),

ticket_lists as (
    select
        session_id,
        bucket,
        string_agg(ticket_key, ', ' order by ticket_key collate "C") as tickets
    from tickets_in_buckets
    group by session_id, bucket
),

-- A session without any timestamp has no half hours.
buckets as (
    select
        session_id,
        bucket
    from answers_in_buckets
    where bucket is not null
    union
    select
        session_id,
        bucket
    from prompts_in_buckets
    where bucket is not null
    union
    select
        session_id,
        bucket
    from time_in_buckets
),

rows_to_name as (
    select
        buckets.session_id,
        {{ bucket_start('buckets.bucket') }} as bucket_start,
        {{ bucket_start('(buckets.bucket + 1)') }} as bucket_end,
        coalesce(answers_in_buckets.input_tokens, 0) as input_tokens,
        coalesce(answers_in_buckets.output_tokens, 0) as output_tokens,
        coalesce(answers_in_buckets.cache_read_tokens, 0) as cache_read_tokens,
        coalesce(answers_in_buckets.cache_creation_tokens, 0) as cache_creation_tokens,
        coalesce(answers_in_buckets.api_requests, 0) as api_requests,
        coalesce(prompts_in_buckets.user_prompts, 0) as user_prompts,
        case when answers_in_buckets.api_requests is null then 0 else answers_in_buckets.cost_usd end::numeric(20, 10) as cost_usd,
        coalesce(seconds_in_buckets.active_seconds, 0) as active_seconds,
        coalesce(seconds_in_buckets.agent_seconds, 0) as agent_seconds,
        coalesce(seconds_in_buckets.attended_seconds, 0) as attended_seconds,
        concat_ws(
            ', ',
            {{ counted('prompts_in_buckets.user_prompts', 'prompt') }},
            {{ counted('answers_in_buckets.api_requests', 'answer') }},
            tool_lists.tools,
            ticket_lists.tickets
        ) as summary
    from buckets
    left join answers_in_buckets
        on
            buckets.session_id = answers_in_buckets.session_id
            and buckets.bucket = answers_in_buckets.bucket
    left join prompts_in_buckets
        on
            buckets.session_id = prompts_in_buckets.session_id
            and buckets.bucket = prompts_in_buckets.bucket
    left join seconds_in_buckets
        on
            buckets.session_id = seconds_in_buckets.session_id
            and buckets.bucket = seconds_in_buckets.bucket
    left join tool_lists
        on
            buckets.session_id = tool_lists.session_id
            and buckets.bucket = tool_lists.bucket
    left join ticket_lists
        on
            buckets.session_id = ticket_lists.session_id
            and buckets.bucket = ticket_lists.bucket
),

{{ with_identifiers('rows_to_name', 'ACT', session_bucket_key(), 'bucket_start') }},

final as (
    select
        id,
        session_id,
        bucket_start,
        bucket_end,
        input_tokens,
        output_tokens,
        cache_read_tokens,
        cache_creation_tokens,
        api_requests,
        user_prompts,
        cost_usd,
        active_seconds,
        agent_seconds,
        attended_seconds,
        summary
    from identified
)

select * from final
