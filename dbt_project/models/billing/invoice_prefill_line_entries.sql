{{ config(indexes=[{'columns': ['line_id', 'time_entry_id'], 'unique': true}, {'columns': ['time_entry_id']}]) }}

with

parts as (
    select * from {{ ref('int_billing__parts') }}
    where unbilled_reason is null
),

lines as (
    select * from {{ ref('int_billing__lines') }}
),

final as (
    select
        lines.line_id,
        parts.time_entry_id,
        sum(parts.raw_seconds)::bigint as raw_seconds,
        sum(parts.billable_seconds)::bigint as billable_seconds
    from parts
    inner join lines on parts.line_key = lines.line_key
    group by lines.line_id, parts.time_entry_id
)

select * from final
