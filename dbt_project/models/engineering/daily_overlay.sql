{{ config(materialized='incremental', incremental_strategy='changed_dates', on_schema_change='append_new_columns', indexes=[
    {'columns': ['developer_id', 'client_id', 'local_date', 'bucket_start']},
    {'columns': ['developer_id', 'local_date']},
    {'columns': ['client_id', 'local_date']},
    {'columns': ['local_date']},
    {'columns': ['bucket_start']},
], pre_hook="{{ allow_large_sorts() }}") }}

with

session_cells as (
    select * from {{ ref('int_engineering__session_cells') }}
    where {{ of_changed_dates() }}
),

entries as (
    select
        *,
        -- An entry with whole-second start and end that counts in full has whole seconds in every half hour.
        source != 'claude_session'
        and start_time = date_trunc('second', start_time)
        and end_time = start_time + allocated_seconds * interval '1 second' as is_exact,
        date_part('epoch', start_time)::bigint as start_second,
        date_part('epoch', end_time)::bigint as end_second
    from {{ ref('time_entries') }}
    where
        is_counted and allocated_seconds > 0
        and {{ of_changed_dates() }}
),

commits as (
    select * from {{ ref('commits') }}
    where
        is_reachable and not is_merge and not is_bot
        and {{ of_changed_dates() }}
),

pull_requests as (
    select * from {{ ref('pull_requests') }}
    where not is_bot
),

exact_time as (
    select
        entries.developer_id,
        entries.client_id,
        entries.local_date,
        buckets.bucket,
        least(entries.end_second, (buckets.bucket + 1) * 1800) - greatest(entries.start_second, buckets.bucket * 1800) as seconds
    from entries
    cross join
        lateral generate_series(entries.start_second / 1800, (entries.end_second - 1) / 1800) as buckets (bucket)
    where entries.is_exact
),

-- Any other entry with times is spread over the half hours that it crosses, in proportion to the time within each.
weighted_by_clock as (
    select
        entries.id,
        buckets.bucket,
        extract(
            epoch from least(entries.end_time, {{ bucket_start('(buckets.bucket + 1)') }})
            - greatest(entries.start_time, {{ bucket_start('buckets.bucket') }})
        ) as weight
    from entries
    cross join
        lateral generate_series(
            {{ bucket_number('entries.start_time') }},
            greatest({{ bucket_number("entries.end_time - interval '1 microsecond'") }}, {{ bucket_number('entries.start_time') }})
        ) as buckets (bucket)
    where entries.source != 'claude_session' and entries.end_time >= entries.start_time and not entries.is_exact
),

-- A session's entry goes to the half hours in which the session was active for the client.
weighted_by_activity as (
    select
        entries.id,
        {{ bucket_number('session_cells.bucket_start') }} as bucket,
        session_cells.active_seconds as weight
    from entries
    inner join session_cells
        on
            entries.session_id = session_cells.session_id
            and entries.local_date = session_cells.local_date
            and coalesce(entries.client_id, '') = coalesce(session_cells.client_id, '')
    where entries.source = 'claude_session' and session_cells.active_seconds > 0
),

weights as (
    select
        id,
        bucket,
        (weight * 1000000)::bigint::numeric as weight,
        -- An entry without length goes to its first half hour.
        greatest(sum((weight * 1000000)::bigint) over (partition by id), 1)::numeric as total_weight
    from (
        select
            id,
            bucket,
            weight
        from weighted_by_clock
        union all
        select
            id,
            bucket,
            weight
        from weighted_by_activity
    ) as weighted
),

-- Entries without times, and session fragments shorter than a second, have no half hour.
dealt_time as (
    select
        entries.developer_id,
        entries.client_id,
        entries.local_date,
        weights.bucket,
        case
            when weights.id is null then entries.allocated_seconds
            else
                {{ dealt(
                    'entries.allocated_seconds', 'entries.allocated_seconds * weights.weight', 'weights.total_weight', 'entries.id',
                    'weights.bucket'
                ) }}
        end as seconds
    from entries
    left join weights on entries.id = weights.id
    where not coalesce(entries.is_exact, false)
),

