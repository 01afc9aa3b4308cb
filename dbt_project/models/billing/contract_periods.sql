{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['contract_id', 'period_start'], 'unique': true},
    {'columns': ['contract_id', 'period_end']},
    {'columns': ['client_id']},
    {'columns': ['period_start']},
    {'columns': ['period_end']},
    {'columns': ['is_billed']},
    {'columns': ['report_sent_date']},
]) }}

with

periods as (
    select * from {{ ref('int_billing__contract_periods') }}
),

allocations as (
    select * from {{ ref('int_billing__contract_allocations') }}
),

contracts as (
    select * from {{ ref('contracts') }}
),

currencies as (
    select * from {{ ref('stg_reference__currencies') }}
),

client_terms as (
    select * from {{ ref('int_agreements__client_terms_by_day') }}
),

invoiced as (
    select
        contract_period_id,
        min(invoice_id) as invoice_id
    from {{ ref('stg_invoicing__invoiced') }}
    where contract_period_id is not null
    group by contract_period_id
),

reports as (
    select * from {{ source('invoicing', 'contract_reports') }}
    where state = 'delivered'
),

used as (
    select
        contract_period_id,
        sum(seconds) as used_seconds,
        coalesce(sum(seconds) filter (where part = 'overage'), 0) as overage_seconds
    from allocations
    where contract_period_id is not null
    group by contract_period_id
),

final as (
    select
        periods.contract_period_id as id,
        periods.contract_id,
        periods.client_id,
        periods.period_start,
        periods.period_end,
        periods.allocated_hours,
        round(coalesce(used.used_seconds, 0) / 3600.0, 6) as used_hours,
        round(coalesce(used.overage_seconds, 0) / 3600.0, 6) as overage_hours,
        round(greatest(periods.allocated_seconds - coalesce(used.used_seconds, 0), 0) / 3600.0, 6) as remaining_hours,
        round(coalesce(used.used_seconds, 0)::numeric / nullif(periods.allocated_seconds, 0), 4) as used_share,
        periods.standard_rate,
        periods.overage_rate,
        -- From exact seconds, like the invoice's line (rule 7.7).
        round(coalesce(used.overage_seconds, 0) * periods.overage_rate / 3600, {{ decimals_of('currencies') }}) as total_overage_amount,
        invoiced.invoice_id is not null as is_billed,
        invoiced.invoice_id,
        reports.contract_period_id is not null as report_sent,
        reports.sent_at as report_sent_date,
        null::text as notes,
        periods.is_deleted,
        periods.deleted_at,
        contracts.created_at,
        contracts.updated_at
    from periods
    left join contracts on periods.contract_id = contracts.id
    left join client_terms
        on
            periods.client_id = client_terms.client_id
            and periods.period_start between client_terms.valid_from and client_terms.valid_to
    left join currencies on client_terms.currency = currencies.currency
    left join invoiced on periods.contract_period_id = invoiced.contract_period_id
    left join reports on periods.contract_period_id = reports.contract_period_id
    left join used on periods.contract_period_id = used.contract_period_id
)

select * from final
