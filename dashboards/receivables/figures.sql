with

months as (
    select
        months.month::date as month,
        least((months.month + interval '1 month - 1 day')::date, %(today)s::date) as last_day
    from generate_series(
        date_trunc('month', %(today)s::date) - interval '12 months', date_trunc('month', %(today)s::date), interval '1 month'
    ) as months (month)
),

-- Before the first invoice nothing is known of them, which is not 0.
first_invoice as (
    select min(issue_date) as issue_date
    from billing.invoices
    where status <> 'draft'
),

open_amounts as (
    select
        months.month,
        months.last_day,
        receivables.currency::text as currency,
        sum(receivables.open_amount) as open_amount,
        coalesce(sum(receivables.open_amount) filter (where receivables.days_past_due > 0), 0) as overdue_amount
    from months
    inner join first_invoice on months.last_day >= first_invoice.issue_date
    cross join lateral billing.ar_open(months.last_day) as receivables
    where
        (%(client)s::text is null or receivables.client_id = %(client)s)
        and (%(currency)s::text is null or receivables.currency = %(currency)s)
    group by months.month, months.last_day, receivables.currency
),

issued as (
    select
        issue_date,
        currency::text as currency,
        total
    from billing.invoices
    where
        status not in ('draft', 'canceled')
        and (%(client)s::text is null or client_id = %(client)s)
        and (%(currency)s::text is null or currency = %(currency)s)
),

invoiced as (
    select
        date_trunc('month', issue_date)::date as month,
        currency,
        sum(total) as invoiced
    from issued
    where issue_date between date_trunc('month', %(today)s::date) - interval '12 months' and %(today)s
    group by date_trunc('month', issue_date), currency
),

main_currency as (
    select currency
    from open_amounts
    group by currency
    order by sum(open_amount) desc, currency asc
    limit 1
),

days_outstanding as (
    select
        open_amounts.month,
        round(90 * open_amounts.open_amount / nullif((
            select sum(issued.total)
            from issued
            where
                issued.currency = open_amounts.currency
                and issued.issue_date > open_amounts.last_day - 90
                and issued.issue_date <= open_amounts.last_day
        ), 0), 1) as days_outstanding
    from open_amounts
    inner join main_currency on open_amounts.currency = main_currency.currency
),

received as (
    select
        month,
        currency,
        sum(received) as received
    from reports.revenue_by_client
    where
        month between date_trunc('month', %(today)s::date) - interval '12 months' and %(today)s
        and (%(client)s::text is null or client_id = %(client)s)
        and (%(currency)s::text is null or currency = %(currency)s)
    group by month, currency
),

unmatched as (
    select
        date_trunc('month', date)::date as month,
        currency,
        sum(amount) as unmatched
    from marts.transactions
    where
        type = 'income'
        and client_id is null
        and not allocated
        and date between date_trunc('month', %(today)s::date) - interval '12 months' and %(today)s
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
        unmatched.unmatched
    from open_amounts
    full join invoiced using (month, currency)
    full join received using (month, currency)
    full join unmatched using (month, currency)
)

select
    month,
    month < date_trunc('month', %(today)s::date) as is_complete,
    currency,
    open_amount,
    overdue_amount,
    invoiced,
    null::numeric as days_outstanding,
    received,
    unmatched
from amounts
union all
select
    month,
    month < date_trunc('month', %(today)s::date),
    null,
    null,
    null,
    null,
    days_outstanding,
    null,
    null
from days_outstanding
order by month asc, currency asc nulls first;