counted_time as (
    select
        developer_id,
        client_id,
        local_date,
        {{ bucket_start('bucket') }} as bucket_start,
        sum(seconds)::bigint as seconds
    from (
        select * from exact_time
        union all
        select * from dealt_time
    ) as timed
    group by developer_id, client_id, local_date, bucket
),

parts as (
    select
        developer_id,
        client_id,
        local_date,
        bucket_start,
        0::bigint as counted_seconds,
        active_seconds,
        agent_seconds,
        attended_seconds,
        input_tokens,
        output_tokens,
        cache_read_tokens,
        cache_creation_tokens,
        api_requests,
        cost_usd,
        user_prompts,
        0 as commits,
        0 as pull_requests_opened,
        0 as pull_requests_merged
    from session_cells
    union all
    select
        developer_id,
        client_id,
        local_date,
        bucket_start,
        seconds as counted_seconds,
        0 as active_seconds,
        0 as agent_seconds,
        0 as attended_seconds,
        0 as input_tokens,
        0 as output_tokens,
        0 as cache_read_tokens,
        0 as cache_creation_tokens,
        0 as api_requests,
        null as cost_usd,
        0 as user_prompts,
        0 as commits,
        0 as pull_requests_opened,
        0 as pull_requests_merged
    from counted_time
    union all
    select
        markers.developer_id,
        markers.client_id,
        markers.local_date,
        {{ bucket_start(bucket_number('markers.marked_at')) }} as bucket_start,
        0 as counted_seconds,
        0 as active_seconds,
        0 as agent_seconds,
        0 as attended_seconds,
        0 as input_tokens,
        0 as output_tokens,
        0 as cache_read_tokens,
        0 as cache_creation_tokens,
        0 as api_requests,
        null as cost_usd,
        0 as user_prompts,
        (markers.kind = 'commit')::integer as commits,
        (markers.kind = 'opened')::integer as pull_requests_opened,
        (markers.kind = 'merged')::integer as pull_requests_merged
    from (
        select
            developer_id,
            client_id,
            local_date,
            coalesce(authored_at, committed_at) as marked_at,
            'commit' as kind
        from commits
        union all
        select
            developer_id,
            client_id,
            opened_date as local_date,
            opened_at as marked_at,
            'opened' as kind
        from pull_requests
        where {{ of_changed_dates('opened_date') }}
        union all
        select
            developer_id,
            client_id,
            merged_date as local_date,
            merged_at as marked_at,
            'merged' as kind
        from pull_requests
        where
            merged_at is not null
            and {{ of_changed_dates('merged_date') }}
    ) as markers
),

final as (
    select
        developer_id,
        client_id,
        local_date,
        bucket_start,
        bucket_start + interval '30 minutes' as bucket_end,
        sum(counted_seconds)::bigint as counted_seconds,
        sum(active_seconds)::bigint as active_seconds,
        sum(agent_seconds)::bigint as agent_seconds,
        sum(attended_seconds)::bigint as attended_seconds,
        sum(input_tokens)::bigint as input_tokens,
        sum(output_tokens)::bigint as output_tokens,
        sum(cache_read_tokens)::bigint as cache_read_tokens,
        sum(cache_creation_tokens)::bigint as cache_creation_tokens,
        sum(api_requests)::bigint as api_requests,
        case when sum(api_requests) = 0 then 0 else sum(cost_usd) end::numeric(20, 10) as cost_usd,
        sum(user_prompts)::bigint as user_prompts,
        sum(commits)::bigint as commits,
        sum(pull_requests_opened)::bigint as pull_requests_opened,
        sum(pull_requests_merged)::bigint as pull_requests_merged
    from parts
    group by developer_id, client_id, local_date, bucket_start
)

select * from final
