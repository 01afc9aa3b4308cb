{{ config(indexes=[
    {'columns': ['client_id', 'month'], 'unique': true},
    {'columns': ['month']},
    {'columns': ['parent_client_id']},
]) }}

with

margins as (
    select * from {{ ref('int_money__margins') }}
    where kind = 'family'
),

clients as (
    select * from {{ ref('clients') }}
),

final as (
    select
        margins.client_id,
        margins.month,
        clients.parent_client_id,
        {{ margin_columns('margins') }}
    from margins
    left join clients on margins.client_id = clients.id
)

select * from final
