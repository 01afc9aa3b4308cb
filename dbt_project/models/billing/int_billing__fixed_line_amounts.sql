with

fixed_lines as (
    select * from {{ ref('stg_reference__fixed_lines') }}
    where amount != 0
),

client_names as (
    select * from {{ ref('int_identity__client_names') }}
    where client_id is not null
),

client_terms as (
    select * from {{ ref('int_agreements__client_terms_by_day') }}
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

months as (
    select
        client_names.client_id,
        fixed_lines.description,
        fixed_lines.amount,
        fixed_lines.currency,
        fixed_months.invoice_month
    from fixed_lines
    inner join client_names on {{ natural_key('fixed_lines.client') }} = client_names.name
    left join first_entries on client_names.client_id = first_entries.client_id
    cross join agency
    cross join
        lateral {{ months_of_fixed_amount('fixed_lines.valid_from', 'fixed_lines.valid_to', 'first_entries.first_date', 'agency.as_of_date') }}
            as fixed_months
),

final as (
    select
        months.client_id,
        coalesce(months.currency, client_terms.currency) as currency,
        months.invoice_month,
        'fixed_line' as basis,
        'fixed' as line_type,
        null::text as rate_tier,
        null::text as application_id,
        null::text as contract_id,
        null::text as contract_period_id,
        null::text as billing_rule_id,
        null::text as project_id,
        null::text as issue_key,
        months.amount::numeric(14, 2) as amount,
        months.description,
        'fixed_line.amount' as rate_source
    from months
    inner join client_terms
        on
            months.client_id = client_terms.client_id
            and {{ month_end('months.invoice_month') }} between client_terms.valid_from and client_terms.valid_to
)

select * from final
