with

billing_rules as (
    select * from {{ ref('stg_reference__billing_rules') }}
),

identifiers as (
    select * from {{ ref('identifiers') }}
    where kind = 'RUL'
),

project_names as (
    select * from {{ ref('int_identity__project_names') }}
),

final as (
    select
        identifiers.id as billing_rule_id,
        project_names.project_id,
        billing_rules.project as project_name,
        billing_rules.rule_type,
        billing_rules.rate_cents,
        billing_rules.rate_cents / 100.0 as rate,
        billing_rules.currency,
        billing_rules.rounding_increment_minutes,
        billing_rules.overtime_multiplier,
        billing_rules.cap_hours,
        billing_rules.retainer_hours,
        coalesce(billing_rules.effective_from, '-infinity'::date) as effective_from,
        coalesce(billing_rules.effective_to, 'infinity'::date) as effective_to,
        billing_rules.metadata,
        billing_rules.row_key,
        billing_rules.is_deleted,
        billing_rules.deleted_at
    from billing_rules
    inner join identifiers on billing_rules.row_key = identifiers.natural_key
    left join project_names on {{ natural_key('billing_rules.project') }} = project_names.name
)

select * from final
