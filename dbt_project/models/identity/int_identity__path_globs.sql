with

repo_mappings as (
    select * from {{ ref('stg_reference__repo_mappings') }}
    where not is_deleted
),

client_names as (
    select * from {{ ref('int_identity__client_names') }}
),

project_names as (
    select * from {{ ref('int_identity__project_names') }}
),

globs as (
    select
        repo_mappings.repo,
        repo_mappings.client,
        repo_mappings.project,
        repo_mappings.valid_from,
        repo_mappings.valid_to,
        {{ normalized_path('path_globs.path_glob') }} as path_glob
    from repo_mappings
    cross join lateral unnest(repo_mappings.path_globs) as path_globs (path_glob)
),

final as (
    select
        globs.repo,
        globs.client,
        globs.project,
        globs.path_glob,
        client_names.client_id,
        project_names.project_id,
        {{ glob_to_regex('globs.path_glob') }} as path_regex,
        length(globs.path_glob) as pattern_length,
        coalesce(globs.valid_from, '-infinity'::date) as valid_from,
        coalesce(globs.valid_to, 'infinity'::date) as valid_to
    from globs
    left join client_names on {{ natural_key('globs.client') }} = client_names.name
    left join project_names on {{ natural_key('globs.project') }} = project_names.name
)

select * from final
