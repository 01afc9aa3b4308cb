{{ config(materialized='incremental', incremental_strategy='changed_dates_of_time', on_schema_change='fail', indexes=[
    {'columns': ['local_date']},
    {'columns': ['developer_id', 'local_date']},
    {'columns': ['client_id', 'local_date']},
    {'columns': ['project_id', 'local_date']},
    {'columns': ['contract_id', 'local_date']},
], pre_hook="{{ allow_large_sorts() }}") }}

with

entries as (
    select * from {{ ref('time_entries') }}
    where
        is_counted
        and {{ of_changed_dates(subject='time') }}
),

final as (
    select
        developer_id,
        client_id,
        project_id,
        contract_id,
        source,
        service_type,
        work_location,
        local_date,
        count(*) as entries,
        sum(allocated_seconds)::bigint as counted_seconds,
        coalesce(sum(allocated_seconds) filter (where billable), 0)::bigint as billable_seconds
    from entries
    group by developer_id, client_id, project_id, contract_id, source, service_type, work_location, local_date
)

select * from final
