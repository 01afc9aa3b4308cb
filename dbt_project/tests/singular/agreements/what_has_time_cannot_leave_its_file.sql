-- A service type, project or client with time must stay in its file; set its status instead (rule 2.5).
with

entries as (
    select * from {{ ref('time_entries') }}
    where not_counted_reason is distinct from 'deleted'
),

gone as (
    select
        'client' as entity_type,
        clients.name,
        clients.id
    from {{ ref('int_identity__clients') }} as known
    inner join {{ ref('clients') }} as clients on known.client_id = clients.id
    where known.row_key is not null and clients.is_deleted
    union all
    select
        'project' as entity_type,
        projects.name,
        projects.id
    from {{ ref('int_identity__projects') }} as known
    inner join {{ ref('projects') }} as projects on known.project_id = projects.id
    where known.reference_name is not null and projects.is_deleted
    union all
    select
        'service_type' as entity_type,
        service_types.name,
        {{ natural_key('service_types.name') }} as id
    from {{ ref('service_types') }} as service_types
    where service_types.is_deleted
)

select
    gone.entity_type,
    gone.name,
    count(*) as time_entries
from gone
inner join entries
    on
        (gone.entity_type = 'client' and gone.id = entries.client_id)
        or (gone.entity_type = 'project' and gone.id = entries.project_id)
        or (gone.entity_type = 'service_type' and gone.id = {{ natural_key('entries.service_type') }})
group by gone.entity_type, gone.name
