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

mappings as (
    select
        lower(repo_mappings.repo) as repo,
        client_names.client_id,
        project_names.project_id,
        coalesce(repo_mappings.valid_from, '-infinity'::date) as valid_from,
        -- The day after the last day, so that ranges meet.
        case when repo_mappings.valid_to is null then 'infinity'::date else repo_mappings.valid_to + 1 end as valid_until
    from repo_mappings
    left join client_names on {{ natural_key('repo_mappings.client') }} = client_names.name
    left join project_names on {{ natural_key('repo_mappings.project') }} = project_names.name
),

edges as (
    select
        repo,
        valid_from as edge
    from mappings
    union
    select
        repo,
        valid_until as edge
    from mappings
),

ranges as (
    select
        repo,
        edge as valid_from,
        lead(edge) over (partition by repo order by edge) as valid_until
    from edges
),

-- Directories of one repository may belong to several projects; a commit or pull request does not say which.
final as (
    select
        ranges.repo,
        ranges.valid_from,
        ranges.valid_until,
        case when count(distinct mappings.client_id) = 1 then min(mappings.client_id) end as client_id,
        case
            when count(distinct mappings.client_id) = 1 and count(distinct coalesce(mappings.project_id, '')) = 1
                then min(mappings.project_id)
        end as project_id,
        count(distinct mappings.client_id) as clients_found
    from ranges
    inner join mappings
        on
            ranges.repo = mappings.repo
            and ranges.valid_from >= mappings.valid_from
            and ranges.valid_until <= mappings.valid_until
    group by ranges.repo, ranges.valid_from, ranges.valid_until
)

select * from final
