with

source_rows as (
    {{ reference_rows('clients') }}
),

final as (
    select
        trim(client) as client,
        company_name,
        upper(trim(account_number)) as account_number,
        trading_name,
        coalesce(status, 'active') as status,
        trim(parent_client) as parent_client,
        coalesce(payment_terms, 'net30') as payment_terms,
        website,
        email,
        phone,
        tax_id,
        notes,
        address_line_1,
        address_line_2,
        city,
        state,
        zip_code,
        coalesce(country, 'USA') as country,
        coalesce(billing_address_same, true) as billing_address_same,
        billing_address_line_1,
        billing_address_line_2,
        billing_city,
        billing_state,
        billing_zip_code,
        billing_country,
        coalesce(language, 'en') as language,
        date_format,
        coalesce(paper_size, 'A4') as paper_size,
        coalesce(e_invoice, false) as e_invoice,
        vat_id,
        e_address,
        e_address_scheme,
        buyer_reference,
        invoice_number_format,
        row_number,
        row_key,
        is_deleted,
        deleted_at
    from source_rows
)

select * from final
