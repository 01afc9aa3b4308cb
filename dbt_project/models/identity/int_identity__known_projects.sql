with

clockify_projects as (
    select * from {{ ref('stg_clockify__projects') }}
),

reference_projects as (
    select * from {{ ref('stg_reference__projects') }}
),

-- What a cell may hold (rule 2.3), one join each: a join by any of three conditions would compare every row with every other.
candidates as (
    select
        reference_projects.row_key,
        clockify_projects.clockify_id
    from reference_projects
    inner join clockify_projects on reference_projects.project = clockify_projects.clockify_id
    union
    select
        reference_projects.row_key,
        clockify_projects.clockify_id
    from reference_projects
    inner join clockify_projects
        on
            reference_projects.project ilike 'PRJ-________%'
            and clockify_projects.clockify_id like lower(substr(reference_projects.project, 5)) || '%'
    union
    select
        reference_projects.row_key,
        clockify_projects.clockify_id
    from reference_projects
    inner join clockify_projects
        on {{ natural_key('reference_projects.project') }} = {{ natural_key('clockify_projects.name') }}
),

matches as (
    select distinct on (reference_projects.row_key)
        reference_projects.row_key,
        clockify_projects.clockify_id
    from candidates
    inner join reference_projects on candidates.row_key = reference_projects.row_key
    inner join clockify_projects on candidates.clockify_id = clockify_projects.clockify_id
    order by
        reference_projects.row_key,
        reference_projects.project != clockify_projects.clockify_id,
        clockify_projects.is_deleted,
        clockify_projects.is_archived,
        clockify_projects.clockify_id
),

matched_rows as (
    select distinct on (coalesce(matches.clockify_id, reference_projects.row_key))
        reference_projects.*,
        matches.clockify_id
    from reference_projects
    left join matches on reference_projects.row_key = matches.row_key
    order by coalesce(matches.clockify_id, reference_projects.row_key), reference_projects.is_deleted, reference_projects.row_number
),

final as (
    select
        coalesce(clockify_projects.clockify_id, {{ natural_key('matched_rows.project') }}) as project_key,
        case
            when clockify_projects.clockify_id is not null
                then coalesce({{ natural_key('matched_rows.project') }}, {{ natural_key('clockify_projects.name') }})
            -- Names as registered before spelling was normalized.
            else lower(trim(matched_rows.project))
        end as former_key,
        clockify_projects.clockify_id,
        clockify_projects.clockify_client_id,
        clockify_projects.name as clockify_name,
        coalesce(clockify_projects.name, matched_rows.project) as name,
        clockify_projects.hourly_rate,
        clockify_projects.hourly_rate_currency,
        matched_rows.row_key,
        matched_rows.project,
        matched_rows.jira_project_key,
        matched_rows.labels,
        case
            when not matched_rows.is_deleted then matched_rows.status
            when clockify_projects.is_archived or clockify_projects.is_deleted then 'archived'
            else 'active'
        end as status,
        -- As with clients: a project removed from its file is deleted, even if Clockify still has it.
        coalesce(matched_rows.is_deleted, clockify_projects.is_deleted) as is_deleted,
        case
            when coalesce(matched_rows.is_deleted, clockify_projects.is_deleted)
                then coalesce(matched_rows.deleted_at, clockify_projects.deleted_at)
        end as deleted_at
    from clockify_projects
    full join matched_rows on clockify_projects.clockify_id = matched_rows.clockify_id
)

select * from final
