{{ config(indexes=[{'columns': ['client_id', 'currency', 'invoice_month']}]) }}

{%- set columns = [
    'line_id', 'client_id', 'currency', 'invoice_month', 'basis', 'line_type', 'rate_tier', 'application_id', 'contract_id',
    'contract_period_id', 'billing_rule_id', 'project_id', 'issue_key', 'description', 'raw_seconds', 'billable_seconds', 'quantity',
    'unit_price', 'rate_multiplier', 'line_total', 'rate_source', 'billing_rule_snapshot', 'is_fixed_amount', 'logged_seconds',
    'observed_seconds', 'invoice_id'
] %}
with

lines as (
    select * from {{ ref('int_billing__lines') }}
),

restatements as (
    select * from {{ ref('int_billing__restatements') }}
    where line_id is not null
),

invoiced as (
    select * from {{ ref('stg_invoicing__invoiced') }}
),

billed_months as (
    select * from {{ ref('int_billing__billed_months') }}
    where invoice_id is not null
),

invoice_lines as (
    select * from {{ ref('stg_invoicing__lines') }}
),

currencies as (
    select * from {{ ref('stg_reference__currencies') }}
),

-- The bill of a month that is not invoiced.
open_lines as (
    select
        lines.*,
        null::text as invoice_id
    from lines
    where
        not exists (
            select 1 from billed_months
            where
                billed_months.client_id = lines.client_id
                and billed_months.currency = lines.currency
                and billed_months.billed_month = lines.invoice_month
        )
),

-- That of an invoiced month is the invoice.
invoiced_sums as (
    select
        line_id,
        min(invoice_id) as invoice_id,
        min(client_id) as client_id,
        min(currency) as currency,
        min(invoice_month) as invoice_month,
        bool_and(time_entry_id is null) or min(basis) = 'adjustment' as is_fixed_amount,
        coalesce(sum(raw_seconds) filter (where starts_with(time_entry_id, 'SES-')), 0)::bigint as observed_seconds
    from invoiced
    group by line_id
),

invoiced_lines as (
    select
        coalesce(invoice_lines.prefill_line_id, invoice_lines.line_id) as line_id,
        invoiced_sums.client_id,
        invoiced_sums.currency,
        invoiced_sums.invoice_month,
        invoice_lines.basis,
        invoice_lines.line_type,
        invoice_lines.rate_tier,
        invoice_lines.application_id,
        invoice_lines.contract_id,
        invoice_lines.contract_period_id,
        invoice_lines.billing_rule_id,
        invoice_lines.project_id,
        invoice_lines.issue_key,
        invoice_lines.description,
        invoice_lines.raw_seconds,
        invoice_lines.billable_seconds,
        invoice_lines.quantity,
        invoice_lines.unit_price,
        invoice_lines.rate_multiplier,
        invoice_lines.line_total,
        invoice_lines.rate_source,
        invoice_lines.billing_rule_snapshot,
        invoiced_sums.is_fixed_amount,
        case when not invoiced_sums.is_fixed_amount then invoice_lines.raw_seconds - invoiced_sums.observed_seconds end as logged_seconds,
        case when not invoiced_sums.is_fixed_amount then invoiced_sums.observed_seconds end as observed_seconds,
        invoiced_sums.invoice_id
    from invoice_lines
    inner join invoiced_sums on invoice_lines.line_id = invoiced_sums.line_id
),

restated_sums as (
    select
        line_id,
        min(client_id) as client_id,
        min(currency) as currency,
        min(adjusted_month) as adjusted_month,
        min(restated_month) as restated_month,
        min(invoice_id) as restated_invoice_id,
        min(invoice_number) as invoice_number,
        min(adjusted_by) as adjusted_by,
        min(billed_by) as billed_by,
        bool_and(time_entry_id is not null) as is_time,
        sum(raw_seconds)::bigint as raw_seconds,
        sum(billable_seconds)::bigint as billable_seconds,
        sum(amount) as amount,
        jsonb_object_agg(prefill_line_id, amount) filter (where prefill_line_id is not null) as amounts
    from restatements
    group by line_id
),

-- Quantity 1 or -1, so that the price is never negative, which e-invoices refuse.
adjustments as (
    select
        restated_sums.line_id,
        restated_sums.client_id,
        restated_sums.currency,
        restated_sums.adjusted_month as invoice_month,
        'adjustment' as basis,
        'adjustment' as line_type,
        null::text as rate_tier,
        null::text as application_id,
        null::text as contract_id,
        null::text as contract_period_id,
        null::text as billing_rule_id,
        null::text as project_id,
        null::text as issue_key,
        case
            when restated_sums.restated_invoice_id is null
                then
                    {{ month_text('restated_sums.restated_month') }} || ': ' || case when restated_sums.is_time then 'time' else 'amounts' end
                    || ' adjusted before by ' || restated_sums.adjusted_by
            else
                'Adjustment of ' || restated_sums.invoice_number || ', ' || {{ month_text('restated_sums.restated_month') }} || ': '
                || case
                    when not restated_sums.is_time then 'amounts that changed'
                    when restated_sums.billable_seconds = 0 then 'rates or days that changed'
                    else
                        'time that changed (' || case when restated_sums.billable_seconds < 0 then '-' else '+' end
                        || {{ short_clock_text('abs(restated_sums.billable_seconds)') }} || ')'
                end
        end as description,
        restated_sums.raw_seconds,
        restated_sums.billable_seconds,
        case when restated_sums.amount < 0 then -1 else 1 end::numeric as quantity,
        round(abs(restated_sums.amount), {{ decimals_of('currencies') }}) as unit_price,
        1::numeric as rate_multiplier,
        round(restated_sums.amount, {{ decimals_of('currencies') }}) as line_total,
        'restatement' as rate_source,
        jsonb_strip_nulls(
            jsonb_build_object(
                'restated_month', restated_sums.restated_month,
                'restated_invoice_id', restated_sums.restated_invoice_id,
                'restated_invoice', restated_sums.invoice_number,
                'billed_by', restated_sums.billed_by,
                'amounts', restated_sums.amounts
            )
        ) as billing_rule_snapshot,
        true as is_fixed_amount,
        null::bigint as logged_seconds,
        null::bigint as observed_seconds,
        null::text as invoice_id
    from restated_sums
    left join currencies on restated_sums.currency = currencies.currency
),

unioned as (
    {% for step in ['open_lines', 'invoiced_lines', 'adjustments'] -%}
        select {{ columns | join(', ') }} from {{ step }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

final as (
    select * from unioned
)

select * from final
