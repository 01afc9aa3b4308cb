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

-- These two once for each file and root, not for each pair of them, which the planner would do: their expressions cost more than all else here.
placed_files as materialized (
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

globs as materialized (
    select
        *,
        location ~ '[*?]' as is_glob,
        {{ glob_to_regex('location') }} as regex
    from placed_roots
),

matches as (
    select
        placed_files.file_id,
        globs.root_path,
        globs.host,
        globs.developer_id,
        globs.row_number,
        length(globs.location) as root_length,
        coalesce(globs.host = placed_files.host, false) as is_of_its_host,
        coalesce(
            case
                when globs.is_glob then placed_files.location ~ globs.regex
                else placed_files.location = globs.location or starts_with(placed_files.location, rtrim(globs.location, '/') || '/')
            end,
            false
        ) as lies_below,
        -- A root with wildcards that only the file system can expand (`[ab]`) is matched as it is written.
        globs.root_path = placed_files.root_path as is_written_the_same
    from placed_files
    inner join globs
        on
            placed_files.base_folder is not distinct from globs.base_folder
            and placed_files.home_folder is not distinct from globs.home_folder
),

-- The longest root above the file; of several rows for one root, that of the file's host, then one for any host.
owners as (
    select distinct on (file_id)
        file_id,
        root_path,
        host,
        developer_id
    from matches
    where lies_below or is_written_the_same
    order by file_id asc, lies_below desc, root_length desc, is_of_its_host desc, host is null desc, row_number asc
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
