with

source_rows as (
    select * from {{ source('reference', 'agency') }}
),

final as (
    select
        legal_name,
        address,
        tax_id,
        bank,
        swift,
        coalesce(upper(currency), 'USD') as currency,
        coalesce(timezone, 'UTC') as timezone,
        coalesce(calendar, 'default') as calendar,
        invoice_number_format,
        logo,
        vat_id,
        registration_id,
        registration_scheme,
        street,
        city,
        zip_code,
        country,
        e_address,
        e_address_scheme,
        contact_name,
        contact_phone,
        contact_email,
        utilization_target,
        row_number,
        row_key
    from source_rows
)

select * from final
