{{ config(materialized='incremental', incremental_strategy='changed_months', on_schema_change='fail') }}

with

entries as (
    select * from {{ ref('int_billing__routed_entries') }}
    where basis = 'client_terms' and unbilled_reason is null and {{ of_changed_months() }}
),

client_terms as (
    select * from {{ ref('int_agreements__client_terms_by_day') }}
),

-- A retainer without an amount and an hour without project or rate have no price (rule 7.4).
priced as (
    select
        entries.time_entry_id,
        entries.local_date,
        entries.seconds,
        entries.client_id,
        entries.project_id,
        date_trunc('month', entries.local_date)::date as invoice_month,
        client_terms.currency,
        case client_terms.billing_model
            when 'retainer' then 'covered'
            else 'hourly'
        end as line_type,
        case
            when client_terms.billing_model = 'retainer' and client_terms.retainer_amount is not null then 0
            when client_terms.billing_model = 'hourly' and entries.project_id is not null then entries.hourly_rate
        end as unit_price,
        case
            when client_terms.billing_model = 'retainer' then 'client_terms.retainer'
            else entries.rate_source || '.hourly_rate'
        end as rate_source
    from entries
    inner join client_terms
        on
            entries.client_id = client_terms.client_id
            and entries.local_date between client_terms.valid_from and client_terms.valid_to
),

final as (
    select
        time_entry_id,
        local_date,
        seconds::bigint as raw_seconds,
        case when unit_price is not null then seconds end::bigint as billable_seconds,
        case when unit_price is not null then client_id end as client_id,
        case when unit_price is not null then currency end as currency,
        case when unit_price is not null then invoice_month end as invoice_month,
        'client_terms' as basis,
        case when unit_price is not null then line_type end as line_type,
        null::text as rate_tier,
        null::text as application_id,
        null::text as contract_id,
        null::text as contract_period_id,
        null::text as billing_rule_id,
        project_id,
        null::text as issue_key,
        unit_price::numeric(12, 4) as unit_price,
        case when unit_price is not null then 1 end::numeric(8, 4) as rate_multiplier,
        case when unit_price is not null then rate_source end as rate_source,
        case when unit_price is null then 'no_rate' end as unbilled_reason
    from priced
)

select * from final
