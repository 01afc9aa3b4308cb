{# The amounts of a line's entries sum to the line's total to the cent, and exported seconds are the counted seconds. #}
{% set line_ids = changed_values({'invoice_prefill_lines': 'id', 'int_reports__entry_amounts': 'line_id'}) %}
{% set entry_ids = changed_values({'time_entries': 'id', 'int_reports__entry_amounts': 'time_entry_id'}) %}
with

-- Of few lines and entries it is cheaper to ask twice.
exported as {{ 'not materialized' if line_ids is not none }} (
    select * from {{ ref('time_entry_export') }}
),

lines as (
    select * from {{ ref('invoice_prefill_lines') }}
    where billable_seconds > 0 and {{ is_among('id', line_ids) }}
),

entries as (
    select * from {{ ref('time_entries') }}
    where is_counted and {{ is_among('id', entry_ids) }}
),

exported_lines as (
    select
        line_id,
        sum(amount) as amount
    from exported
    where line_id is not null and {{ is_among('line_id', line_ids) }}
    group by line_id
),

exported_entries as (
    select
        time_entry_id,
        sum(seconds) as seconds
    from exported
    where is_counted and {{ is_among('time_entry_id', entry_ids) }}
    group by time_entry_id
)

select
    lines.id,
    lines.line_total as expected,
    exported_lines.amount as found
from lines
left join exported_lines on lines.id = exported_lines.line_id
where exported_lines.amount is distinct from lines.line_total
union all
select
    entries.id,
    entries.allocated_seconds as expected,
    exported_entries.seconds as found
from entries
left join exported_entries on entries.id = exported_entries.time_entry_id
where exported_entries.seconds is distinct from entries.allocated_seconds
