with

agency as (
    select * from {{ ref('stg_reference__agency') }}
),

-- By currency, so that an invoice finds its own.
bank_accounts as (
    select
        jsonb_object_agg(
            currency, jsonb_build_object('bank', bank, 'account', account, 'bic', bic, 'means_code', means_code)
        ) as bank_accounts
    from {{ ref('stg_reference__bank_accounts') }}
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
        agency.vat_id,
        agency.registration_id,
        agency.registration_scheme,
        agency.street,
        agency.city,
        agency.zip_code,
        agency.country,
        agency.e_address,
        agency.e_address_scheme,
        agency.contact_name,
        agency.contact_phone,
        agency.contact_email,
        agency.utilization_target,
        coalesce(bank_accounts.bank_accounts, '{}'::jsonb) as bank_accounts,
        coalesce(agency.currency, 'USD') as currency,
        coalesce(agency.timezone, 'UTC') as timezone,
        coalesce(agency.calendar, 'default') as calendar
    from (select 1 as row_count) as always_one
    left join agency on always_one.row_count = 1
    cross join bank_accounts
)

select * from final
