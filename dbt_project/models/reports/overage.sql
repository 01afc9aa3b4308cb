{{ config(indexes=[{'columns': ['contract_period_id']}, {'columns': ['local_date']}]) }}

with

periods as (
    select
        *,
        round(total_overage_amount * 100)::bigint as cents,
        round(overage_hours * 3600)::bigint as overage_seconds
    from {{ ref('contract_periods') }}
    where overage_hours > 0 and not is_deleted
),

allocations as (
    select * from {{ ref('int_billing__contract_allocations') }}
    where part = 'overage'
),

contracts as (
    select * from {{ ref('contracts') }}
),

clients as (
    select * from {{ ref('clients') }}
),

developers as (
    select * from {{ ref('developers') }}
),

worked as (
    select
        contract_period_id,
        developer_id,
        local_date,
        sum(seconds)::bigint as overage_seconds
    from allocations
    group by contract_period_id, developer_id, local_date
),

-- The period's amount is rounded once; its cents are shared out over who worked, so that the parts add up to it.
dealt as (
    select
        periods.id as contract_period_id,
        worked.developer_id,
        worked.local_date,
        worked.overage_seconds,
        {{ dealt('periods.cents', 'worked.overage_seconds * periods.cents', 'periods.overage_seconds', 'periods.id',
            'worked.local_date, worked.developer_id') }} as cents
    from periods
    inner join worked on periods.id = worked.contract_period_id
),

final as (
    select
        contracts.client_id,
        clients.name as client,
        periods.contract_id,
        contracts.contract_number,
        contracts.name as contract,
        contracts.service_category,
        dealt.contract_period_id,
        periods.period_start,
        periods.period_end,
        dealt.developer_id,
        developers.name as developer,
        dealt.local_date,
        dealt.overage_seconds,
        {{ hours('dealt.overage_seconds') }} as overage_hours,
        periods.overage_rate,
        (dealt.cents / 100.0)::numeric(14, 2) as overage_amount,
        periods.allocated_hours as period_allocated_hours,
        periods.used_hours as period_used_hours,
        periods.overage_hours as period_overage_hours,
        periods.total_overage_amount as period_overage_amount,
        periods.is_billed
    from dealt
    inner join periods on dealt.contract_period_id = periods.id
    inner join contracts on periods.contract_id = contracts.id
    left join clients on contracts.client_id = clients.id
    left join developers on dealt.developer_id = developers.id
)

select * from final
