{{ config(indexes=[{'columns': ['client_id', 'valid_from', 'valid_to']}]) }}

{# Every day of every client: its terms, or on days without a row the currency from Clockify, else the agency's. #}
with

clients as (
    select * from {{ ref('int_identity__clients') }}
),

client_terms as (
    select * from {{ ref('int_agreements__client_terms') }}
    where client_id is not null
),

agency as (
    select * from {{ ref('int_identity__agency') }}
),

days_without_terms as (
    select
        clients.client_id,
        unnest(
            '{(,)}'::datemultirange
            - coalesce(
                range_agg(daterange(nullif(client_terms.valid_from, '-infinity'), nullif(client_terms.valid_to, 'infinity'), '[]'))
                filter (where client_terms.client_id is not null),
                '{}'::datemultirange
            )
        ) as days
    from clients
    left join client_terms on clients.client_id = client_terms.client_id
    group by clients.client_id
),

final as (
    select
        client_id,
        true as is_agreed,
        billing_model,
        retainer_amount,
        currency,
        tax_rate,
        vat_category,
        vat_exemption_reason,
        valid_from,
        valid_to
    from client_terms
    union all
    select
        days_without_terms.client_id,
        false as is_agreed,
        null as billing_model,
        null as retainer_amount,
        coalesce(clients.currency, agency.currency) as currency,
        0 as tax_rate,
        null as vat_category,
        null as vat_exemption_reason,
        coalesce(lower(days_without_terms.days), '-infinity'::date) as valid_from,
        coalesce(upper(days_without_terms.days) - 1, 'infinity'::date) as valid_to
    from days_without_terms
    inner join clients on days_without_terms.client_id = clients.client_id
    cross join agency
)

select * from final
