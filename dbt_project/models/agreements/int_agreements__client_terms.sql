with

client_terms as (
    select * from {{ ref('stg_reference__client_terms') }}
),

client_names as (
    select * from {{ ref('int_identity__client_names') }}
),

final as (
    select
        client_names.client_id,
        client_terms.client as client_name,
        client_terms.billing_model,
        client_terms.retainer_amount,
        client_terms.currency,
        client_terms.tax_rate,
        client_terms.vat_category,
        client_terms.vat_exemption_reason,
        coalesce(client_terms.valid_from, '-infinity'::date) as valid_from,
        coalesce(client_terms.valid_to, 'infinity'::date) as valid_to,
        client_terms.row_number
    from client_terms
    left join client_names on {{ natural_key('client_terms.client') }} = client_names.name
)

select * from final
