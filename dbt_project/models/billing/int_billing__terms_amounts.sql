with

client_terms as (
    select * from {{ ref('int_agreements__client_terms_by_day') }}
    where is_agreed and billing_model = 'retainer' and retainer_amount > 0
),

first_entries as (
    select * from {{ ref('int_billing__first_entries') }}
),

agency as (
    select
        *,
        {{ as_of_date('timezone') }} as as_of_date
    from {{ ref('int_identity__agency') }}
),

final as (
    select
        client_terms.client_id,
        client_terms.currency,
        fixed_months.invoice_month,
        'client_terms' as basis,
        'retainer' as line_type,
        null::text as rate_tier,
        null::text as application_id,
        null::text as contract_id,
        null::text as contract_period_id,
        null::text as billing_rule_id,
        null::text as project_id,
        null::text as issue_key,
        client_terms.retainer_amount::numeric(14, 2) as amount,
        'Retainer, ' || {{ month_text('fixed_months.invoice_month') }} as description,
        'client_terms.retainer_amount' as rate_source
    from client_terms
    left join first_entries on client_terms.client_id = first_entries.client_id
    cross join agency
    cross join
        lateral {{ months_of_fixed_amount('client_terms.valid_from', 'client_terms.valid_to', 'first_entries.first_date', 'agency.as_of_date') }}
            as fixed_months
)

select * from final
