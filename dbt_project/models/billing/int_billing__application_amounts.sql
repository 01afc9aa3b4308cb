with

applications as (
    select * from {{ ref('int_agreements__applications') }}
    where not is_deleted and client_id is not null
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

-- Billed even without work; empty and 0 amounts give no line, and only support has monitoring (rule 7.23).
amounts as (
    select
        applications.application_id,
        fixed.line_type,
        fixed.amount,
        fixed.text,
        fixed.rate_source
    from applications
    cross join
        lateral (
            values
            ('FIX', 'fixed', applications.base_amount, 'fixed price', 'application.base_amount'),
            ('SUP', 'support', applications.base_amount, 'support', 'application.base_amount'),
            ('SUP', 'monitoring', applications.monitoring_amount, 'monitoring', 'application.monitoring_amount')
        ) as fixed (application_type, line_type, amount, text, rate_source)
    where applications.application_type = fixed.application_type and fixed.amount != 0
),

months as (
    select
        applications.application_id,
        applications.client_id,
        applications.name,
        applications.currency,
        fixed_months.invoice_month
    from applications
    left join first_entries on applications.client_id = first_entries.client_id
    cross join agency
    cross join
        lateral {{ months_of_fixed_amount('applications.valid_from', 'applications.valid_to', 'first_entries.first_date', 'agency.as_of_date') }}
            as fixed_months
),

final as (
    select
        months.client_id,
        coalesce(months.currency, client_terms.currency) as currency,
        months.invoice_month,
        'application' as basis,
        amounts.line_type,
        null::text as rate_tier,
        months.application_id,
        null::text as contract_id,
        null::text as contract_period_id,
        null::text as billing_rule_id,
        null::text as project_id,
        null::text as issue_key,
        amounts.amount::numeric(14, 2) as amount,
        coalesce(months.name, 'Application ' || months.application_id) || ': ' || amounts.text
        || ', ' || {{ month_text('months.invoice_month') }} as description,
        amounts.rate_source
    from months
    inner join amounts on months.application_id = amounts.application_id
    inner join client_terms
        on
            months.client_id = client_terms.client_id
            and {{ month_end('months.invoice_month') }} between client_terms.valid_from and client_terms.valid_to
)

select * from final
