{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['entity_type', 'entity_id']},
    {'columns': ['action']},
    {'columns': ['created_at']},
]) }}

with

versions as (
    select * from {{ ref('reference_versions') }}
),

identifiers as (
    select * from {{ ref('identifiers') }}
),

-- How the seed names things, and under which kind their identifiers stand.
entity_types as (
    select * from (
        values
        ('accounts', 'account', null),
        ('agency', 'agency', null),
        ('billing_rules', 'rule', 'RUL'),
        ('business_calendars', 'calendar', null),
        ('client_contacts', 'client_contact', 'CNT'),
        ('client_terms', 'client_terms', null),
        ('clients', 'client', null),
        ('contract_terms', 'contract_terms', null),
        ('contracts', 'contract', 'CON'),
        ('developer_costs', 'developer_cost', null),
        ('developers', 'developer', null),
        ('employee_exclusions', 'employee_exclusion', 'EXC'),
        ('fixed_lines', 'fixed_line', null),
        ('fx_rates', 'fx_rate', null),
        ('holidays', 'holiday', null),
        ('identities', 'identity', null),
        ('jira_value_map', 'jira_value', null),
        ('model_prices', 'model_price', null),
        ('project_classifications', 'project_classification', 'CLS'),
        ('project_terms', 'project_terms', null),
        ('projects', 'project', null),
        ('rate_rules', 'rate_rule', 'RAT'),
        ('repo_mappings', 'repo_mapping', 'MAP'),
        ('service_types', 'service_type', 'SVC'),
        ('session_roots', 'session_root', null),
        ('time_policies', 'time_policy', null),
        ('transaction_rules', 'transaction_rule', null),
        ('work_logs', 'work_log', null)
    ) as names (file, entity_type, kind)
),

-- Developers, clients and projects are looked up by the name that their file gives them.
named_entities as (
    select
        'developer' as entity_type,
        email as name,
        developer_id as entity_id
    from {{ ref('int_identity__developers') }}
    where email is not null
    union all
    select
        'client' as entity_type,
        name,
        client_id as entity_id
    from {{ ref('int_identity__client_names') }}
    where client_id is not null
    union all
    select
        'project' as entity_type,
        name,
        project_id as entity_id
    from {{ ref('int_identity__project_names') }}
    where project_id is not null
),

changes as (
    select
        versions.*,
        entity_types.entity_type,
        entity_types.kind,
        lag(versions.content) over row_versions as former_content,
        lag(versions.dbt_is_deleted) over row_versions as was_deleted
    from versions
    inner join entity_types on versions.file = entity_types.file
    window row_versions as (
        partition by versions.file, versions.row_key order by versions.dbt_valid_from, versions.dbt_is_deleted = 'True'
    )
),

named_changes as (
    select
        *,
        case
            when dbt_is_deleted = 'True' then 'delete'
            when former_content is null or was_deleted = 'True' then 'create'
            else 'update'
        end as verb
    from changes
),

described as (
    select
        named_changes.*,
        (
            select
                coalesce(
                    jsonb_object_agg(
                        columns.name,
                        -- What costs and bank accounts hold is for finance alone: here it stands only that it changed.
                        case
                            when named_changes.file in ('developer_costs', 'accounts', 'transaction_rules') then 'null'::jsonb
                            else jsonb_build_object(
                                'from', case when named_changes.verb = 'update' then named_changes.former_content -> columns.name end,
                                'to', case when named_changes.verb != 'delete' then named_changes.content -> columns.name end
                            )
                        end
                    ), '{}'::jsonb
                )
            from jsonb_object_keys(named_changes.content) as columns (name)
            where
                named_changes.verb = 'create' and named_changes.content -> columns.name != 'null'::jsonb
                or named_changes.verb = 'update' and named_changes.content -> columns.name is distinct from named_changes.former_content -> columns.name
        ) as meta
    from named_changes
),

final as (
    select
        {{ hashed_identifier(
            'AUD',
            "described.file || '|' || described.row_key || '|' || described.verb || '|' || described.dbt_valid_from",
            'described.dbt_valid_from'
        ) }} as id,
        null::text as developer_id,
        null::text as actor_email,
        described.verb || '_' || described.entity_type as action,
        described.entity_type,
        coalesce(identifiers.id, named_entities.entity_id, described.row_key) as entity_id,
        described.meta,
        described.dbt_valid_from as created_at
    from described
    left join identifiers on described.kind = identifiers.kind and described.row_key = identifiers.natural_key
    left join named_entities on
        described.entity_type = named_entities.entity_type
        and {{ natural_key("coalesce(
            described.content ->> 'email', described.content ->> 'client', described.content ->> 'project'
        )") }} = named_entities.name
)

select * from final
