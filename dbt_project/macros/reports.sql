{#
    Reports of counted hours by date: one query, with each report's columns in that report's order.

    columns: names of the columns to group by, in order; the hours follow.
#}
{% macro hours_report(columns) %}
with

daily_time as (
    select * from {{ ref('int_reports__daily_time') }}
),

developers as (
    select * from {{ ref('developers') }}
),

clients as (
    select * from {{ ref('clients') }}
),

projects as (
    select * from {{ ref('projects') }}
),

contracts as (
    select * from {{ ref('contracts') }}
),

{% set named = {
    'client': 'clients.name',
    'contract_number': 'contracts.contract_number',
    'developer': 'developers.name',
    'project': 'projects.name',
    'service_category': 'contracts.service_category',
} %}
final as (
    select
        {% for column in columns %}
        {{ named.get(column, 'daily_time.' ~ column) }} as {{ column }},
        {% endfor %}
        daily_time.entries,
        daily_time.counted_seconds,
        daily_time.billable_seconds,
        {{ hours('daily_time.counted_seconds') }} as hours,
        {{ hours('daily_time.billable_seconds') }} as billable_hours
    from daily_time
    left join developers on daily_time.developer_id = developers.id
    left join clients on daily_time.client_id = clients.id
    left join projects on daily_time.project_id = projects.id
    left join contracts on daily_time.contract_id = contracts.id
)

select * from final
{% endmacro %}

{#
    The end of a report: its rows, with hours behind its other columns.

    seconds: names of columns with seconds; `billable_seconds` gives `billable_hours`.
#}
{% macro with_hours(seconds) -%}
select
    *,
    {%- for column in seconds %}
    {{ hours(column) }} as {{ column | replace('seconds', 'hours') }}{{ ',' if not loop.last }}
    {%- endfor %}
from final
{%- endmacro %}
