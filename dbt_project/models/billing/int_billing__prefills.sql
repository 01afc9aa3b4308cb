{{ config(indexes=[{'columns': ['client_id', 'currency', 'invoice_month'], 'unique': true}]) }}

with

lines as (
    select * from {{ ref('int_billing__bill_lines') }}
),

invoices as (
    select * from {{ ref('stg_invoicing__invoices') }}
    where is_live
),

unbilled as (
    select * from {{ ref('int_billing__unbilled') }}
    -- Work that a person must look at also gets a prefill, or it would go unnoticed.
    where reason in ('contract_inactive', 'no_rate', 'capped')
),

logged_elsewhere as (
    select * from {{ ref('int_billing__logged_elsewhere') }}
),

currencies as (
    select * from {{ ref('stg_reference__currencies') }}
),

client_terms as (
    select * from {{ ref('int_agreements__client_terms_by_day') }}
),

sums as (
    select
        client_id,
        currency,
        invoice_month,
        sum(line_total) as subtotal
    from lines
    group by client_id, currency, invoice_month
),

-- A month with nothing but unpriced work, or with observed time that was logged elsewhere, has a prefill too: empty, with a warning.
keys as (
    select
        client_id,
        currency,
        invoice_month
    from sums
    union
    select distinct
        unbilled.client_id,
        client_terms.currency,
        unbilled.invoice_month
    from unbilled
    inner join client_terms
        on
            unbilled.client_id = client_terms.client_id
            and {{ month_end('unbilled.invoice_month') }} between client_terms.valid_from and client_terms.valid_to
    where
        not exists (
            select 1 from sums
            where sums.client_id = unbilled.client_id and sums.invoice_month = unbilled.invoice_month
        )
    union
    select
        client_id,
        currency,
        invoice_month
    from logged_elsewhere
),

-- Tax by the terms in force on the month's last day (rule 7.28), of an invoiced month as invoiced.
final as (
    select
        {{ hashed_identifier('PRE', "keys.client_id || '|' || keys.currency || '|' || keys.invoice_month", 'keys.invoice_month') }}
            as prefill_id,
        keys.client_id,
        keys.currency,
        keys.invoice_month,
        coalesce(sums.subtotal, 0) as subtotal,
        client_terms.vat_category,
        client_terms.vat_exemption_reason,
        coalesce(invoices.tax_rate, client_terms.tax_rate) as tax_rate,
        coalesce(invoices.tax, round(coalesce(sums.subtotal, 0) * client_terms.tax_rate, {{ decimals_of('currencies') }})) as tax
    from keys
    left join sums
        on
            keys.client_id = sums.client_id
            and keys.currency = sums.currency
            and keys.invoice_month = sums.invoice_month
    left join currencies on keys.currency = currencies.currency
    left join invoices
        on
            keys.client_id = invoices.client_id
            and keys.currency = invoices.currency
            and keys.invoice_month = invoices.invoice_month
    inner join client_terms
        on
            keys.client_id = client_terms.client_id
            and {{ month_end('keys.invoice_month') }} between client_terms.valid_from and client_terms.valid_to
)

select * from final
