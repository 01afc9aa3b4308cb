{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    indexes=[{'columns': ['mirror_row_id'], 'unique': true}, {'columns': ['id'], 'unique': true}],
    post_hook="{{ register_contested_keys('MIR', 'mirror_row_id') }}",
) }}

with

worklogs as (
    select * from {{ ref('stg_clickhouse__worklogs') }}
    where worklog_id is null
),

rows_to_name as (
    select worklogs.mirror_row_id
    from worklogs
    {%- if is_incremental() %}
        where not exists (
            select 1 from {{ this }} as known
            where known.mirror_row_id = worklogs.mirror_row_id
        )
    {%- endif %}
),

{{ with_identifiers('rows_to_name', 'MIR', 'mirror_row_id', 'mirror_row_id', full_key='mirror_row_id') }},

final as (
    select
        mirror_row_id,
        id
    from identified
)

select * from final
