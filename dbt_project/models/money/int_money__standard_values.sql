{{ config(materialized='incremental', incremental_strategy='changed_months', on_schema_change='fail') }}

with

entries as (
    select * from {{ ref('int_billing__routed_entries') }}
    -- Time that the client would pay for if it had a price.
    where unbilled_reason is null or unbilled_reason in ('contract_inactive', 'no_client')
),

parts as (
    select * from {{ ref('int_billing__parts') }}
),

applications as (
    select * from {{ ref('int_agreements__applications') }}
),

periods as (
    select * from {{ ref('int_billing__contract_periods') }}
),

rules as (
    select * from {{ ref('int_agreements__billing_rules') }}
),

client_terms as (
    select * from {{ ref('int_agreements__client_terms_by_day') }}
),

agency as (
    select * from {{ ref('int_identity__agency') }}
),

lines as (
    select * from {{ ref('int_billing__lines') }}
),

-- The line's own price; for covered and capped hours, the price of an hour beyond; else the project's.
rated as (
    select
        coalesce(parts.invoice_month, {{ month_of('entries.local_date') }}) as month,
        entries.basis,
        case entries.basis
            when 'application' then entries.application_id
            when 'contract' then entries.contract_id
            when 'billing_rule' then entries.billing_rule_id
            else entries.client_id
        end as agreement_id,
        coalesce(parts.raw_seconds, entries.seconds) as seconds,
        coalesce(parts.currency, applications.currency, rules.currency, client_terms.currency, agency.currency) as currency,
        coalesce(
            nullif(parts.unit_price, 0),
            case entries.basis
                when 'application' then coalesce(applications.hourly_rate, applications.overtime_rate)
                when 'contract' then coalesce(nullif(periods.standard_rate, 0), periods.overage_rate)
                when 'billing_rule'
                    then
                        case rules.rule_type
                            when 'hourly' then rules.rate
                            when 'retainer' then {{ overage_rate_cents('rules.metadata') }} / 100.0
                        end
            end,
            entries.hourly_rate
        ) as rate
    from entries
    cross join agency
    left join parts on entries.time_entry_id = parts.time_entry_id
    left join applications on entries.basis = 'application' and entries.application_id = applications.application_id
    left join periods on parts.contract_period_id = periods.contract_period_id
    left join rules on entries.basis = 'billing_rule' and entries.billing_rule_id = rules.billing_rule_id
    left join client_terms
        on
            entries.client_id = client_terms.client_id
            and entries.local_date between client_terms.valid_from and client_terms.valid_to
    where {{ of_changed_months('coalesce(parts.invoice_month, entries.local_date)') }}
),

valued as (
    select
        month,
        basis,
        agreement_id,
        currency,
        sum(seconds)::bigint as seconds,
        coalesce(sum(seconds) filter (where rate is null), 0)::bigint as unrated_seconds,
        coalesce(sum(seconds * rate), 0) / 3600 as standard_value
    from rated
    group by month, basis, agreement_id, currency
),

accrued as (
    select
        invoice_month as month,
        basis,
        case basis
            when 'application' then application_id
            when 'contract' then contract_id
            when 'billing_rule' then billing_rule_id
            else client_id
        end as agreement_id,
        currency,
        sum(line_total) as accrued
    from lines
    where
        basis in ('application', 'contract', 'billing_rule', 'client_terms')
        and {{ of_changed_months('invoice_month') }}
    group by month, basis, agreement_id, currency
),

final as (
    select
        coalesce(valued.month, accrued.month) as month,
        coalesce(valued.basis, accrued.basis) as basis,
        coalesce(valued.agreement_id, accrued.agreement_id) as agreement_id,
        coalesce(valued.currency, accrued.currency) as currency,
        coalesce(valued.seconds, 0) as seconds,
        coalesce(valued.unrated_seconds, 0) as unrated_seconds,
        coalesce(valued.standard_value, 0) as standard_value,
        coalesce(accrued.accrued, 0) as accrued
    from valued
    full outer join accrued
        on
            valued.month = accrued.month
            and valued.basis = accrued.basis
            and valued.agreement_id = accrued.agreement_id
            and valued.currency = accrued.currency
)

select * from final
