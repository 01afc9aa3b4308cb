{{ config(materialized='view') }}

with

entries as (
    select * from {{ ref('time_entries') }}
    where source = 'manual'
),

work_logs as (
    select * from {{ ref('int_time__work_logs') }}
),

allocations as (
    select * from {{ ref('contract_allocations') }}
),

service_types as (
    select * from {{ ref('service_types') }}
),

row_history as (
    select * from {{ ref('int_identity__row_history') }}
    where file = 'work_logs'
),

entry_allocations as (
    select
        time_entry_id,
        bool_or(part = 'overage') as is_overage,
        -- An entry that crosses the allowance has two rates; the overage rate is shown, as the client-tracker seed marks the entry as overage.
        coalesce(max(rate_applied) filter (where part = 'overage'), max(rate_applied)) as rate_applied
    from allocations
    group by time_entry_id
),

final as (
    select
        entries.id,
        entries.work_log_id,
        entries.client_id,
        entries.contract_id,
        service_types.id as service_type_id,
        entries.service_type,
        entries.developer_id,
        entries.local_date,
        entries.start_time,
        entries.end_time,
        entries.duration_seconds,
        entries.work_location,
        entries.description,
        entries.billable as is_billable,
        coalesce(entry_allocations.is_overage, false) as is_overage,
        entry_allocations.rate_applied,
        entries.status,
        entries.is_counted,
        entries.not_counted_reason,
        work_logs.is_deleted,
        work_logs.deleted_at,
        row_history.created_at,
        row_history.updated_at
    from entries
    inner join work_logs on entries.work_log_id = work_logs.work_log_id
    left join service_types on {{ natural_key('entries.service_type') }} = {{ natural_key('service_types.name') }}
    left join row_history on work_logs.row_key = row_history.row_key
    left join entry_allocations on entries.id = entry_allocations.time_entry_id
)

select * from final
