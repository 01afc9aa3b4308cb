with

source_rows as (
    {{ reference_rows('work_logs') }}
),

final as (
    select
        trim(id) as work_log_id,
        trim(client) as client,
        trim(contract) as contract,
        trim(service_type) as service_type,
        lower(trim(email)) as email,
        work_date,
        trim(start_time) as start_time,
        trim(end_time) as end_time,
        duration_minutes * 60 as duration_seconds,
        coalesce(work_location, 'remote') as work_location,
        description,
        coalesce(is_billable, true) as is_billable,
        row_number,
        row_key,
        is_deleted,
        deleted_at
    from source_rows
)

select * from final
