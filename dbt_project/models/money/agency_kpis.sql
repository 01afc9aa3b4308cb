{{ config(indexes=[{'columns': ['month'], 'unique': true}]) }}

{% set ages = ['0', '1_30', '31_60', '61_90', 'over_90'] %}
with

margins as (
    select * from {{ ref('int_money__margins') }}
    where kind = 'agency'
),

benches as (
    select
        month,
        labour_cost
    from {{ ref('client_margin') }}
    where client_id = {{ bench() }}
),

developer_hours as (
    select
        month,
        sum(available_seconds)::bigint as available_seconds,
        sum(counted_seconds)::bigint as counted_seconds,
        sum(billable_seconds)::bigint as billable_seconds
    from {{ ref('int_money__developer_hours') }}
    group by month
),

client_time as (
    select
        {{ month_of('local_date') }} as month,
        sum(allocated_seconds)::bigint as client_seconds
    from {{ ref('time_entries') }}
    where is_counted and client_id is not null
    group by {{ month_of('local_date') }}
),

standard_values as (
    select * from {{ ref('int_money__standard_values') }}
),

rates as (
    select * from {{ ref('int_money__exchange_rates') }}
),

agency as (
    select
        *,
        {{ as_of_date('timezone') }} as as_of_date
    from {{ ref('int_identity__agency') }}
),

converted_values as (
    select
        standard_values.month,
        standard_values.basis,
        standard_values.agreement_id,
        standard_values.seconds,
        standard_values.unrated_seconds,
        {{ converted('standard_values.standard_value', 'standard_values.currency', 'agency.currency', 'rates.rate') }} as standard_value,
        {{ converted('standard_values.accrued', 'standard_values.currency', 'agency.currency', 'rates.rate') }} as accrued
    from standard_values
    cross join agency
    left join rates on {{ rate_of_month('rates', 'standard_values.currency', 'agency.currency', 'standard_values.month') }}
),

agreements as (
    select
        month,
        sum(seconds) as seconds,
        sum(unrated_seconds) as unrated_seconds,
        case when bool_and(standard_value is not null) then sum(standard_value) end as standard_value,
        case when bool_and(accrued is not null) then sum(accrued) end as accrued
    from converted_values
    group by month, basis, agreement_id
),

-- An agreement with hours at an unknown rate, as under most retainers, says nothing about rates: it is left out on both sides.
month_values as (
    select
        month,
        coalesce(sum(seconds) filter (where unrated_seconds > 0), 0)::bigint as unrated_seconds,
        case
            when bool_and(standard_value is not null) filter (where seconds > 0 and unrated_seconds = 0)
                then round(sum(standard_value) filter (where seconds > 0 and unrated_seconds = 0), 2)
        end as standard_value,
        case
            when bool_and(accrued is not null) filter (where seconds > 0 and unrated_seconds = 0)
                then round(sum(accrued) filter (where seconds > 0 and unrated_seconds = 0), 2)
        end as rated_accrued,
        count(*) filter (where seconds > 0 and unrated_seconds = 0) as rated_agreements
    from agreements
    group by month
),

-- The age of a month's work runs from the month's last day to the row's last day, or to as_of if that is earlier.
dated_work as (
    select
        margins.month,
        work.agency_accrued - case when work.has_invoices then work.agency_invoiced else 0 end as amount,
        least({{ month_end('margins.month') }}, agency.as_of_date) - {{ month_end('work.month') }} as days
    from margins
    cross join agency
    inner join margins as work on margins.month >= work.month
),

aged as (
    select
        month,
        amount,
        case
            when days <= 0 then '0'
            when days <= 30 then '1_30'
            when days <= 60 then '31_60'
            when days <= 90 then '61_90'
            else 'over_90'
        end as age
    from dated_work
),

work_in_progress as (
    select
        {% for age in ages -%}
            case
                when count(*) filter (where age = '{{ age }}' and amount is null) = 0
                    then coalesce(sum(amount) filter (where age = '{{ age }}'), 0)
            end as work_in_progress_{{ age }},
        {% endfor -%}
        case when bool_and(amount is not null) then sum(amount) end as work_in_progress,
        month
    from aged
    group by month
),

final as (
    select
        margins.month,
        margins.currency,
        coalesce(developer_hours.available_seconds, 0) as available_seconds,
        margins.counted_seconds,
        coalesce(client_time.client_seconds, 0) as client_seconds,
        coalesce(developer_hours.billable_seconds, 0) as billable_seconds,
        round(developer_hours.billable_seconds::numeric / nullif(developer_hours.available_seconds, 0), 4)::numeric(14, 4) as utilization,
        margins.agency_accrued::numeric(14, 2) as accrued,
        margins.agency_invoiced::numeric(14, 2) as invoiced,
        margins.agency_received::numeric(14, 2) as received,
        case when month_values.rated_agreements > 0 then month_values.rated_accrued else 0 end::numeric(14, 2) as rated_accrued,
        case when month_values.rated_agreements > 0 then month_values.standard_value else 0 end::numeric(14, 2) as standard_value,
        coalesce(month_values.unrated_seconds, 0) as unrated_seconds,
        round(month_values.rated_accrued / nullif(month_values.standard_value, 0), 4)::numeric(14, 4) as realization,
        round(margins.agency_accrued * 3600 / nullif(client_time.client_seconds, 0), 4)::numeric(12, 4) as effective_bill_rate,
        margins.agency_labour_cost::numeric(14, 2) as labour_cost,
        case when benches.month is null then 0 else benches.labour_cost end::numeric(14, 2) as bench_labour_cost,
        margins.agency_ai_cost::numeric(14, 2) as ai_cost,
        round(margins.agency_labour_cost * 3600 / nullif(developer_hours.counted_seconds, 0), 4)::numeric(12, 4) as average_cost_per_hour,
        margins.agency_margin::numeric(14, 2) as margin,
        round(margins.agency_margin / nullif(margins.agency_accrued, 0), 4)::numeric(14, 4) as delivery_margin,
        work_in_progress.work_in_progress::numeric(14, 2) as work_in_progress,
        {% for age in ages -%}
            work_in_progress.work_in_progress_{{ age }}::numeric(14, 2) as work_in_progress_{{ age }}_days,
        {% endfor -%}
        margins.warnings,
        {{ warning_codes('margins.warnings') }} as warning_codes,
        margins.agency_accrued_later::numeric(14, 2) as accrued_later,
        case
            when margins.has_invoices is not true
                then 'no invoice is issued yet: all that was accrued since ' || min(margins.month) over ()
        end as work_in_progress_note,
        agency.utilization_target::numeric(14, 4) as utilization_target
    from margins
    cross join agency
    inner join work_in_progress on margins.month = work_in_progress.month
    left join benches on margins.month = benches.month
    left join developer_hours on margins.month = developer_hours.month
    left join client_time on margins.month = client_time.month
    left join month_values on margins.month = month_values.month
)

select * from final
