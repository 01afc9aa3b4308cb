{%- set measures = [
    'not_counted_seconds', 'non_billable_seconds', 'unpriced_seconds', 'raw_seconds', 'rounded_seconds', 'time_amount', 'fixed_amount',
    'adjustment_amount', 'invoiced_amount', 'tax_amount', 'paid_amount', 'fee_amount', 'written_off_amount', 'set_off_amount', 'open_amount'
] %}
with

lines as (
    select * from {{ ref('invoice_prefill_lines') }}
),

unbilled as (
    select * from {{ ref('int_billing__unbilled') }}
),

-- What a vendor deleted was never logged for good.
not_counted as (
    select * from {{ ref('time_entries') }}
    where not is_counted and not_counted_reason != 'deleted' and allocated_seconds > 0
),

invoices as (
    select * from {{ ref('stg_invoicing__invoices') }}
    where status != 'canceled'
),

allocations as (
    select * from {{ ref('stg_invoicing__allocations') }}
),

client_terms as (
    select * from {{ ref('int_agreements__client_terms_by_day') }}
),

agency as (
    select * from {{ ref('int_identity__agency') }}
),

-- Time that is on no bill stands in its own month, in the currency that its client agreed on for the day.
off_bills as (
    select
        client_id,
        local_date,
        seconds,
        case when reason in ('not_billable', 'internal', 'overhead', 'overhead_only') then 'non_billable' else 'unpriced' end as step
    from unbilled
    union all
    select
        client_id,
        local_date,
        allocated_seconds as seconds,
        'not_counted' as step
    from not_counted
),

off_bill_sums as (
    select
        off_bills.client_id,
        {{ month_of('off_bills.local_date') }} as month,
        coalesce(client_terms.currency, agency.currency) as currency,
        coalesce(sum(off_bills.seconds) filter (where off_bills.step = 'not_counted'), 0) as not_counted_seconds,
        coalesce(sum(off_bills.seconds) filter (where off_bills.step = 'non_billable'), 0) as non_billable_seconds,
        coalesce(sum(off_bills.seconds) filter (where off_bills.step = 'unpriced'), 0) as unpriced_seconds
    from off_bills
    cross join agency
    left join client_terms
        on
            off_bills.client_id = client_terms.client_id
            and off_bills.local_date between client_terms.valid_from and client_terms.valid_to
    group by off_bills.client_id, {{ month_of('off_bills.local_date') }}, coalesce(client_terms.currency, agency.currency)
),

bill_sums as (
    select
        client_id,
        invoice_month,
        currency,
        sum(raw_seconds) as raw_seconds,
        sum(billable_seconds) as rounded_seconds,
        coalesce(sum(line_total) filter (where basis != 'adjustment' and raw_time is not null), 0) as time_amount,
        coalesce(sum(line_total) filter (where basis != 'adjustment' and raw_time is null), 0) as fixed_amount,
        coalesce(sum(line_total) filter (where basis = 'adjustment'), 0) as adjustment_amount
    from lines
    group by client_id, invoice_month, currency
),

settled as (
    select
        invoice_id,
        coalesce(sum(amount) filter (where kind in ('receipt', 'refund')), 0) as paid_amount,
        coalesce(sum(amount) filter (where kind in ('fee', 'fx_difference')), 0) as fee_amount,
        coalesce(sum(amount) filter (where kind = 'write_off'), 0) as written_off_amount,
        coalesce(sum(amount) filter (where kind = 'credit_note'), 0) as set_off_amount
    from allocations
    group by invoice_id
),

