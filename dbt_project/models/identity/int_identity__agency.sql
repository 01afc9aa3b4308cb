with

agency as (
    select * from {{ ref('stg_reference__agency') }}
),

-- One row, even if the file has none.
final as (
    select
        agency.legal_name,
        agency.address,
        agency.tax_id,
        agency.bank,
        agency.swift,
        agency.invoice_number_format,
        agency.logo,
        coalesce(agency.currency, 'USD') as currency,
        coalesce(agency.timezone, 'UTC') as timezone,
        coalesce(agency.calendar, 'default') as calendar
    from (select 1 as row_count) as always_one
    left join agency on always_one.row_count = 1
)

select * from final
