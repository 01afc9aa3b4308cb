with

developers as (
    select * from {{ ref('int_identity__developers') }}
),

developer_costs as (
    select * from {{ ref('developer_costs') }}
),

entries as (
    select * from {{ ref('time_entries') }}
    where is_counted and developer_id is not null
),

calendar as (
    select * from {{ ref('calendar') }}
    where is_working_day
),

agency as (
    select
        *,
        {{ as_of_date('timezone') }} as as_of_date
    from {{ ref('int_identity__agency') }}
),

first_months as (
    select {{ month_of('min(local_date)') }} as month from entries
),

-- A developer with a cost is available while the cost is in force; one without, as long as the file calls them active.
spans as (
    select
        developer_costs.developer_id,
        coalesce(developer_costs.valid_from, first_months.month) as valid_from,
        coalesce(developer_costs.valid_to, 'infinity'::date) as valid_to
    from developer_costs
    cross join first_months
    where developer_costs.developer_id is not null
    union all
    select
        developers.developer_id,
        first_months.month as valid_from,
        'infinity'::date as valid_to
    from developers
    cross join first_months
    where
        developers.is_in_reference
        and developers.status = 'active'
        and not exists (
            select 1 from developer_costs
            where developer_costs.developer_id = developers.developer_id
        )
),

working_days as (
    select
        calendar.day,
        calendar.month,
        calendar.working_seconds
    from calendar
    inner join agency on calendar.day <= agency.as_of_date
),

available as (
    select
        spans.developer_id,
        working_days.month,
        sum(working_days.working_seconds)::bigint as available_seconds
    from spans
    inner join working_days on working_days.day between spans.valid_from and spans.valid_to
    group by spans.developer_id, working_days.month
),

worked as (
    select
        developer_id,
        {{ month_of('local_date') }} as month,
        sum(allocated_seconds)::bigint as counted_seconds,
        coalesce(sum(allocated_seconds) filter (where client_id is not null), 0)::bigint as client_seconds,
        coalesce(sum(allocated_seconds) filter (where billable), 0)::bigint as billable_seconds
    from entries
    group by developer_id, {{ month_of('local_date') }}
),

final as (
    select
        coalesce(available.developer_id, worked.developer_id) as developer_id,
        coalesce(available.month, worked.month) as month,
        coalesce(available.available_seconds, 0) as available_seconds,
        coalesce(worked.counted_seconds, 0) as counted_seconds,
        coalesce(worked.client_seconds, 0) as client_seconds,
        coalesce(worked.billable_seconds, 0) as billable_seconds
    from available
    full outer join worked on available.developer_id = worked.developer_id and available.month = worked.month
)

select * from final
