with

rules as (
    select * from {{ ref('int_agreements__billing_rules') }}
    where not is_deleted and rule_type in ('fixed', 'retainer') and rate > 0
),

project_terms as (
    select * from {{ ref('int_agreements__project_terms') }}
    where client_id is not null
),

project_classes as (
    select * from {{ ref('int_agreements__project_classes') }}
    where classification = 'billable'
),

projects as (
    select * from {{ ref('int_identity__projects') }}
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

-- The client is the project's on the month's last day, so each of a moved project's clients has months of its own (rule 7.25).
months as (
    select
        rules.billing_rule_id,
        rules.project_id,
        rules.rule_type,
        rules.rate,
        rules.currency,
        rules.retainer_hours,
        project_terms.client_id,
        fixed_months.invoice_month
    from rules
    inner join project_classes on rules.project_id = project_classes.project_id
    inner join project_terms on rules.project_id = project_terms.project_id
    left join first_entries on project_terms.client_id = first_entries.client_id
    cross join agency
    cross join
        lateral {{ months_of_fixed_amount('rules.effective_from', 'rules.effective_to', 'first_entries.first_date', 'agency.as_of_date') }}
            as fixed_months
    where {{ month_end('fixed_months.invoice_month') }} between project_terms.valid_from and project_terms.valid_to
),

final as (
    select
        months.client_id,
        coalesce(months.currency, client_terms.currency) as currency,
        months.invoice_month,
        'billing_rule' as basis,
        months.rule_type as line_type,
        null::text as rate_tier,
        null::text as application_id,
        null::text as contract_id,
        null::text as contract_period_id,
        months.billing_rule_id,
        months.project_id,
        null::text as issue_key,
        months.rate::numeric(14, 2) as amount,
        projects.name || ': '
        || case
            when months.rule_type = 'fixed' then 'fixed price'
            when months.retainer_hours is not null then 'retainer of ' || {{ hours_text('months.retainer_hours') }} || ' hours'
            else 'retainer'
        end
        || ', ' || {{ month_text('months.invoice_month') }} as description,
        'billing_rule.rate_cents' as rate_source
    from months
    inner join projects on months.project_id = projects.project_id
    inner join client_terms
        on
            months.client_id = client_terms.client_id
            and {{ month_end('months.invoice_month') }} between client_terms.valid_from and client_terms.valid_to
)

select * from final
