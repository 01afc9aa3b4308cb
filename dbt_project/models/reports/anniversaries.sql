with

contracts as (
    select * from {{ ref('contracts') }}
    where status = 'active' and type = 'monthly_retainer' and not is_deleted
),

agency as (
    select
        *,
        {{ as_of_date('timezone') }} as as_of_date
    from {{ ref('int_identity__agency') }}
),

periods as (
    select * from {{ ref('contract_periods') }}
    where not is_deleted
),

clients as (
    select * from {{ ref('clients') }}
),

-- Counted from the original start, so that a short month does not shift later ones; one year ahead.
resets as (
    select
        contracts.*,
        agency.as_of_date,
        (contracts.start_date + make_interval(months => month_number))::date as reset_date
    from contracts
    cross join agency
    cross join lateral generate_series(
        greatest(
            1,
            (extract(year from agency.as_of_date) - extract(year from contracts.start_date))::int * 12
            + (extract(month from agency.as_of_date) - extract(month from contracts.start_date))::int
        ),
        (extract(year from agency.as_of_date) - extract(year from contracts.start_date))::int * 12
        + (extract(month from agency.as_of_date) - extract(month from contracts.start_date))::int + 12
    ) as month_number
),

final as (
    select
        resets.client_id,
        clients.name as client,
        resets.id as contract_id,
        resets.contract_number,
        resets.name as contract,
        resets.service_category,
        resets.reset_date,
        (resets.reset_date - resets.as_of_date) as days_until,
        row_number() over (partition by resets.id order by resets.reset_date) = 1 as is_next,
        resets.monthly_hours,
        periods.id as contract_period_id,
        periods.period_start,
        periods.period_end,
        periods.used_hours,
        periods.overage_hours,
        periods.remaining_hours,
        resets.send_monthly_report,
        resets.notification_email
    from resets
    left join clients on resets.client_id = clients.id
    -- The period that this reset ends, if it has begun; its remaining hours expire.
    left join periods on resets.id = periods.contract_id and resets.reset_date = periods.period_end + 1
    where
        resets.reset_date >= resets.as_of_date
        and (resets.auto_renew or resets.end_date is null or resets.reset_date <= resets.end_date)
)

select * from final
