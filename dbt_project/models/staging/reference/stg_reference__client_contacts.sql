with

source_rows as (
    {{ reference_rows('client_contacts') }}
),

final as (
    select
        trim(client) as client,
        first_name,
        last_name,
        title,
        lower(trim(email)) as email,
        phone,
        mobile,
        coalesce(is_primary, false) as is_primary,
        coalesce(is_billing_contact, false) as is_billing_contact,
        coalesce(receives_invoices, false) as receives_invoices,
        notes,
        coalesce(status, 'active') as status,
        row_number,
        row_key,
        is_deleted,
        deleted_at
    from source_rows
)

select * from final
