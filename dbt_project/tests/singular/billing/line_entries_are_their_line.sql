-- The entries of a line add up to its raw and its billed seconds; a fixed amount has neither (rule 12.1).
{% set line_ids = changed_values({'invoice_prefill_lines': 'id', 'invoice_prefill_line_entries': 'line_id'}) %}
with

lines as (
    select * from {{ ref('invoice_prefill_lines') }}
    where {{ is_among('id', line_ids) }}
),

entries as (
    select
        line_id,
        sum(raw_seconds) as raw_seconds,
        sum(billable_seconds) as billable_seconds
    from {{ ref('invoice_prefill_line_entries') }}
    where {{ is_among('line_id', line_ids) }}
    group by line_id
)

select
    lines.id,
    lines.raw_seconds,
    entries.raw_seconds as raw_seconds_of_entries,
    lines.billable_seconds,
    entries.billable_seconds as billable_seconds_of_entries
from lines
full join entries on lines.id = entries.line_id
where
    lines.raw_seconds is distinct from coalesce(entries.raw_seconds, 0)
    or lines.billable_seconds is distinct from coalesce(entries.billable_seconds, 0)
