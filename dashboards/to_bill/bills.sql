select
    prefills.id as prefill_id,
    clients.name as client,
    prefills.invoice_month,
    case when prefills.invoice_month >= %(this_month)s then 'not over' end as month_is,
    prefills.subtotal,
    prefills.tax,
    prefills.total,
    prefills.currency,
    (
        select string_agg(replace(warning ->> 'code', '_', ' ') || ': ' || (warning ->> 'detail'), '; ')
        from jsonb_array_elements(prefills.warnings) as warnings (warning)
    ) as warnings
from marts.invoice_prefills as prefills
inner join marts.clients on prefills.client_id = clients.id
where
    prefills.invoice_month >= %(last_month)s
    and (%(client)s::text is null or prefills.client_id = %(client)s)
    and (%(currency)s::text is null or prefills.currency = %(currency)s)
    and not exists (
        select 1
        from billing.invoices
        where
            invoices.client_id = prefills.client_id
            and invoices.currency = prefills.currency
            and invoices.invoice_month = prefills.invoice_month
            and invoices.is_live
            and invoices.status <> 'draft'
    )
order by prefills.invoice_month asc, clients.name asc, prefills.currency asc;
