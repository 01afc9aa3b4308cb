{{ config(indexes=[{'columns': ['id'], 'unique': true}, {'columns': ['project_id']}, {'columns': ['label']}]) }}

with

classifications as (
    select * from {{ ref('stg_reference__project_classifications') }}
),

identifiers as (
    select * from {{ ref('identifiers') }}
    where kind = 'CLS'
),

project_names as (
    select * from {{ ref('int_identity__project_names') }}
),

final as (
    select
        identifiers.id,
        project_names.project_id,
        classifications.label,
        classifications.classification,
        classifications.is_deleted,
        classifications.deleted_at
    from classifications
    inner join identifiers on classifications.row_key = identifiers.natural_key
    left join project_names on {{ natural_key('classifications.project') }} = project_names.name
)

select * from final
