with

entries as (
    select * from {{ ref('time_entries') }}
),

developers as (
    select * from {{ ref('developers') }}
),

clients as (
    select * from {{ ref('clients') }}
),

projects as (
    select * from {{ ref('projects') }}
),

contracts as (
    select * from {{ ref('contracts') }}
),

billing_rules as (
    select * from {{ ref('billing_rules') }}
),

amounts as (
    select * from {{ ref('int_reports__entry_amounts') }}
),

final as (
    select
        coalesce(entries.id, amounts.time_entry_id) as time_entry_id,
        entries.source,
        entries.local_date,
        entries.start_time,
        entries.end_time,
        entries.developer_id,
        developers.name as developer,
        developers.email as developer_email,
        coalesce(entries.client_id, case when entries.id is null then amounts.client_id end) as client_id,
        clients.name as client,
        entries.project_id,
        projects.name as project,
        entries.contract_id,
        contracts.contract_number,
        entries.billing_rule_id,
        billing_rules.rule_type as billing_rule,
        entries.application_id,
        entries.issue_key,
        entries.service_type,
        entries.work_location,
        entries.description,
        entries.billable,
        entries.status,
        coalesce(entries.is_counted, false) as is_counted,
        case when entries.id is null then 'deleted' else entries.not_counted_reason end as not_counted_reason,
        coalesce(amounts.raw_seconds, entries.allocated_seconds) as seconds,
        amounts.billable_seconds,
        amounts.line_id,
        amounts.invoice_month,
        amounts.basis,
        amounts.line_type,
        amounts.rate_source,
        amounts.rate,
        amounts.currency,
        amounts.amount,
        amounts.unbilled_reason
    from entries
    -- What is on an invoice may be in no source any more.
    full outer join amounts on entries.id = amounts.time_entry_id
    left join developers on entries.developer_id = developers.id
    left join clients on coalesce(entries.client_id, case when entries.id is null then amounts.client_id end) = clients.id
    left join projects on entries.project_id = projects.id
    left join contracts on entries.contract_id = contracts.id
    left join billing_rules on entries.billing_rule_id = billing_rules.id
)

{{ with_hours(['seconds', 'billable_seconds']) }}
