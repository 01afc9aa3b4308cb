{# What observed time would have brought if the developer had not logged the same time as something else. #}
with

entries as (
    select
        *,
        {{ billing_basis() }} as basis
    from {{ ref('int_time__reconciled_entries') }}
    where
        logged_elsewhere_seconds > 0
        and billable
        and exclusion is distinct from 'overhead_only'
),

contracts as (
    select * from {{ ref('int_agreements__contracts') }}
),

contract_terms as (
    select * from {{ ref('int_agreements__contract_terms') }}
),

rules as (
    select * from {{ ref('int_agreements__billing_rules') }}
),

currencies as (
    select * from {{ ref('stg_reference__currencies') }}
),

client_terms as (
    select * from {{ ref('int_agreements__client_terms_by_day') }}
),

-- At the rate in force before allowance, cap and overtime; time covered by a retainer or fixed price brings nothing more.
rated as (
    select
        coalesce(contracts.client_id, entries.client_id) as client_id,
        coalesce(rules.currency, client_terms.currency) as currency,
        date_trunc('month', entries.local_date)::date as invoice_month,
        entries.logged_elsewhere_seconds as seconds,
        case
            when entries.basis = 'contract' and contracts.type != 'pay_as_you_go' then coalesce(contract_terms.standard_rate, 0)
            when entries.basis = 'contract' then contract_terms.standard_rate
            when entries.basis = 'billing_rule' and rules.rule_type = 'hourly' then rules.rate
            when entries.basis = 'billing_rule' or client_terms.billing_model = 'retainer' then 0
            when entries.project_id is not null and client_terms.is_agreed then entries.hourly_rate
        end as rate
    from entries
    left join contracts on entries.basis = 'contract' and entries.contract_id = contracts.contract_id
    left join contract_terms
        on
            contracts.contract_id = contract_terms.contract_id
            and entries.local_date between contract_terms.valid_from and contract_terms.valid_to
    left join rules on entries.basis = 'billing_rule' and entries.billing_rule_id = rules.billing_rule_id
    inner join client_terms
        on
            coalesce(contracts.client_id, entries.client_id) = client_terms.client_id
            and entries.local_date between client_terms.valid_from and client_terms.valid_to
),

summed as (
    select
        client_id,
        currency,
        invoice_month,
        sum(seconds)::bigint as seconds,
        coalesce(sum(seconds) filter (where rate is null), 0)::bigint as unrated_seconds,
        coalesce(sum(seconds * rate), 0) / 3600 as amount
    from rated
    group by client_id, currency, invoice_month
),

final as (
    select
        summed.client_id,
        summed.currency,
        summed.invoice_month,
        summed.seconds,
        summed.unrated_seconds,
        round(summed.amount, {{ decimals_of('currencies') }}) as amount
    from summed
    left join currencies on summed.currency = currencies.currency
)

select * from final
