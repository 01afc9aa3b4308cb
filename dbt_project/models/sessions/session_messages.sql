{{ config(
    materialized='incremental',
    incremental_strategy='changed_sessions',
    on_schema_change='fail',
    indexes=[
        {'columns': ['message_id'], 'unique': true},
        {'columns': ['session_id', 'answered_at']},
        {'columns': ['answered_at']},
        {'columns': ['client_id', 'answered_at']},
        {'columns': ['project_id']},
        {'columns': ['price_source']},
    ],
    pre_hook="{{ allow_large_sorts() }}",
) }}
{#- The terms that a price depends on, each with its column of the answer; a region's own price already includes the region. -#}
{%- set terms = {
    'speed': "case when " ~ is_fast_model('answers.model') ~ " then 'fast' else lower(answers.speed) end",
    'inference_geo': "lower(answers.inference_geo)",
    'service_tier': "lower(answers.service_tier)",
    'cloud_region': "case when model_prices.is_without_region then 'regional' end",
} %}

with

-- Everything in a line about whose the answer is and where it was given, as one number; the ids' hashes make the sort below cheap.
lines as (
    select
        answer_id as message_id,
        hashtextextended(answer_id, 0) as message_hash,
        hashtextextended(
            concat_ws(chr(31), session_id, coalesce(agent_id, ''), is_sidechain, coalesce(request_id, ''), coalesce(cwd, '')), 0
        ) as origin,
        session_id,
        agent_id,
        is_sidechain,
        is_forked,
        request_id,
        cwd,
        answered_at,
        model,
        input_tokens,
        output_tokens,
        cache_read_tokens,
        cache_creation_tokens,
        cache_creation_1h_tokens,
        web_search_requests,
        speed,
        service_tier,
        inference_geo,
        line_cost_usd,
        file_id,
        generation,
        line_offset,
        record_index
    from {{ ref('int_sessions__answer_lines') }}
    where {{ of_changed_sessions() }}
),

events as (
    select
        file_id,
        generation,
        line_offset,
        record_index,
        session_id,
        occurred_ms,
        cwd
    from {{ ref('stg_claude_code__events') }}
    where
        cwd is not null
        and {{ of_changed_sessions() }}
),

sessions as (
    select * from {{ ref('int_sessions__sessions') }}
),

directories as (
    select * from {{ ref('int_sessions__directories') }}
),

model_prices as (
    select * from {{ ref('int_sessions__model_prices') }}
),

price_multipliers as (
    select * from {{ ref('int_sessions__price_multipliers') }}
),

-- What the answer used: the whole line with the most output tokens, of equal ones the latest.
fullest_lines as (
    select distinct on (message_hash, message_id)
        message_hash,
        message_id,
        session_id,
        agent_id,
        is_sidechain,
        request_id,
        cwd,
        min(answered_at) over answer as first_answered_at,
        min(origin) over answer <> max(origin) over answer as has_several_origins,
        model,
        input_tokens,
        output_tokens,
        cache_read_tokens,
        greatest(cache_creation_tokens - cache_creation_1h_tokens, 0) as cache_creation_5m_tokens,
        cache_creation_1h_tokens,
        web_search_requests,
        speed,
        service_tier,
        inference_geo,
        line_cost_usd
    from lines
    window answer as (partition by message_hash, message_id)
    order by
        message_hash asc, message_id asc, output_tokens desc, answered_at desc nulls last,
        generation desc, line_offset desc, record_index desc, file_id desc
),

-- If its lines differ, the first one decides whose the answer is; of several copies, the one that is not a fork.
lines_of_several_origins as (
    select lines.*
    from lines
    inner join fullest_lines
        on
            lines.message_id = fullest_lines.message_id
            and fullest_lines.has_several_origins
),

first_lines as (
    select distinct on (message_id)
        message_id,
        session_id,
        agent_id,
        is_sidechain,
        request_id,
        cwd
    from lines_of_several_origins
    order by
        message_id asc, answered_at asc, is_forked asc, session_id collate "C" asc, is_sidechain asc, agent_id asc,
        generation desc, line_offset asc, record_index asc, file_id asc
),

origins as (
    select
        fullest_lines.*,
        coalesce(first_lines.session_id, fullest_lines.session_id) as kept_session_id,
        case when first_lines.message_id is null then fullest_lines.agent_id else first_lines.agent_id end as kept_agent_id,
        coalesce(first_lines.is_sidechain, fullest_lines.is_sidechain) as kept_is_sidechain,
        coalesce(first_lines.request_id, fullest_lines.request_id) as kept_request_id,
        coalesce(first_lines.cwd, fullest_lines.cwd) as kept_cwd
    from fullest_lines
    left join first_lines on fullest_lines.message_id = first_lines.message_id
),

without_directory as (
    select
        message_id,
        kept_session_id as session_id,
        {{ epoch_milliseconds('first_answered_at') }} as at_ms
    from origins
    where
        kept_cwd is null
        and first_answered_at is not null
),

-- The last directory known in the session, as for its seconds; the time comes first, so that the greatest is the latest.
last_directories as (
    select
        message_id,
        substr(
            max(directory) over (partition by session_id order by at_ms, message_id nulls first rows unbounded preceding), 21
        ) as cwd
    from (
        select
            session_id,
            at_ms,
            message_id,
            null as directory
        from without_directory
        union all
        select
            events.session_id,
            events.occurred_ms as at_ms,
            null as message_id,
            (lpad(events.occurred_ms::text, 20, '0') || events.cwd) collate "C" as directory
        from events
        where
            events.session_id in (select without_directory.session_id from without_directory)
            and not {{ is_copied('events') }}
    ) as in_time
),

answers as (
    select
        origins.message_id,
        origins.kept_session_id as session_id,
        origins.kept_agent_id as agent_id,
        origins.kept_is_sidechain as is_sidechain,
        origins.kept_request_id as request_id,
        origins.model,
        origins.first_answered_at as answered_at,
        origins.input_tokens,
        origins.output_tokens,
        origins.cache_read_tokens,
        origins.cache_creation_5m_tokens,
        origins.cache_creation_1h_tokens,
        origins.input_tokens + origins.cache_read_tokens
        + origins.cache_creation_5m_tokens + origins.cache_creation_1h_tokens as prompt_tokens,
        origins.web_search_requests,
        origins.speed,
        origins.service_tier,
        origins.inference_geo,
        origins.line_cost_usd,
        coalesce(origins.kept_cwd, last_directories.cwd, case when origins.first_answered_at is null then sessions.cwd end) as cwd,
        {{ local_date(
            'coalesce(origins.first_answered_at, ' ~ instant_of_milliseconds('sessions.first_ms') ~ ')', 'sessions.timezone'
        ) }} as local_date
    from origins
    inner join sessions on origins.kept_session_id = sessions.session_id
    left join last_directories on origins.message_id = last_directories.message_id
),

priced as (
    select
        answers.*,
        directories.client_id,
        directories.project_id,
        model_prices.price_source as list,
        (
            (
                answers.input_tokens * model_prices.input
                + answers.output_tokens * model_prices.output
                + answers.cache_read_tokens * model_prices.cache_read
                + answers.cache_creation_5m_tokens * model_prices.cache_write_5m
                + answers.cache_creation_1h_tokens * model_prices.cache_write_1h
            ) / 1000000
            {%- for term in terms %}
                * coalesce({{ term }}.multiplier, 1)
            {%- endfor %}
            + answers.web_search_requests * 0.01
        ) as list_cost_usd
    from answers
    left join model_prices
        on
            answers.model = model_prices.model
            -- An answer without a timestamp costs the latest list price.
            and coalesce(answers.answered_at, '9999-12-31 00:00+00') >= model_prices.valid_from
            and coalesce(answers.answered_at, '9999-12-31 00:00+00') < model_prices.valid_until
            -- The lowest size applies to an empty prompt too.
            and (answers.prompt_tokens > model_prices.above_prompt_tokens or (answers.prompt_tokens = 0 and model_prices.above_prompt_tokens = 0))
            and (model_prices.up_to_prompt_tokens is null or answers.prompt_tokens <= model_prices.up_to_prompt_tokens)
    {%- for term, value in terms.items() %}
        left join price_multipliers as {{ term }}
            on
                answers.model = {{ term }}.model
                and {{ term }}.term = '{{ term }}'
                and {{ term }}.value = {{ value }}
                and coalesce(answers.answered_at, '9999-12-31 00:00+00') >= {{ term }}.valid_from
                and coalesce(answers.answered_at, '9999-12-31 00:00+00') < {{ term }}.valid_until
    {%- endfor %}
    left join directories
        on
            answers.cwd = directories.cwd
            and answers.local_date >= directories.valid_from
            and answers.local_date < directories.valid_until
),

final as (
    select
        message_id,
        session_id,
        agent_id,
        is_sidechain,
        request_id,
        model,
        answered_at,
        input_tokens,
        output_tokens,
        cache_read_tokens,
        cache_creation_5m_tokens,
        cache_creation_1h_tokens,
        coalesce(line_cost_usd, list_cost_usd)::numeric(20, 10) as cost_usd,
        case
            when line_cost_usd is not null then 'line'
            when list_cost_usd is not null then list
        end as price_source,
        cwd,
        client_id,
        project_id
    from priced
)

select * from final
