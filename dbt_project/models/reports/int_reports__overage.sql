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

worked as (
    select
        contract_period_id,
        developer_id,
        local_date,
        sum(seconds)::bigint as overage_seconds
    from allocations
    group by contract_period_id, developer_id, local_date
),

-- The period's amount is rounded once; its cents are dealt to those who worked them, so that any sum of parts holds.
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
        contract_period_id,
        developer_id,
        local_date,
        overage_seconds,
        (cents / 100.0)::numeric(14, 2) as overage_amount
    from dealt
)

select * from final
