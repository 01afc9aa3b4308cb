{{ config(indexes=[{'columns': ['line_key']}, {'columns': ['time_entry_id']}]) }}

with

{% set engines = ['contract', 'rule', 'terms'] %}
unioned as (
    {% for engine in engines %}
        select * from {{ ref('int_billing__' ~ engine ~ '_parts') }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

final as (
    select
        *,
        case when unbilled_reason is null then {{ line_key() }} end as line_key
    from unioned
)

select * from final
