-- Every counted second is on a line or in `unbilled`, never on both: raw seconds on lines plus unbilled seconds add up to the entry. What was
-- invoiced and counts no more is taken back by an adjustment, unless it changes nothing of the bill (rule 10.4).
{% set line_ids = changed_values({'invoice_prefill_lines': 'id'}) %}
{% set entry_ids = changed_values({'time_entries': 'id', 'invoice_prefill_line_entries': 'time_entry_id', 'unbilled': 'time_entry_id'}) %}
with

entries as (
    select
        id,
        allocated_seconds
    from {{ ref('time_entries') }}
    where is_counted and {{ is_among('id', entry_ids) }}
),

line_entries as (
    select
        entries_of_lines.*,
        lines.basis
    from {{ ref('invoice_prefill_line_entries') }} as entries_of_lines
    inner join {{ ref('invoice_prefill_lines') }} as lines on entries_of_lines.line_id = lines.id
    where {{ is_among('entries_of_lines.time_entry_id', entry_ids) }}
),

billed as (
    select
        time_entry_id,
        sum(raw_seconds) as seconds,
        min(raw_seconds) filter (where basis != 'adjustment') as least_seconds
    from (
        select
            time_entry_id,
            raw_seconds,
            basis
        from line_entries
        union all
        select
            time_entry_id,
            raw_seconds,
            'adjustment' as basis
        from {{ ref('int_billing__restatements') }}
        where time_entry_id is not null and line_id is null and {{ is_among('time_entry_id', entry_ids) }}
    ) as billed_parts
    group by time_entry_id
),

not_billed as (
    select
        time_entry_id,
        sum(seconds) as seconds,
        min(seconds) as least_seconds
    from {{ ref('unbilled') }}
    where {{ is_among('time_entry_id', entry_ids) }}
    group by time_entry_id
)

select
    coalesce(entries.id, billed.time_entry_id, not_billed.time_entry_id) as time_entry_id,
    entries.allocated_seconds,
    billed.seconds as billed_seconds,
    not_billed.seconds as unbilled_seconds
from entries
full join billed on entries.id = billed.time_entry_id
full join not_billed on coalesce(entries.id, billed.time_entry_id) = not_billed.time_entry_id
where
    coalesce(entries.allocated_seconds, 0) != coalesce(billed.seconds, 0) + coalesce(not_billed.seconds, 0)
    or coalesce(billed.seconds, not_billed.seconds) is null
    or billed.least_seconds < 0
    or not_billed.least_seconds <= 0
union all
-- Of a line that is not there.
select
    entries_of_lines.time_entry_id,
    null as allocated_seconds,
    entries_of_lines.raw_seconds as billed_seconds,
    null as unbilled_seconds
from {{ ref('invoice_prefill_line_entries') }} as entries_of_lines
left join {{ ref('invoice_prefill_lines') }} as lines on entries_of_lines.line_id = lines.id
where lines.id is null and {{ is_among('entries_of_lines.line_id', line_ids) }}
