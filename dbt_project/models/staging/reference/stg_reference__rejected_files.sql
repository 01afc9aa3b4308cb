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
        loaded_at
    from source_rows
)

select * from final
