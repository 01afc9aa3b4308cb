{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['clockify_id']},
    {'columns': ['account_number'], 'unique': true},
    {'columns': ['company_name']},
    {'columns': ['parent_client_id']},
    {'columns': ['status']},
]) }}

with

clients as (
    select * from {{ ref('int_identity__clients') }}
),

reference_clients as (
    select * from {{ ref('stg_reference__clients') }}
),

client_names as (
    select * from {{ ref('int_identity__client_names') }}
),

client_terms as (
    select * from {{ ref('int_agreements__client_terms') }}
),

contacts as (
    select * from {{ ref('client_contacts') }}
    where not is_deleted
),

row_history as (
    select * from {{ ref('int_identity__row_history') }}
    where file = 'clients'
),

agency as (
    select
        *,
        {{ as_of_date('timezone') }} as as_of_date
    from {{ ref('int_identity__agency') }}
),

-- The one to write to: primary, else for bills, else the first by name.
main_contacts as (
    select distinct on (client_id)
        client_id,
        first_name || ' ' || last_name as contact_name,
        email as contact_email
    from contacts
    order by client_id asc, status = 'active' desc, is_primary desc, is_billing_contact desc, last_name asc, first_name asc, id asc
),

final as (
    select
        clients.client_id as id,
        clients.clockify_id,
        clients.name,
        clients.company_name,
        reference_clients.trading_name,
        clients.account_number,
        client_terms.billing_model,
        client_terms.retainer_amount,
        coalesce(client_terms.currency, clients.currency, agency.currency) as currency,
        client_terms.tax_rate,
        parents.client_id as parent_client_id,
        coalesce(reference_clients.status, case when clients.is_archived then 'inactive' else 'active' end) as status,
        coalesce(reference_clients.payment_terms, 'net30') as payment_terms,
        main_contacts.contact_name,
        coalesce(main_contacts.contact_email, reference_clients.email) as contact_email,
        reference_clients.website,
        reference_clients.email,
        reference_clients.phone,
        reference_clients.address_line_1,
        reference_clients.address_line_2,
        reference_clients.city,
        reference_clients.state,
        reference_clients.zip_code,
        reference_clients.country,
        coalesce(reference_clients.billing_address_same, true) as billing_address_same,
        reference_clients.billing_address_line_1,
        reference_clients.billing_address_line_2,
        reference_clients.billing_city,
        reference_clients.billing_state,
        reference_clients.billing_zip_code,
        reference_clients.billing_country,
        reference_clients.tax_id,
        reference_clients.notes,
        clients.is_deleted,
        clients.deleted_at,
        row_history.created_at,
        row_history.updated_at,
        coalesce(reference_clients.language, 'en') as language,
        reference_clients.date_format,
        coalesce(reference_clients.paper_size, 'A4') as paper_size,
        coalesce(reference_clients.e_invoice, false) as e_invoice,
        reference_clients.vat_id,
        reference_clients.e_address,
        reference_clients.e_address_scheme,
        reference_clients.buyer_reference,
        reference_clients.invoice_number_format
    from clients
    cross join agency
    left join reference_clients on clients.row_key = reference_clients.row_key
    left join client_names as parents on {{ natural_key('reference_clients.parent_client') }} = parents.name
    left join client_terms
        on
            clients.client_id = client_terms.client_id
            and agency.as_of_date between client_terms.valid_from and client_terms.valid_to
    left join main_contacts on clients.client_id = main_contacts.client_id
    left join row_history on clients.row_key = row_history.row_key
)

select * from final
