with

projects as (
    select * from {{ ref('int_identity__projects') }}
),

project_terms as (
    select * from {{ ref('stg_reference__project_terms') }}
),

project_names as (
    select * from {{ ref('int_identity__project_names') }}
),

client_names as (
    select * from {{ ref('int_identity__client_names') }}
),

contract_names as (
    select * from {{ ref('int_agreements__contract_names') }}
),

stated_terms as (
    select
        project_names.project_id,
        client_names.client_id,
        project_terms.client as client_name,
        project_terms.hourly_rate,
        project_terms.contract as contract_name,
        coalesce(contracts_by_number.contract_id, contracts_by_name.contract_id) as contract_id,
        daterange(project_terms.valid_from, project_terms.valid_to, '[]') as days
    from project_terms
    inner join project_names on {{ natural_key('project_terms.project') }} = project_names.name
    left join client_names on {{ natural_key('project_terms.client') }} = client_names.name
    left join contract_names as contracts_by_number
        on
            contracts_by_number.client_id = '*'
            and {{ natural_key('project_terms.contract') }} = contracts_by_number.name
    left join contract_names as contracts_by_name
        on
            client_names.client_id = contracts_by_name.client_id
            and {{ natural_key('project_terms.contract') }} = contracts_by_name.name
    where project_names.project_id is not null
),

-- On days without a row, Clockify's client applies.
days_left_to_clockify as (
    select
        projects.project_id,
        projects.clockify_client_id as client_id,
        unnest('{(,)}'::datemultirange - coalesce(range_agg(stated_terms.days), '{}'::datemultirange)) as days
    from projects
    left join stated_terms on projects.project_id = stated_terms.project_id
    group by projects.project_id, projects.clockify_client_id
),

unioned as (
    select
        project_id,
        client_id,
        client_name,
        hourly_rate,
        contract_name,
        contract_id,
        days,
        'project_terms' as stated_by
    from stated_terms
    union all
    select
        project_id,
        client_id,
        null as client_name,
        null as hourly_rate,
        null as contract_name,
        null as contract_id,
        days,
        'clockify' as stated_by
    from days_left_to_clockify
),

final as (
    select
        unioned.project_id,
        unioned.client_id,
        unioned.client_name,
        coalesce(unioned.hourly_rate, projects.clockify_hourly_rate) as hourly_rate,
        case
            when unioned.hourly_rate is not null then 'project_terms'
            when projects.clockify_hourly_rate is not null then 'clockify'
        end as rate_source,
        unioned.contract_name,
        unioned.contract_id,
        unioned.stated_by,
        coalesce(lower(unioned.days), '-infinity'::date) as valid_from,
        coalesce(upper(unioned.days) - 1, 'infinity'::date) as valid_to
    from unioned
    inner join projects on unioned.project_id = projects.project_id
)

select * from final
