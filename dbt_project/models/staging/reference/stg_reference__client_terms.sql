with

source_rows as (
    select * from {{ source('reference', 'client_terms') }}
),

final as (
    select
        trim(client) as client,
        billing_model,
        retainer_amount,
        upper(currency) as currency,
        coalesce(tax_rate, 0) as tax_rate,
        vat_category,
        vat_exemption_reason,
        valid_from,
        valid_to,
        row_number,
        row_key
    from source_rows
)

select * from final
