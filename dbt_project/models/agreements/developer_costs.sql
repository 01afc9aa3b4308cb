{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['developer_id', 'valid_from']},
    {'columns': ['valid_from']},
    {'columns': ['valid_to']},
]) }}

with

developer_costs as (
    select * from {{ ref('stg_reference__developer_costs') }}
),

developers as (
    select * from {{ ref('int_identity__developers') }}
),

final as (
    select
        {{ hashed_identifier('CST', 'developer_costs.row_key', 'developer_costs.valid_from') }} as id,
        developers.developer_id,
        developer_costs.cost_rate,
        developer_costs.monthly_cost,
        developer_costs.currency,
        developer_costs.valid_from,
        developer_costs.valid_to
    from developer_costs
    left join developers on developer_costs.email = developers.email
)

select * from final
