with

source_rows as (
    {{ reference_rows('service_types') }}
),

final as (
    select
        trim(name) as name,
        description,
        coalesce(is_billable, true) as is_billable,
        coalesce(is_active, true) as is_active,
        coalesce(display_order, 0) as display_order,
        row_number,
        row_key,
        is_deleted,
        deleted_at
    from source_rows
)

select * from final
