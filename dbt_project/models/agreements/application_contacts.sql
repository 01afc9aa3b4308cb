{{ config(indexes=[
    {'columns': ['contact_id'], 'unique': true},
    {'columns': ['client_id', 'is_billing']},
    {'columns': ['customer_id']},
    {'columns': ['email']},
]) }}

with

contacts as (
    select * from {{ ref('stg_clickhouse__contacts') }}
),

customers as (
    select * from {{ ref('application_customers') }}
),

final as (
    select
        contacts.contact_id,
        contacts.customer_id,
        customers.client_id,
        contacts.name,
        contacts.email,
        contacts.phone,
        contacts.is_billing,
        -- If a customer is deleted, so are its contacts.
        contacts.is_deleted or coalesce(customers.is_deleted, false) as is_deleted,
        coalesce(contacts.deleted_at, customers.deleted_at) as deleted_at
    from contacts
    left join customers on contacts.customer_id = customers.customer_id
)

select * from final
