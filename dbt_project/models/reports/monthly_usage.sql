with

periods as (
    select * from {{ ref('contract_periods') }}
    where not is_deleted
),

contracts as (
    select * from {{ ref('contracts') }}
    where not is_deleted
),

clients as (
    select * from {{ ref('clients') }}
),

developers as (
    select * from {{ ref('developers') }}
),

allocations as (
    select * from {{ ref('int_billing__contract_allocations') }}
),

used as (
    select
        contract_period_id,
        contract_id,
        developer_id,
        local_date,
        sum(seconds)::bigint as used_seconds,
        coalesce(sum(seconds) filter (where part = 'overage'), 0)::bigint as overage_seconds
    from allocations
    group by contract_period_id, contract_id, developer_id, local_date
),

-- A period without work has one row, on its first day.
in_periods as (
    select
        periods.contract_id,
        periods.id as contract_period_id,
        periods.period_start,
        periods.period_end,
        used.developer_id,
        coalesce(used.local_date, periods.period_start) as local_date,
        coalesce(used.used_seconds, 0) as used_seconds,
        coalesce(used.overage_seconds, 0) as overage_seconds,
        periods.allocated_hours as period_allocated_hours,
        periods.used_hours as period_used_hours,
        periods.overage_hours as period_overage_hours,
        periods.remaining_hours as period_remaining_hours,
        periods.used_share as period_used_share
    from periods
    left join used on periods.id = used.contract_period_id
),

-- Contracts without an allowance use calendar months.
in_months as (
    select
        contract_id,
        null::text as contract_period_id,
        date_trunc('month', local_date)::date as period_start,
        (date_trunc('month', local_date) + interval '1 month - 1 day')::date as period_end,
        developer_id,
        local_date,
        used_seconds,
        overage_seconds,
        null::numeric as period_allocated_hours,
        sum(used_seconds) over (partition by contract_id, date_trunc('month', local_date)) / 3600 as period_used_hours,
        null::numeric as period_overage_hours,
        null::numeric as period_remaining_hours,
        null::numeric as period_used_share
    from used
    where contract_period_id is null
),

unioned as (
    select * from in_periods
    union all
    select * from in_months
),

final as (
    select
        contracts.client_id,
        clients.name as client,
        unioned.contract_id,
        contracts.contract_number,
        contracts.name as contract,
        contracts.service_category,
        unioned.contract_period_id,
        unioned.period_start,
        unioned.period_end,
        unioned.developer_id,
        developers.name as developer,
        unioned.local_date,
        unioned.used_seconds,
        unioned.overage_seconds,
        {{ hours('unioned.used_seconds') }} as used_hours,
        {{ hours('unioned.overage_seconds') }} as overage_hours,
        unioned.period_allocated_hours::numeric(14, 6) as period_allocated_hours,
        unioned.period_used_hours::numeric(14, 6) as period_used_hours,
        unioned.period_overage_hours::numeric(14, 6) as period_overage_hours,
        unioned.period_remaining_hours::numeric(14, 6) as period_remaining_hours,
        unioned.period_used_share::numeric(12, 4) as period_used_share
    from unioned
    inner join contracts on unioned.contract_id = contracts.id
    left join clients on contracts.client_id = clients.id
    left join developers on unioned.developer_id = developers.id
)

select * from final
