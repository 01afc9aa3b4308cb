with

contracts as (
    select
        *,
        case billing_cycle when 'quarterly' then 3 when 'annual' then 12 else 1 end as cycle_months
    from {{ ref('int_agreements__contracts') }}
    where type = 'monthly_retainer'
),

terms as (
    select * from {{ ref('int_agreements__contract_terms') }}
),

entries as (
    select * from {{ ref('int_billing__routed_entries') }}
    where basis = 'contract' and unbilled_reason is null
),

agency as (
    select
        *,
        {{ as_of_date('timezone') }} as as_of_date
    from {{ ref('int_identity__agency') }}
),

last_entries as (
    select
        contract_id,
        max(local_date) as last_date
    from entries
    group by contract_id
),

-- The day that the last period contains: the contract's end, the day of as_of, or the date of later time (rule 7.6).
horizons as (
    select
        contracts.*,
        case
            -- A contract that has not begun has periods only for time already entered.
            when contracts.start_date > agency.as_of_date then last_entries.last_date
            when contracts.end_date is not null and not contracts.auto_renew then contracts.end_date
            else greatest(contracts.end_date, agency.as_of_date, last_entries.last_date)
        end as last_day
    from contracts
    cross join agency
    left join last_entries on contracts.contract_id = last_entries.contract_id
),

-- Counted from the original start, so that a short month does not shift later ones.
numbered as (
    select
        horizons.*,
        period_number,
        (horizons.start_date + make_interval(months => period_number))::date as period_start,
        (horizons.start_date + make_interval(months => period_number + 1))::date - 1 as whole_period_end
    from horizons
    cross join
        lateral generate_series(
            0,
            (extract(year from horizons.last_day) - extract(year from horizons.start_date))::int * 12
            + (extract(month from horizons.last_day) - extract(month from horizons.start_date))::int
        ) as period_number
    where horizons.last_day >= horizons.start_date
),

final as (
    select
        {{ hashed_identifier('PER', "numbered.contract_id || '|' || numbered.period_start", 'numbered.period_start') }}
            as contract_period_id,
        numbered.contract_id,
        numbered.client_id,
        numbered.contract_number,
        numbered.billing_cycle,
        numbered.period_number,
        numbered.period_start,
        case
            when numbered.auto_renew then numbered.whole_period_end
            else least(numbered.whole_period_end, numbered.end_date)
        end as period_end,
        -- Invoiced in the month in which the last period of its cycle ends, which may not exist yet: 0-2, 3-5 … are quarters. A contract that
        -- ends closes its cycle (rule 7.9).
        {{ month_of("
            least(
                (
                    numbered.start_date
                    + make_interval(months => ((div(numbered.period_number, numbered.cycle_months) + 1) * numbered.cycle_months)::int)
                )::date - 1,
                case when not numbered.auto_renew then numbered.end_date end
            )
        ") }} as invoice_month,
        coalesce(terms.monthly_hours, 0) as allocated_hours,
        round(coalesce(terms.monthly_hours, 0) * 3600)::bigint as allocated_seconds,
        terms.standard_rate,
        terms.overage_rate,
        numbered.is_deleted,
        numbered.deleted_at
    from numbered
    left join terms
        on
            numbered.contract_id = terms.contract_id
            and numbered.period_start between terms.valid_from and terms.valid_to
    where numbered.period_start <= numbered.last_day
)

select * from final
