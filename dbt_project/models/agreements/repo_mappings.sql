{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['repo']},
    {'columns': ['client_id']},
    {'columns': ['project_id']},
    {'columns': ['valid_from']},
    {'columns': ['valid_to']},
]) }}

with

repo_mappings as (
    select * from {{ ref('stg_reference__repo_mappings') }}
),

identifiers as (
    select * from {{ ref('identifiers') }}
    where kind = 'MAP'
),

client_names as (
    select * from {{ ref('int_identity__client_names') }}
),

project_names as (
    select * from {{ ref('int_identity__project_names') }}
),

final as (
    select
        identifiers.id,
        repo_mappings.repo,
        client_names.client_id,
        project_names.project_id,
        repo_mappings.path_globs,
        repo_mappings.valid_from,
        repo_mappings.valid_to,
        repo_mappings.is_deleted,
        repo_mappings.deleted_at
    from repo_mappings
    inner join identifiers on repo_mappings.row_key = identifiers.natural_key
    left join client_names on {{ natural_key('repo_mappings.client') }} = client_names.name
    left join project_names on {{ natural_key('repo_mappings.project') }} = project_names.name
)

select * from final
