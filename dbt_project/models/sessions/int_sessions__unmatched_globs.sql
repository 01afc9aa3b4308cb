{{ config(materialized='view') }}

with

path_globs as (
    select * from {{ ref('int_identity__path_globs') }}
),

contexts as (
    select * from {{ ref('int_sessions__contexts') }}
),

directories as (
    select distinct {{ normalized_path('cwd') }} as path
    from contexts
    where cwd is not null
),

final as (
    select
        path_glob,
        repo,
        client,
        project
    from path_globs
    where
        exists (select 1 from directories)
        and not exists (
            select 1
            from directories
            where {{ path_matches('directories.path', 'path_globs.path_regex') }}
        )
)

select * from final
