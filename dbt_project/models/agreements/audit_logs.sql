{{ config(
    materialized='incremental',
    incremental_strategy='given_rows',
    on_schema_change='append_new_columns',
    indexes=[
        {'columns': ['id'], 'unique': true},
        {'columns': ['entity_type', 'entity_id']},
        {'columns': ['action']},
        {'columns': ['developer_id']},
        {'columns': ['created_at']},
    ],
    pre_hook="{{ allow_large_sorts() }}",
) }}
{#
    Written rows stay, because a version of a row never changes. Only files whose rows take their identifier from elsewhere are read again,
    since that identifier may come or change later; these files are small.
#}
{%- set files_of_entities = [
    'billing_rules', 'client_contacts', 'clients', 'contracts', 'developers', 'employee_exclusions', 'project_classifications', 'projects',
    'rate_rules', 'repo_mappings', 'service_types',
] %}
{%- set is_of_entity -%}
    file in ({% for file in files_of_entities %}'{{ file }}'{{ ', ' if not loop.last }}{% endfor %})
{%- endset %}
{#- In an empty table every version is new. Spelled out, so that the planner knows how few there are. -#}
{%- set last_seen_at = none -%}
{%- if execute and is_incremental() -%}
    {#- Of files; decisions on invoices happen at other times. -#}
    {%- set of_files = "entity_type not in ('invoice', 'payment')" -%}
    {%- set last_seen_at = run_query('select max(created_at)::text from ' ~ this ~ ' where ' ~ of_files).columns[0].values()[0] -%}
{%- endif -%}
{%- set last_seen_at = "'" ~ (last_seen_at or '-infinity') ~ "'::timestamptz" %}

with

versions as (
    select * from {{ ref('reference_versions') }}
    where
        dbt_valid_from > {{ last_seen_at }}
        or {{ is_of_entity }}
),

-- Most rows never change; a changed row has its former version, closed when the next one came.
versions_of_changed_rows as (
    select * from {{ ref('reference_versions') }} as versions
    where
        (dbt_valid_from > {{ last_seen_at }} or dbt_valid_to > {{ last_seen_at }} or {{ is_of_entity }})
        and exists (
            select 1 from {{ ref('reference_versions') }} as closed_versions
            where
                closed_versions.file = versions.file
                and closed_versions.row_key = versions.row_key
                and closed_versions.dbt_valid_to is not null
        )
),

identifiers as (
    select * from {{ ref('identifiers') }}
),

invoice_events as (
    select * from {{ ref('stg_invoicing__events') }}
),

payments as (
    select * from {{ ref('stg_invoicing__payments') }}
),

developers as (
    select * from {{ ref('int_identity__developers') }}
    where email is not null
),

-- Entity types as the billing seed document names them, with the kind of their identifiers.
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
        ('dunning_levels', 'dunning_level', null),
        ('employee_exclusions', 'employee_exclusion', 'EXC'),
        ('fixed_lines', 'fixed_line', null),
        ('fx_rates', 'fx_rate', null),
        ('holidays', 'holiday', null),
        ('identities', 'identity', null),
        ('jira_value_map', 'jira_value', null),
        ('model_prices', 'model_price', null),
        ('payment_fees', 'payment_fee', null),
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

former_versions as (
    select
        dbt_scd_id,
        lag(content) over row_versions as former_content,
        lag(dbt_is_deleted) over row_versions as was_deleted
    from versions_of_changed_rows
    window row_versions as (partition by file, row_key order by dbt_valid_from, dbt_is_deleted = 'True')
),

changes as (
    select
        versions.*,
        entity_types.entity_type,
        entity_types.kind,
        former_versions.former_content,
        former_versions.was_deleted,
        case
            when versions.dbt_is_deleted = 'True' then 'delete'
            when former_versions.former_content is null or former_versions.was_deleted = 'True' then 'create'
            else 'update'
        end as verb,
        versions.dbt_valid_from > {{ last_seen_at }} as is_new
    from versions
    inner join entity_types on versions.file = entity_types.file
    left join former_versions on versions.dbt_scd_id = former_versions.dbt_scd_id
),

-- Hashes are computed once.
hashed as materialized (
    select
        *,
        {{ natural_key_hash("file || '|' || row_key || '|' || verb || '|' || dbt_valid_from") }} as key_hash,
        file || '|' || row_key || '|' || verb || '|' || dbt_valid_from as key
    from changes
),

-- If several share 8 digits, the first in time keeps them; rows already in the table come first.
shared_digits as (
    select left(key_hash, 8) as digits
    from hashed
    where is_new
    group by left(key_hash, 8)
    having count(*) > 1
),

later_keys as (
    select key
    from (
        select
            hashed.key,
            row_number() over (partition by shared_digits.digits order by hashed.dbt_valid_from, hashed.key) as place
        from hashed
        inner join shared_digits on left(hashed.key_hash, 8) = shared_digits.digits
        where hashed.is_new
    ) as placed
    where place > 1
    {%- if is_incremental() %}
        union
        select hashed.key
        from hashed
        inner join {{ this }} as known
            on known.id = 'AUD-' || left(hashed.key_hash, case when hashed.is_new then 8 else 16 end)
    {%- endif %}
),

described as (
    select
        hashed.*,
        'AUD-' || left(hashed.key_hash, case when hashed.key in (select later_keys.key from later_keys) then 16 else 8 end) as id,
        -- As text, which takes half the time of nested JSON objects.
        (
            select
                coalesce(
                    '{' || string_agg(
                        '"' || columns.name || '":'
                        || case
                            -- Values of costs and bank accounts are for finance only: here only the fact that they changed is shown.
                            when hashed.file in ('developer_costs', 'accounts', 'transaction_rules', 'payment_fees') then 'null'
                            else
                                '{"from":'
                                || coalesce(case when hashed.verb = 'update' then (hashed.former_content -> columns.name)::text end, 'null')
                                || ',"to":' || columns.value::text || '}'
                        end,
                        ','
                    ) || '}',
                    '{}'
                )
            from jsonb_each(hashed.content) as columns (name, value)
            where
                hashed.verb = 'create' and columns.value != 'null'::jsonb
                or hashed.verb = 'update' and columns.value is distinct from hashed.former_content -> columns.name
        )::jsonb as meta
    from hashed
),

changed_rows as (
    select
        described.id,
        null::text as actor,
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
),

-- Decisions never change and are few, so all of them are given to each build; 16 digits are nobody else's.
decisions as (
    select
        'AUD-' || left({{ natural_key_hash("'invoice_event|' || event_id") }}, 16) as id,
        actor,
        case event_type
            when 'issued' then 'issue'
            when 'canceled' then 'cancel'
            when 'credited' then 'credit'
            when 'credit_applied' then 'set_off'
            when 'payment_allocated' then 'pay'
            when 'written_off' then 'write_off'
            when 'payment_reversed' then 'reopen'
            when 'document_stored' then 'print'
            when 'delivery' then 'send'
            when 'disputed' then 'dispute'
            when 'dispute_ended' then 'end_dispute'
            else event_type
        end || '_invoice' as action,
        'invoice' as entity_type,
        invoice_id as entity_id,
        payload as meta,
        occurred_at as created_at
    from invoice_events
    union all
    select
        'AUD-' || left({{ natural_key_hash("'payment|' || payment_id") }}, 16) as id,
        actor,
        case when reverses_payment_id is null then 'record' else 'reverse' end || '_payment' as action,
        'payment' as entity_type,
        coalesce(reverses_payment_id, payment_id) as entity_id,
        jsonb_build_object(
            'kind', kind, 'amount', amount, 'currency', currency, 'client_id', client_id, 'received_on', received_on, 'source', source,
            'method', method
        ) as meta,
        recorded_at as created_at
    from payments
),

unioned as (
    select * from changed_rows
    union all
    select * from decisions
),

final as (
    select
        unioned.id,
        developers.developer_id,
        developers.email as actor_email,
        unioned.action,
        unioned.entity_type,
        unioned.entity_id,
        unioned.meta,
        unioned.created_at,
        unioned.actor
    from unioned
    left join developers on {{ natural_key('unioned.actor') }} = {{ natural_key('developers.email') }}
)

select * from final
