{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['project_id', 'effective_from', 'effective_to']},
    {'columns': ['effective_from']},
    {'columns': ['effective_to']},
]) }}

with

rules as (
    select * from {{ ref('int_agreements__billing_rules') }}
),

row_history as (
    select * from {{ ref('int_identity__row_history') }}
    where file = 'billing_rules'
),

final as (
    select
        rules.billing_rule_id as id,
        rules.project_id,
        rules.rule_type,
        rules.rate,
        rules.currency,
        rules.rounding_increment_minutes,
        rules.overtime_multiplier,
        rules.cap_hours,
        rules.retainer_hours,
        nullif(rules.effective_from, '-infinity') as effective_from,
        nullif(rules.effective_to, 'infinity') as effective_to,
        rules.metadata,
        rules.is_deleted,
        rules.deleted_at,
        row_history.created_at,
        row_history.updated_at
    from rules
    left join row_history on rules.row_key = row_history.row_key
)

select * from final
