with

versions as (
    select * from {{ ref('reference_versions') }}
),

final as (
    select
        file,
        row_key,
        min(dbt_valid_from) as created_at,
        max(dbt_valid_from) as updated_at
    from versions
    group by file, row_key
)

select * from final
