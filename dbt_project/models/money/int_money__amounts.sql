{% set columns = ['client_id', 'month', 'measure', 'currency', 'amount', 'missing_currency', 'is_unpriced'] %}
with

prefills as (
    select * from {{ ref('invoice_prefills') }}
),

transactions as (
    select * from {{ ref('transactions') }}
    where type = 'income'
),

invoices as (
    select * from {{ ref('stg_invoicing__invoiced') }}
),

project_terms as (
    select * from {{ ref('int_agreements__project_terms') }}
),

labour as (
    select * from {{ ref('int_money__labour') }}
),

ai_costs as (
    select * from {{ ref('int_money__ai_costs') }}
),

agency as (
    select
        *,
        {{ month_of(as_of_date('timezone')) }} as last_month
    from {{ ref('int_identity__agency') }}
),

-- What a contract is invoiced for after the month of as_of is not income of any month so far.
accrued as (
    select
        prefills.client_id,
        least(prefills.invoice_month, agency.last_month) as month,
        case when prefills.invoice_month > agency.last_month then 'accrued_later' else 'accrued' end as measure,
        prefills.currency,
        sum(prefills.subtotal) as amount,
        null::text as missing_currency,
        false as is_unpriced
    from prefills
    cross join agency
    group by prefills.client_id, month, measure, prefills.currency
),

invoiced as (
    select
        client_id,
        invoice_month as month,
        'invoiced' as measure,
        currency,
        sum(amount) as amount,
        null::text as missing_currency,
        false as is_unpriced
    from invoices
    group by client_id, invoice_month, currency
),

-- Money that a rule assigns only to a project belongs to the project's client on that day.
received as (
    select
        coalesce(transactions.client_id, project_terms.client_id) as client_id,
        {{ month_of('transactions.date') }} as month,
        'received' as measure,
        coalesce(transactions.currency, agency.currency) as currency,
        sum(transactions.amount) as amount,
        null::text as missing_currency,
        false as is_unpriced
    from transactions
    cross join agency
    left join project_terms
        on
            transactions.project_id = project_terms.project_id
            and transactions.date between project_terms.valid_from and project_terms.valid_to
    where coalesce(transactions.client_id, project_terms.client_id) is not null
    group by
        coalesce(transactions.client_id, project_terms.client_id),
        month,
        coalesce(transactions.currency, agency.currency)
),

labour_costs as (
    select
        labour.client_id,
        labour.month,
        'labour_cost' as measure,
        agency.currency,
        case when bool_and(labour.cost is not null) then sum(labour.cost) end as amount,
        min(labour.missing_currency) as missing_currency,
        false as is_unpriced
    from labour
    cross join agency
    group by labour.client_id, labour.month, agency.currency
),

costs_of_answers as (
    select
        ai_costs.client_id,
        ai_costs.month,
        'ai_cost' as measure,
        agency.currency,
        ai_costs.cost as amount,
        ai_costs.missing_currency,
        ai_costs.is_unpriced
    from ai_costs
    cross join agency
),

unioned as (
    {% for step in ['accrued', 'invoiced', 'received', 'labour_costs', 'costs_of_answers'] -%}
        select {{ columns | join(', ') }} from {{ step }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

final as (
    select unioned.*
    from unioned
    cross join agency
    where unioned.month <= agency.last_month
)

select * from final
