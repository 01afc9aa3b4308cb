with

invoices as (
    select * from {{ source('invoicing', 'invoices') }}
    where status != 'draft'
),

agency as (
    select
        *,
        {{ as_of_date('timezone') }} as as_of_date
    from {{ ref('int_identity__agency') }}
),

first_invoice as (
    select min(issue_date) as issue_date
    from invoices
    having min(issue_date) is not null
),

month_ends as (
    select {{ month_end('months.first_day') }} as as_of
    from agency
    cross join first_invoice
    cross join lateral generate_series(
        {{ month_of('first_invoice.issue_date') }}, agency.as_of_date, interval '1 month'
    ) as months (first_day)
),

final as (
    select
        month_ends.as_of,
        false as is_latest
    from month_ends
    inner join agency on month_ends.as_of < agency.as_of_date
    union all
    select
        agency.as_of_date as as_of,
        true as is_latest
    from agency
    cross join first_invoice
)

select * from final
