with

source_rows as (
    select * from {{ source('example', 'quarantined_records') }}
),

final as (
    select
        quarantine_id,
        table_name,
        native_id,
        reason,
        rejected_record,
        found_at,
        loaded_at
    from source_rows
)

select * from final
