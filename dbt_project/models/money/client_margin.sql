{{ config(indexes=[
    {'columns': ['client_id', 'month'], 'unique': true},
    {'columns': ['month']},
]) }}

with

margins as (
    select * from {{ ref('int_money__margins') }}
    where kind = 'client'
),

final as (
    select
        margins.client_id,
        margins.month,
        {{ margin_columns('margins') }}
    from margins
)

select * from final