-- A credited invoice and its credit note cancel each other out, except for what was paid and is to be paid back.
invoice_sums as (
    select
        invoices.client_id,
        invoices.invoice_month,
        invoices.currency,
        sum(invoices.subtotal) as invoiced_amount,
        sum(invoices.tax) as tax_amount,
        coalesce(sum(settled.paid_amount), 0) as paid_amount,
        coalesce(sum(settled.fee_amount), 0) as fee_amount,
        coalesce(sum(settled.written_off_amount), 0) as written_off_amount,
        coalesce(sum(settled.set_off_amount), 0) as set_off_amount,
        sum(invoices.total - invoices.settled) as open_amount,
        string_agg(invoices.invoice_number, ', ' order by invoices.invoice_number) filter (where invoices.is_live) as invoice_number
    from invoices
    left join settled on invoices.invoice_id = settled.invoice_id
    group by invoices.client_id, invoices.invoice_month, invoices.currency
),

keys as (
    select
        client_id,
        month,
        currency
    from off_bill_sums
    union
    select
        client_id,
        invoice_month as month,
        currency
    from bill_sums
    union
    select
        client_id,
        invoice_month as month,
        currency
    from invoice_sums
),

joined as (
    select
        keys.*,
        {% for measure in measures -%}
            {%- set sums = 'off_bill_sums' if loop.index <= 3 else 'bill_sums' if loop.index <= 8 else 'invoice_sums' -%}
            coalesce({{ sums }}.{{ measure }}, 0) as {{ measure }},
        {% endfor -%}
        invoice_sums.invoice_number
    from keys
    left join off_bill_sums
        on
            keys.client_id is not distinct from off_bill_sums.client_id
            and keys.month = off_bill_sums.month
            and keys.currency = off_bill_sums.currency
    left join bill_sums
        on
            keys.client_id = bill_sums.client_id
            and keys.month = bill_sums.invoice_month
            and keys.currency = bill_sums.currency
    left join invoice_sums
        on
            keys.client_id = invoice_sums.client_id
            and keys.month = invoice_sums.invoice_month
            and keys.currency = invoice_sums.currency
),

clients as (
    select * from {{ ref('clients') }}
),

final as (
    select
        joined.client_id,
        clients.name as client,
        joined.month,
        joined.currency,
        joined.invoice_number,
        (joined.not_counted_seconds + joined.non_billable_seconds + joined.unpriced_seconds + joined.raw_seconds)::bigint as logged_seconds,
        joined.not_counted_seconds::bigint as not_counted_seconds,
        (joined.non_billable_seconds + joined.unpriced_seconds + joined.raw_seconds)::bigint as counted_seconds,
        joined.non_billable_seconds::bigint as non_billable_seconds,
        (joined.unpriced_seconds + joined.raw_seconds)::bigint as billable_seconds,
        joined.unpriced_seconds::bigint as unpriced_seconds,
        (joined.rounded_seconds - joined.raw_seconds)::bigint as rounding_seconds,
        joined.rounded_seconds::bigint as rounded_seconds,
        joined.time_amount::numeric(14, 2) as time_amount,
        joined.fixed_amount::numeric(14, 2) as fixed_amount,
        joined.adjustment_amount::numeric(14, 2) as adjustment_amount,
        (joined.time_amount + joined.fixed_amount + joined.adjustment_amount)::numeric(14, 2) as accrued_amount,
        (
            joined.time_amount + joined.fixed_amount + joined.adjustment_amount - joined.invoiced_amount
        )::numeric(14, 2) as not_invoiced_amount,
        joined.invoiced_amount::numeric(14, 2) as invoiced_amount,
        joined.tax_amount::numeric(14, 2) as tax_amount,
        (joined.invoiced_amount + joined.tax_amount)::numeric(14, 2) as invoiced_total,
        joined.set_off_amount::numeric(14, 2) as set_off_amount,
        joined.written_off_amount::numeric(14, 2) as written_off_amount,
        joined.fee_amount::numeric(14, 2) as fee_amount,
        joined.open_amount::numeric(14, 2) as open_amount,
        joined.paid_amount::numeric(14, 2) as paid_amount
    from joined
    left join clients on joined.client_id = clients.id
)

{{ with_hours([
    'logged_seconds', 'not_counted_seconds', 'counted_seconds', 'non_billable_seconds', 'billable_seconds', 'unpriced_seconds',
    'rounding_seconds', 'rounded_seconds'
]) }}
