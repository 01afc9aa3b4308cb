-- Over all clients and months the waterfall has the counted time, less what changed on invoiced bills without effect (rule 10.4), and what invoices
-- ask for and is open; what is paid is the rest of what they ask for (rule 11.10).
with

waterfall as (
    select * from {{ ref('invoice_waterfall') }}
),

shown as (
    select
        coalesce(sum(counted_seconds), 0) as counted_seconds,
        coalesce(sum(invoiced_total), 0) as invoiced_total,
        coalesce(sum(open_amount), 0) as open_amount
    from waterfall
),

counted as (
    select coalesce(sum(allocated_seconds), 0) as seconds
    from {{ ref('time_entries') }}
    where is_counted
),

without_effect as (
    select coalesce(sum(raw_seconds), 0) as seconds
    from {{ ref('int_billing__restatements') }}
    where line_id is null
),

invoices as (
    select
        coalesce(sum(total) filter (where is_live), 0) as total,
        coalesce(sum(total - settled), 0) as open_amount
    from {{ ref('stg_invoicing__invoices') }}
    where status != 'canceled'
),

compared as (
    select
        'counted seconds' as what,
        shown.counted_seconds as found,
        counted.seconds - without_effect.seconds as expected
    from shown
    cross join counted
    cross join without_effect
    union all
    select
        'invoiced' as what,
        shown.invoiced_total as found,
        invoices.total as expected
    from shown
    cross join invoices
    union all
    select
        'open' as what,
        shown.open_amount as found,
        invoices.open_amount as expected
    from shown
    cross join invoices
    union all
    select
        'paid by ' || coalesce(client, '-') || ', ' || month || ', ' || currency as what,
        paid_amount as found,
        invoiced_total - set_off_amount - written_off_amount - fee_amount - open_amount as expected
    from waterfall
)

select
    what,
    found,
    expected
from compared
where found != expected
