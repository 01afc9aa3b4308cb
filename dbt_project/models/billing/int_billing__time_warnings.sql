{# Warnings about the time itself, independent of the engine. If there are many entries, the first few are named. #}
{% set entries_named = 10 %}
with

logged_elsewhere as (
    select * from {{ ref('int_billing__logged_elsewhere') }}
),

suspicious_entries as (
    select * from {{ ref('int_time__suspicious_entries') }}
),

entries as (
    select * from {{ ref('int_billing__routed_entries') }}
    where unbilled_reason is null and client_id is not null
),

parts as (
    select * from {{ ref('int_billing__parts') }}
),

unbilled_sessions as (
    select
        client_id,
        currency,
        invoice_month,
        'logged_elsewhere' as code,
        {{ clock_text('seconds') }} || ' of sessions are not billed: the developer logged the same time as other work; at the rates in force '
        || amount || ' ' || currency
        || case when unrated_seconds > 0 then ', ' || {{ clock_text('unrated_seconds') }} || ' of them without a rate' else '' end as detail
    from logged_elsewhere
),

-- On the prefill that bills the entry, else on that of its client and month.
billed_findings as (
    select distinct
        coalesce(parts.client_id, entries.client_id) as client_id,
        coalesce(parts.invoice_month, date_trunc('month', entries.local_date)::date) as invoice_month,
        suspicious_entries.finding,
        suspicious_entries.time_entry_id,
        suspicious_entries.other_time_entry_id,
        suspicious_entries.is_same,
        suspicious_entries.doubtful_seconds
    from suspicious_entries
    inner join entries on suspicious_entries.time_entry_id = entries.time_entry_id
    left join parts on entries.time_entry_id = parts.time_entry_id
),

numbered_findings as (
    select
        *,
        row_number() over (
            partition by client_id, invoice_month, finding, is_same
            order by time_entry_id collate "C", other_time_entry_id collate "C"
        ) as place
    from billed_findings
),

doubted_time as (
    select
        client_id,
        null::text as currency,
        invoice_month,
        finding as code,
        {{ clock_text('sum(doubtful_seconds)') }}
        || case
            when finding = 'long_entry' then ' in entries of more than 16 hours: '
            when is_same then ' are in entries that repeat another: '
            else ' are in entries that overlap another for the same client: '
        end
        || string_agg(
            time_entry_id || coalesce(' (' || other_time_entry_id || ')', ''),
            ', ' order by place
        ) filter (where place <= {{ entries_named }})
        || case when count(*) > {{ entries_named }} then ' and ' || (count(*) - {{ entries_named }}) || ' more' else '' end
        || '; see reports.suspicious_entries' as detail
    from numbered_findings
    group by client_id, invoice_month, finding, is_same
),

final as (
    select * from unbilled_sessions
    union all
    select * from doubted_time
)

select * from final
