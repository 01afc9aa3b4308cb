{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['client_id', 'is_primary']},
    {'columns': ['email']},
    {'columns': ['is_primary']},
    {'columns': ['status']},
]) }}

with

contacts as (
    select * from {{ ref('stg_reference__client_contacts') }}
),

identifiers as (
    select * from {{ ref('identifiers') }}
    where kind = 'CNT'
),

client_names as (
    select * from {{ ref('int_identity__client_names') }}
),

clients as (
    select * from {{ ref('int_identity__clients') }}
),

row_history as (
    select * from {{ ref('int_identity__row_history') }}
    where file = 'client_contacts'
),

final as (
    select
        identifiers.id,
        client_names.client_id,
        contacts.first_name,
        contacts.last_name,
        contacts.title,
        contacts.email,
        contacts.phone,
        contacts.mobile,
        contacts.is_primary,
        contacts.is_billing_contact,
        contacts.receives_invoices,
        contacts.notes,
        contacts.status,
        -- If a client is deleted, so are its contacts.
        contacts.is_deleted or coalesce(clients.is_deleted, false) as is_deleted,
        coalesce(contacts.deleted_at, clients.deleted_at) as deleted_at,
        row_history.created_at,
        row_history.updated_at
    from contacts
    inner join identifiers on contacts.row_key = identifiers.natural_key
    left join client_names on {{ natural_key('contacts.client') }} = client_names.name
    left join clients on client_names.client_id = clients.client_id
    left join row_history on contacts.row_key = row_history.row_key
)

select * from final
