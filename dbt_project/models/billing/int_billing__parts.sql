{{ config(
    materialized='incremental',
    incremental_strategy='changed_months',
    on_schema_change='fail',
    indexes=[{'columns': ['time_entry_id']}],
) }}

{% set engines = ['application', 'contract', 'rule', 'terms'] %}
with

unioned as (
    {% for engine in engines %}
        select
            time_entry_id,
            local_date,
            raw_seconds,
            billable_seconds,
            client_id,
            currency,
            invoice_month,
            basis,
            line_type,
            rate_tier,
            application_id,
            contract_id,
            contract_period_id,
            billing_rule_id,
            project_id,
            issue_key,
            unit_price,
            rate_multiplier,
            rate_source,
            unbilled_reason
        from {{ ref('int_billing__' ~ engine ~ '_parts') }}
        where {{ of_changed_months() }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

final as (
    select
        time_entry_id,
        local_date,
        raw_seconds,
        billable_seconds,
        client_id,
        currency,
        invoice_month,
        basis,
        line_type,
        rate_tier,
        application_id,
        contract_id,
        contract_period_id,
        billing_rule_id,
        project_id,
        issue_key,
        unit_price,
        rate_multiplier,
        rate_source,
        unbilled_reason,
        case when unbilled_reason is null then {{ line_key() }} end as line_key
    from unioned
)

select * from final
