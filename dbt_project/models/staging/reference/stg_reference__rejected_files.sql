with

source_rows as (
    select * from {{ source('reference', 'rejected_files') }}
),

final as (
    select
        problem_id,
        file,
        row_number,
        column_name,
        value,
        reason,
        consent_id is not null as has_lost_rows,
        loaded_at
    from source_rows
)

select * from final
