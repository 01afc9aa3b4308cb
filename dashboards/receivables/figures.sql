with

-- Before the first invoice nothing is known of them, which is not 0.
days as (
    select
        as_of,
        currency
    from marts.days_sales_outstanding
    where not is_agency
    union
    select
        as_of,
        currency
    from marts.ar_aging
),

open_amounts as (
    select
        date_trunc('month', days.as_of)::date as month,
        days.currency,
        coalesce(sum(receivables.open_amount), 0) as open_amount,
        coalesce(sum(receivables.open_amount) filter (where receivables.days_past_due > 0), 0) as overdue_amount
    from days
    left join marts.ar_aging as receivables
        on
            days.as_of = receivables.as_of
            and days.currency = receivables.currency
            and (%(client)s::text is null or receivables.client_id = %(client)s)
    where
        days.as_of between %(figures_from)s and %(today)s
        and (%(currency)s::text is null or days.currency = %(currency)s)
    group by days.as_of, days.currency
),

invoiced as (
    select
        date_trunc('month', issue_date)::date as month,
        currency::text as currency,
        sum(total) as invoiced
    from billing.invoices
    where
        status not in ('draft', 'canceled')
        and issue_date between %(figures_from)s and %(today)s
        and (%(client)s::text is null or client_id = %(client)s)
        and (%(currency)s::text is null or currency = %(currency)s)
    group by date_trunc('month', issue_date), currency
),

days_outstanding as (
    select
        date_trunc('month', as_of)::date as month,
        dso_simple_days as days_outstanding
    from marts.days_sales_outstanding
    where
        as_of between %(figures_from)s and %(today)s
        and is_agency = (%(currency)s::text is null)
        and (%(currency)s::text is null or currency = %(currency)s)
        and %(client)s::text is null
),

waiting as (
    select count(*) as waiting_deposits
    from reports.unmatched_deposits
    where
        (%(client)s::text is null or client_id = %(client)s)
        and (%(currency)s::text is null or currency = %(currency)s)
    having exists (select 1 from days)
),

received as (
    select
        month,
        currency,
        sum(received) as received
    from reports.revenue_by_client
    where
        month between %(figures_from)s and %(today)s
        and (%(client)s::text is null or client_id = %(client)s)
        and (%(currency)s::text is null or currency = %(currency)s)
    group by month, currency
),

without_client as (
    select
        date_trunc('month', date)::date as month,
        currency,
        sum(amount) as without_client
    from marts.transactions
    where
        type = 'income'
        and client_id is null
        and not allocated
        and date between %(figures_from)s and %(today)s
        and %(client)s::text is null
        and (%(currency)s::text is null or currency = %(currency)s)
    group by date_trunc('month', date), currency
),

amounts as (
    select
        month,
        currency,
        open_amounts.open_amount,
        open_amounts.overdue_amount,
        invoiced.invoiced,
        received.received,
        without_client.without_client
    from open_amounts
    full join invoiced using (month, currency)
    full join received using (month, currency)
    full join without_client using (month, currency)
)

select
    month,
    month < %(this_month)s as is_complete,
    currency,
    open_amount,
    overdue_amount,
    invoiced,
    null::numeric as days_outstanding,
    received,
    without_client,
    null::bigint as waiting_deposits
from amounts
union all
select
    month,
    month < %(this_month)s,
    null,
    null,
    null,
    null,
    days_outstanding,
    null,
    null,
    null
from days_outstanding
union all
select
    null,
    true,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    waiting_deposits
from waiting
order by month asc nulls first, currency asc nulls first;
