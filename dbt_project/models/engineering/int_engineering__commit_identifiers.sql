{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    indexes=[{'columns': ['sha'], 'unique': true}, {'columns': ['id'], 'unique': true}],
    post_hook="{{ register_contested_keys('CMT', 'sha') }}",
) }}

with

rows_to_name as (
    select distinct commits.sha
    from {{ ref('stg_github__commits') }} as commits
    {%- if is_incremental() %}
        where not exists (
            select 1 from {{ this }} as known
            where known.sha = commits.sha
        )
    {%- endif %}
),

{{ with_identifiers('rows_to_name', 'CMT', 'sha', 'sha', full_key='sha') }},

final as (
    select
        sha,
        id
    from identified
)

select * from final
