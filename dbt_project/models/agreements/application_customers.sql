{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}, {'columns': ['client_id']}]) }}

with

customers as (
    select * from {{ ref('stg_clickhouse__customers') }}
),

client_names as (
    select * from {{ ref('int_identity__client_names') }}
),

final as (
    select
        customers.customer_id,
        client_names.client_id,
        customers.company_name,
        customers.tin,
        customers.swift,
        customers.signers,
        customers.client,
        customers.is_deleted,
        customers.deleted_at
    from customers
    left join client_names on {{ natural_key('customers.client') }} = client_names.name
)

select * from final
