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
    ],
    pre_hook="{{ allow_large_sorts() }}",
) }}

with

lines as (
    select * from {{ ref('stg_claude_code__messages') }}
    where
        not is_synthetic
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

-- Whose the answer is and where it was given: its first line, of several copies the one that is no fork.
first_lines as (
    select distinct on (message_id)
        message_id,
        session_id,
        agent_id,
        is_sidechain,
        request_id,
        answered_at,
        cwd
    from lines
    order by
        message_id, answered_at, is_forked, session_id collate "C", is_sidechain, agent_id, line_offset, record_index, file_id
),

-- What the answer used: the whole line with the most output tokens, of equal ones the latest.
fullest_lines as (
    select distinct on (message_id)
        message_id,
        request_id,
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
        line_cost_usd,
        cwd
    from lines
    order by message_id, output_tokens desc, answered_at desc nulls last, line_offset desc, record_index desc, file_id desc
),

answers as (
    select
        first_lines.message_id,
        first_lines.session_id,
        first_lines.agent_id,
        first_lines.is_sidechain,
        coalesce(first_lines.request_id, fullest_lines.request_id) as request_id,
        fullest_lines.model,
        first_lines.answered_at,
        fullest_lines.input_tokens,
        fullest_lines.output_tokens,
        fullest_lines.cache_read_tokens,
        fullest_lines.cache_creation_5m_tokens,
        fullest_lines.cache_creation_1h_tokens,
        fullest_lines.input_tokens + fullest_lines.cache_read_tokens
        + fullest_lines.cache_creation_5m_tokens + fullest_lines.cache_creation_1h_tokens as prompt_tokens,
        fullest_lines.web_search_requests,
        fullest_lines.speed,
        fullest_lines.service_tier,
        fullest_lines.inference_geo,
        fullest_lines.line_cost_usd,
        coalesce(first_lines.cwd, fullest_lines.cwd, sessions.cwd) as cwd,
        {{ local_date(
            'coalesce(first_lines.answered_at, ' ~ instant_of_milliseconds('sessions.first_ms') ~ ')', 'sessions.timezone'
        ) }} as local_date
    from first_lines
    inner join fullest_lines on first_lines.message_id = fullest_lines.message_id
    inner join sessions on first_lines.session_id = sessions.session_id
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
            * case when answers.speed = 'fast' then model_prices.fast_multiplier else 1 end
            * case when answers.inference_geo = 'us' then model_prices.us_multiplier else 1 end
            * case when answers.service_tier = 'batch' then 0.5 else 1 end
            + answers.web_search_requests * 0.01
        ) as list_cost_usd
    from answers
    left join model_prices
        on
            answers.model = model_prices.model
            -- An answer of unknown time costs what the latest list says.
            and coalesce(answers.answered_at, '9999-12-31 00:00+00') >= model_prices.valid_from
            and coalesce(answers.answered_at, '9999-12-31 00:00+00') < model_prices.valid_until
            -- The lowest size holds for an empty prompt too.
            and (answers.prompt_tokens > model_prices.above_prompt_tokens or (answers.prompt_tokens = 0 and model_prices.above_prompt_tokens = 0))
            and (model_prices.up_to_prompt_tokens is null or answers.prompt_tokens <= model_prices.up_to_prompt_tokens)
    left join directories
        on
            answers.cwd = directories.cwd
            and directories.valid_from <= answers.local_date
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
