with

lines as (
    select
        prefill_id,
        sum(billable_seconds) as billable_seconds,
        coalesce(sum(line_total) filter (where basis = 'adjustment'), 0) as adjustments
    from marts.invoice_prefill_lines
    group by prefill_id
),

bills as (
    select
        prefills.invoice_month as month,
        prefills.currency,
        prefills.subtotal,
        jsonb_array_length(prefills.warnings) > 0 as has_warnings,
        coalesce(lines.billable_seconds, 0) as billable_seconds,
        coalesce(lines.adjustments, 0) as adjustments,
        exists (
            select 1
            from billing.invoices
            where
                invoices.client_id = prefills.client_id
                and invoices.currency = prefills.currency
                and invoices.invoice_month = prefills.invoice_month
                and invoices.is_live
                and invoices.status <> 'draft'
        ) as is_issued
    from marts.invoice_prefills as prefills
    left join lines on prefills.id = lines.prefill_id
    where
        prefills.invoice_month <= %(today)s
        and prefills.invoice_month >= %(figures_from)s
        and (%(client)s::text is null or prefills.client_id = %(client)s)
        and (%(currency)s::text is null or prefills.currency = %(currency)s)
),

amounts as (
    select
        month,
        currency,
        sum(subtotal) as proposed,
        coalesce(sum(subtotal) filter (where not is_issued), 0) as not_issued,
        sum(adjustments) as adjustments
    from bills
    group by month, currency
),

counts as (
    select
        month,
        count(*) as bills,
        count(*) filter (where has_warnings) as with_warnings,
        sum(billable_seconds)::bigint as billed_seconds
    from bills
    group by month
),

unbilled as (
    select
        date_trunc('month', local_date)::date as month,
        sum(seconds)::bigint as unbilled_seconds
    from reports.time_entry_export
    where
        unbilled_reason is not null
        and local_date between %(figures_from)s and %(today)s
        and (%(client)s::text is null or client_id = %(client)s)
    group by date_trunc('month', local_date)
)

select
    month,
    month < %(this_month)s as is_complete,
    currency,
    proposed,
    not_issued,
    adjustments,
    null::bigint as bills,
    null::bigint as with_warnings,
    null::bigint as billed_seconds,
    null::bigint as unbilled_seconds
from amounts
union all
select
    month,
    month < %(this_month)s,
    null,
    null,
    null,
    null,
    counts.bills,
    counts.with_warnings,
    counts.billed_seconds,
    unbilled.unbilled_seconds
from counts
full join unbilled using (month)
order by month asc, currency asc nulls first;
