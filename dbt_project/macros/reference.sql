{# Reading reference files: current rows, removed rows, and lists within a cell. #}

{# The files whose versions are kept, which is all of them (rule 2.6). #}
{% macro reference_files() -%}
    {{ return([
        'accounting_codes', 'accounts', 'agency', 'billing_rules', 'business_calendars', 'client_contacts', 'client_terms', 'clients',
        'contract_terms', 'contracts', 'developer_costs', 'developers', 'employee_exclusions', 'fixed_lines', 'fx_rates',
        'holidays', 'identities', 'jira_value_map', 'model_prices', 'price_multipliers', 'project_classifications', 'project_terms', 'projects',
        'rate_rules', 'repo_mappings', 'service_types', 'session_roots', 'time_policies', 'transaction_rules', 'work_logs',
    ]) }}
{%- endmacro %}

{#
    Current rows of a file, and the last version of rows removed from it: they are soft-deleted, never dropped.
    The file's own row type turns a kept version back into typed columns.
#}
{% macro reference_rows(file) -%}
    select
        current_rows.*,
        false as is_deleted,
        null::timestamptz as deleted_at
    from {{ source('reference', file) }} as current_rows
    union all
    select
        former_rows.*,
        true as is_deleted,
        versions.dbt_valid_from as deleted_at
    from {{ ref('reference_versions') }} as versions
    cross join lateral jsonb_populate_record(
        null::{{ source('reference', file) }},
        versions.content || jsonb_build_object('row_number', versions.row_number, 'row_key', versions.row_key)
    ) as former_rows
    where
        versions.file = '{{ file }}'
        and versions.dbt_valid_to is null
        and versions.dbt_is_deleted = 'True'
        and not exists (
            select 1 from {{ source('reference', file) }} as current_rows where current_rows.row_key = versions.row_key
        )
{%- endmacro %}

{# A cell of several values, separated by semicolons, as an array without blanks; null if the cell is empty. #}
{% macro split_list(expression) -%}
    nullif(array_remove(regexp_split_to_array(trim({{ expression }}), '\s*;\s*'), ''), '{}'::text[])
{%- endmacro %}
