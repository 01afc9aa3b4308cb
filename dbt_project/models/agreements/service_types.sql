{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['name'], 'unique': true},
    {'columns': ['is_active']},
    {'columns': ['display_order']},
]) }}

with

service_types as (
    select * from {{ ref('stg_reference__service_types') }}
),

identifiers as (
    select * from {{ ref('identifiers') }}
    where kind = 'SVC'
),

row_history as (
    select * from {{ ref('int_identity__row_history') }}
    where file = 'service_types'
),

final as (
    select
        identifiers.id,
        service_types.name,
        service_types.description,
        service_types.is_billable,
        service_types.is_active and not service_types.is_deleted as is_active,
        service_types.display_order,
        service_types.is_deleted,
        service_types.deleted_at,
        row_history.created_at,
        row_history.updated_at
    from service_types
    inner join identifiers on service_types.row_key = identifiers.natural_key
    left join row_history on service_types.row_key = row_history.row_key
)

select * from final
