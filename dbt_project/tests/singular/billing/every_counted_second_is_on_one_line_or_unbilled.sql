-- Every counted second is on a line or in `unbilled`, never on both: raw seconds on lines plus unbilled seconds add up to the entry.
with

entries as (
    select
        id,
        allocated_seconds
    from {{ ref('time_entries') }}
    where is_counted
),

billed as (
    select
        time_entry_id,
        sum(raw_seconds) as seconds,
        min(raw_seconds) as least_seconds
    from {{ ref('invoice_prefill_line_entries') }}
    group by time_entry_id
),

not_billed as (
    select
        time_entry_id,
        sum(seconds) as seconds,
        min(seconds) as least_seconds
    from {{ ref('unbilled') }}
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
    entries.allocated_seconds is distinct from coalesce(billed.seconds, 0) + coalesce(not_billed.seconds, 0)
    or coalesce(billed.seconds, not_billed.seconds) is null
    or billed.least_seconds < 0
    or not_billed.least_seconds <= 0
