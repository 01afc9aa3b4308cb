with

projects as (
    select * from {{ ref('int_identity__projects') }}
),

-- Precedence: identifiers, then names of active projects, of archived ones, of deleted ones.
names as (
    select
        project_id,
        lower(project_id) as name,
        1 as preference
    from projects
    union all
    select
        project_id,
        lower(clockify_id) as name,
        1 as preference
    from projects
    where clockify_id is not null
    union all
    select
        project_id,
        {{ natural_key('name') }} as name,
        case when is_deleted then 4 when status = 'archived' then 3 else 2 end as preference
    from projects
    union all
    select
        project_id,
        {{ natural_key('reference_name') }} as name,
        case when is_deleted then 4 when status = 'archived' then 3 else 2 end as preference
    from projects
    where reference_name is not null
),

preferred as (
    select
        *,
        min(preference) over (partition by name) as best_preference
    from names
),

final as (
    select
        name,
        case when count(distinct project_id) = 1 then min(project_id) end as project_id,
        count(distinct project_id) as projects_found,
        array_agg(distinct project_id order by project_id) as project_ids
    from preferred
    where preference = best_preference
    group by name
)

select * from final
