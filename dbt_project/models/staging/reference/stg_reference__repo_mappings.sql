with

source_rows as (
    {{ reference_rows('repo_mappings') }}
),

final as (
    select
        trim(repo) as repo,
        trim(client) as client,
        trim(project) as project,
        {{ split_list('path_globs') }} as path_globs,
        valid_from,
        valid_to,
        row_number,
        row_key,
        is_deleted,
        deleted_at
    from source_rows
)

select * from final
