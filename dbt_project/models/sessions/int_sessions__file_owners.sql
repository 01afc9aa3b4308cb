{{ config(indexes=[{'columns': ['file_id'], 'unique': true}]) }}

with

files as (
    select * from {{ ref('stg_claude_code__files') }}
),

session_roots as (
    select * from {{ ref('int_identity__session_roots') }}
),

developers as (
    select * from {{ ref('int_identity__developers') }}
),

folders as (
    select distinct
        base_folder,
        home_folder
    from files
),

placed_files as (
    select
        *,
        {{ absolute_path('path', "coalesce(base_folder, '')", "coalesce(home_folder, '')") }} as location
    from files
),

placed_roots as (
    select
        folders.base_folder,
        folders.home_folder,
        session_roots.*,
        {{ absolute_path('session_roots.root_path', "coalesce(folders.base_folder, '')", "coalesce(folders.home_folder, '')") }} as location
    from session_roots
    cross join folders
),

globs as (
    select
        *,
        location ~ '[*?]' as is_glob,
        {{ glob_to_regex('location') }} as regex
    from placed_roots
),

-- The longest root below which a file lies; of several rows for one root that of the file's host, then one for any host.
owners as (
    select distinct on (placed_files.file_id)
        placed_files.file_id,
        globs.root_path,
        globs.host,
        globs.developer_id
    from placed_files
    inner join globs
        on
            placed_files.base_folder is not distinct from globs.base_folder
            and placed_files.home_folder is not distinct from globs.home_folder
            and case
                when globs.is_glob then placed_files.location ~ globs.regex
                else placed_files.location = globs.location or starts_with(placed_files.location, rtrim(globs.location, '/') || '/')
            end
    order by
        placed_files.file_id asc, length(globs.location) desc, coalesce(globs.host = placed_files.host, false) desc,
        globs.host is null desc, globs.row_number asc
),

final as (
    select
        files.file_id,
        coalesce(owners.root_path, files.root_path) as root_path,
        coalesce(owners.host, files.host) as host,
        owners.developer_id,
        developers.timezone
    from files
    left join owners on files.file_id = owners.file_id
    left join developers on owners.developer_id = developers.developer_id
)

select * from final
