{{ config(
    materialized='incremental',
    incremental_strategy='changed_sessions',
    on_schema_change='fail',
    indexes=[
        {'columns': ['id'], 'unique': true},
        {'columns': ['developer_id', 'session_start']},
        {'columns': ['client_id', 'session_start']},
        {'columns': ['project_id']},
        {'columns': ['session_start']},
        {'columns': ['session_end']},
    ],
    pre_hook="{{ allow_large_sorts() }}",
) }}

with

sessions as (
    select * from {{ ref('int_sessions__sessions') }}
    where {{ of_changed_sessions() }}
),

contexts as (
    select * from {{ ref('int_sessions__contexts') }}
    where {{ of_changed_sessions() }}
),

segments as (
    select * from {{ ref('int_sessions__segments') }}
    where {{ of_changed_sessions() }}
),

directories as (
    select * from {{ ref('int_sessions__directories') }}
),

session_messages as (
    select * from {{ ref('session_messages') }}
    where {{ of_changed_sessions() }}
),

session_prompts as (
    select * from {{ ref('session_prompts') }}
    where {{ of_changed_sessions() }}
),

stays as (
    select
        session_id,
        cwd,
        start_ms as at_ms,
        active_ms,
        false as is_copied
    from segments
    union all
    select
        session_id,
        cwd,
        first_ms as at_ms,
        0 as active_ms,
        is_copied
    from contexts
),

places as (
    select
        stays.session_id,
        directories.client_id,
        directories.project_id,
        sum(stays.active_ms) as active_ms,
        bool_and(stays.is_copied) as is_copied,
        min(stays.at_ms) as first_ms
    from stays
    inner join sessions on stays.session_id = sessions.session_id
    left join directories
        on
            stays.cwd = directories.cwd
            and directories.valid_from
            <= {{ local_date(instant_of_milliseconds('stays.at_ms'), 'sessions.timezone') }}
            and {{ local_date(instant_of_milliseconds('stays.at_ms'), 'sessions.timezone') }} < directories.valid_until
    group by stays.session_id, directories.client_id, directories.project_id
),

-- Directories without a client compete too; ties, and sessions without active time, go to the first that matches (rule 5.15).
own_places as (
    select distinct on (session_id)
        session_id,
        client_id,
        project_id
    from places
    order by
        session_id asc, active_ms desc, client_id is null asc, is_copied asc, first_ms asc,
        client_id collate "C" asc, project_id collate "C" asc
),

times as (
    select
        session_id,
        sum(active_ms)::bigint / 1000 as duration_seconds,
        sum(agent_ms)::bigint / 1000 as agent_seconds,
        sum(attended_ms)::bigint / 1000 as attended_seconds
    from segments
    group by session_id
),

usage_by_model as (
    select
        session_id,
        model,
        sum(input_tokens)::bigint as input_tokens,
        sum(output_tokens)::bigint as output_tokens,
        sum(cache_read_tokens)::bigint as cache_read_tokens,
        sum(cache_creation_5m_tokens + cache_creation_1h_tokens)::bigint as cache_creation_tokens,
        sum(cost_usd) as cost_usd,
        count(*) as api_requests
    from session_messages
    group by session_id, model
),

main_models as (
    select distinct on (session_id)
        session_id,
        model
    from usage_by_model
    where model is not null
    order by
        session_id asc,
        input_tokens + output_tokens + cache_read_tokens + cache_creation_tokens desc,
        model collate "C" asc
),

usage as (
    select
        session_id,
        sum(input_tokens)::bigint as input_tokens,
        sum(output_tokens)::bigint as output_tokens,
        sum(cache_read_tokens)::bigint as cache_read_tokens,
        sum(cache_creation_tokens)::bigint as cache_creation_tokens,
        sum(cost_usd) as cost_usd,
        sum(api_requests)::bigint as api_requests
    from usage_by_model
    group by session_id
),

prompts as (
    select
        session_id,
        count(*) as user_prompts
    from session_prompts
    group by session_id
),

final as (
    select
        sessions.session_id as id,
        sessions.developer_id,
        own_places.client_id,
        own_places.project_id,
        main_models.model,
        coalesce(usage.input_tokens, 0) as input_tokens,
        coalesce(usage.output_tokens, 0) as output_tokens,
        coalesce(usage.cache_read_tokens, 0) as cache_read_tokens,
        coalesce(usage.cache_creation_tokens, 0) as cache_creation_tokens,
        case when usage.api_requests is null then 0 else usage.cost_usd end::numeric(20, 10) as cost_usd,
        coalesce(times.duration_seconds, 0) as duration_seconds,
        coalesce(times.agent_seconds, 0) as agent_seconds,
        coalesce(times.attended_seconds, 0) as attended_seconds,
        coalesce(usage.api_requests, 0) as api_requests,
        coalesce(prompts.user_prompts, 0) as user_prompts,
        sessions.cwd,
        sessions.git_branch,
        sessions.version,
        sessions.host,
        {{ instant_of_milliseconds('sessions.first_ms') }} as session_start,
        {{ instant_of_milliseconds('sessions.last_ms') }} as session_end
    from sessions
    left join own_places on sessions.session_id = own_places.session_id
    left join main_models on sessions.session_id = main_models.session_id
    left join usage on sessions.session_id = usage.session_id
    left join times on sessions.session_id = times.session_id
    left join prompts on sessions.session_id = prompts.session_id
)

select * from final
