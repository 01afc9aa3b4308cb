{{ config(indexes=[{'columns': ['cwd']}]) }}

with

contexts as (
    select * from {{ ref('int_sessions__contexts') }}
),

path_globs as (
    select
        repo,
        client_id,
        project_id,
        path_regex,
        pattern_length,
        coalesce(valid_from, '-infinity'::date) as valid_from,
        -- The day after the last day, so that ranges meet.
        case when valid_to is null then 'infinity'::date else valid_to + 1 end as valid_until
    from {{ ref('int_identity__path_globs') }}
),

known as (
    select distinct cwd
    from contexts
    where cwd is not null
),

directories as materialized (
    select
        cwd,
        {{ normalized_path('cwd') }} as path
    from known
),

-- Each expression is compiled once and run over all directories, not the other way round: hence a subquery that the planner keeps.
matches as (
    select
        matching.cwd,
        path_globs.*
    from path_globs
    cross join lateral (
        select directories.cwd
        from directories
        where {{ path_matches('directories.path', 'path_globs.path_regex') }}
        order by directories.cwd
        offset 0
    ) as matching
),

edges as (
    select
        cwd,
        valid_from as edge
    from matches
    union
    select
        cwd,
        valid_until as edge
    from matches
),

ranges as (
    select
        cwd,
        edge as valid_from,
        lead(edge) over (partition by cwd order by edge) as valid_until
    from edges
),

in_force as (
    select
        ranges.cwd,
        ranges.valid_from,
        ranges.valid_until,
        matches.pattern_length,
        matches.repo,
        matches.client_id,
        matches.project_id
    from ranges
    inner join matches
        on
            ranges.cwd = matches.cwd
            and ranges.valid_from >= matches.valid_from
            and ranges.valid_from < matches.valid_until
    where ranges.valid_from < ranges.valid_until
),

final as (
    select distinct on (cwd, valid_from)
        cwd,
        valid_from,
        valid_until,
        repo,
        client_id,
        project_id
    from in_force
    order by cwd asc, valid_from asc, pattern_length desc, repo collate "C" asc, project_id collate "C" asc
)

select * from final
