{{ config(materialized='incremental', incremental_strategy='changed_dates', on_schema_change='append_new_columns', indexes=[
    {'columns': ['developer_id', 'client_id', 'local_date']},
    {'columns': ['developer_id', 'local_date']},
    {'columns': ['client_id', 'local_date']},
    {'columns': ['local_date']},
]) }}

with

daily_overlay as (
    select * from {{ ref('daily_overlay') }}
    where {{ of_changed_dates() }}
),

session_cells as (
    select * from {{ ref('int_engineering__session_cells') }}
    where {{ of_changed_dates() }}
),

session_tickets as (
    select * from {{ ref('session_tickets') }}
),

entries as (
    select * from {{ ref('time_entries') }}
    where
        issue_key is not null and (is_counted or not_counted_reason = 'superseded')
        and {{ of_changed_dates() }}
),

present_keys as (
    select * from {{ ref('int_engineering__issue_keys') }}
),

pull_requests as (
    select * from {{ ref('pull_requests') }}
    where
        merged_at is not null and not is_bot
        and {{ of_changed_dates('merged_date') }}
),

overlaid as (
    select
        developer_id,
        client_id,
        local_date,
        sum(counted_seconds) as counted_seconds,
        sum(active_seconds) as active_seconds,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens,
        sum(cache_read_tokens) as cache_read_tokens,
        sum(cache_creation_tokens) as cache_creation_tokens,
        sum(api_requests) as api_requests,
        sum(cost_usd) filter (where api_requests > 0) as cost_usd,
        sum(user_prompts) as user_prompts,
        sum(commits) as commits,
        sum(pull_requests_opened) as pull_requests_opened,
        sum(pull_requests_merged) as pull_requests_merged
    from daily_overlay
    group by developer_id, client_id, local_date
),

day_sessions as (
    select distinct
        developer_id,
        client_id,
        local_date,
        session_id
    from session_cells
),

session_counts as (
    select
        developer_id,
        client_id,
        local_date,
        count(*) as sessions
    from day_sessions
    group by developer_id, client_id, local_date
),

-- Keys of the day's sessions and worklogs (rule 8.8), a moved issue by its present key.
tickets as (
    select
        mentions.developer_id,
        mentions.client_id,
        mentions.local_date,
        count(distinct coalesce(present_keys.issue_key, mentions.key)) as tickets
    from (
        select
            day_sessions.developer_id,
            day_sessions.client_id,
            day_sessions.local_date,
            session_tickets.ticket_key as key
        from day_sessions
        inner join session_tickets on day_sessions.session_id = session_tickets.session_id
        union
        select
            developer_id,
            client_id,
            local_date,
            issue_key as key
        from entries
    ) as mentions
    left join present_keys on mentions.key = present_keys.key
    group by mentions.developer_id, mentions.client_id, mentions.local_date
),

lines_merged as (
    select
        developer_id,
        client_id,
        merged_date as local_date,
        sum(additions) as lines_added,
        sum(deletions) as lines_deleted
    from pull_requests
    group by developer_id, client_id, merged_date
),

-- Worklogs that do not count still add their tickets, even to days without anything else.
days as (
    select
        developer_id,
        client_id,
        local_date
    from overlaid
    union
    select
        developer_id,
        client_id,
        local_date
    from tickets
),

-- Joined by text, so that days without a developer or client join like all others.
final as (
    select
        days.developer_id,
        days.client_id,
        days.local_date,
        coalesce(overlaid.counted_seconds, 0)::bigint as counted_seconds,
        coalesce(session_counts.sessions, 0) as sessions,
        coalesce(overlaid.active_seconds, 0)::bigint as active_seconds,
        coalesce(overlaid.input_tokens, 0)::bigint as input_tokens,
        coalesce(overlaid.output_tokens, 0)::bigint as output_tokens,
        coalesce(overlaid.cache_read_tokens, 0)::bigint as cache_read_tokens,
        coalesce(overlaid.cache_creation_tokens, 0)::bigint as cache_creation_tokens,
        case when coalesce(overlaid.api_requests, 0) = 0 then 0 else overlaid.cost_usd end::numeric(20, 10) as cost_usd,
        coalesce(overlaid.user_prompts, 0)::bigint as user_prompts,
        coalesce(overlaid.commits, 0)::bigint as commits,
        coalesce(overlaid.pull_requests_opened, 0)::bigint as pull_requests_opened,
        coalesce(overlaid.pull_requests_merged, 0)::bigint as pull_requests_merged,
        coalesce(lines_merged.lines_added, 0)::bigint as lines_added,
        coalesce(lines_merged.lines_deleted, 0)::bigint as lines_deleted,
        coalesce(tickets.tickets, 0) as tickets
    from
        days
    {%- for part in ['overlaid', 'session_counts', 'tickets', 'lines_merged'] %}
    left join {{ part }}
        on
            days.local_date = {{ part }}.local_date
            and coalesce(days.developer_id, '') = coalesce({{ part }}.developer_id, '')
            and coalesce(days.client_id, '') = coalesce({{ part }}.client_id, '')
    {%- endfor %}
)

select * from final
