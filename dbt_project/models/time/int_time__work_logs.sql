{{ config(materialized='view') }}

with

work_logs as (
    select * from {{ ref('stg_reference__work_logs') }}
),

developers as (
    select * from {{ ref('int_identity__developers') }}
),

client_names as (
    select * from {{ ref('int_identity__client_names') }}
),

contract_names as (
    select * from {{ ref('int_agreements__contract_names') }}
),

contracts as (
    select * from {{ ref('int_agreements__contracts') }}
),

service_types as (
    select * from {{ ref('stg_reference__service_types') }}
),

agency as (
    select * from {{ ref('int_identity__agency') }}
),

-- HH:MM is a time of the work date in the developer's zone; anything longer is a moment with its offset (rule 6.2).
timed as (
    select
        work_logs.*,
        developers.developer_id,
        case
            when work_logs.start_time ~ '^\d{1,2}:\d{2}(:\d{2})?$'
                then (work_logs.work_date + work_logs.start_time::time) at time zone coalesce(developers.timezone, agency.timezone)
            else work_logs.start_time::timestamptz
        end as started_at,
        case
            when work_logs.end_time ~ '^\d{1,2}:\d{2}(:\d{2})?$'
                -- An end earlier than the start is on the next day.
                then (
                    work_logs.work_date + work_logs.end_time::time
                    + case
                        when work_logs.start_time ~ '^\d{1,2}:\d{2}(:\d{2})?$' and work_logs.end_time::time < work_logs.start_time::time
                            then interval '1 day'
                        else interval '0'
                    end
                ) at time zone coalesce(developers.timezone, agency.timezone)
            else work_logs.end_time::timestamptz
        end as ended_at
    from work_logs
    cross join agency
    left join developers on work_logs.email = developers.email
),

final as (
    select
        'LOG-' || timed.work_log_id as id,
        timed.work_log_id,
        timed.row_key,
        timed.developer_id,
        coalesce(timed.developer_id, 'manual:' || timed.email) as person_key,
        timed.email,
        client_names.client_id,
        timed.client as client_name,
        coalesce(contracts_by_number.contract_id, contracts_by_name.contract_id) as named_contract_id,
        timed.contract as contract_name,
        timed.service_type,
        timed.work_location,
        timed.description,
        timed.started_at as start_time,
        case when timed.ended_at >= timed.started_at then timed.ended_at end as end_time,
        -- Independent of the times (rule 6.3).
        timed.duration_seconds,
        timed.work_date as local_date,
        timed.is_billable and coalesce(service_types.is_billable, true) as is_billable,
        timed.is_billable as is_billable_as_written,
        -- If a contract is deleted, so are its work logs.
        timed.is_deleted or coalesce(contracts.is_deleted, false) as is_deleted,
        coalesce(timed.deleted_at, contracts.deleted_at) as deleted_at,
        jsonb_strip_nulls(jsonb_build_object(
            'email', case when timed.developer_id is null then timed.email end,
            'client', case when client_names.client_id is null then timed.client end,
            'contract', case when contracts.contract_id is null then timed.contract end
        )) as context
    from timed
    left join client_names on {{ natural_key('timed.client') }} = client_names.name
    left join contract_names as contracts_by_number
        on
            contracts_by_number.client_id = '*'
            and {{ natural_key('timed.contract') }} = contracts_by_number.name
    left join contract_names as contracts_by_name
        on
            client_names.client_id = contracts_by_name.client_id
            and {{ natural_key('timed.contract') }} = contracts_by_name.name
    left join contracts on coalesce(contracts_by_number.contract_id, contracts_by_name.contract_id) = contracts.contract_id
    left join service_types on
        {{ natural_key('timed.service_type') }} = {{ natural_key('service_types.name') }}
        and not service_types.is_deleted
)

select * from final
