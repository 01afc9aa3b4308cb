select
    lines.id as line_id,
    lines.prefill_id,
    lines.description,
    replace(lines.line_type, '_', ' ') as kind,
    lines.raw_time as worked,
    lines.billable_time as billed,
    lines.unit_price,
    lines.rate_multiplier as multiplier,
    lines.line_total,
    lines.currency,
    lines.rate_source
from marts.invoice_prefill_lines as lines
where
    lines.invoice_month >= %(last_month)s
    and (%(client)s::text is null or lines.client_id = %(client)s)
    and (%(currency)s::text is null or lines.currency = %(currency)s)
    and (%(parent)s::text is null or lines.prefill_id = %(parent)s)
order by lines.prefill_id asc, lines.line_total desc, lines.id asc;
