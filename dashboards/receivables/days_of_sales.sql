select
    date_trunc('month', sales.as_of)::date as month,
    sales.as_of < %(today)s as is_complete,
    sales.as_of,
    kinds.kind,
    kinds.days,
    sales.receivable,
    sales.sales as sales_of_90_days,
    sales.currency
from marts.days_sales_outstanding as sales
cross join lateral (
    values ('Of 90 days of sales', sales.dso_simple_days), ('Counted back', sales.dso_countback_days)
) as kinds (kind, days)
where
    sales.as_of between %(months_from)s and %(today)s
    and sales.is_agency = (%(currency)s::text is null)
    and (%(currency)s::text is null or sales.currency = %(currency)s)
    and kinds.days is not null
order by sales.as_of asc, kinds.kind desc;
