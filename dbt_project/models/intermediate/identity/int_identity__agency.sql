{% set as_of = var('as_of') %}
with

agency as (
    select * from {{ ref('stg_reference__agency') }}
),

-- One row whether or not the file has one.
settled as (
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
),

final as (
    select
        *,
        {% if as_of is none %}
            current_timestamp as as_of,
            {{ local_date('current_timestamp', 'timezone') }} as as_of_date
        {% elif as_of | string | length == 10 %}
            {{ day_start("('" ~ as_of ~ "'::date + 1)", 'timezone') }} as as_of,
            '{{ as_of }}'::date as as_of_date
        {% else %}
            '{{ as_of }}'::timestamptz as as_of,
            {{ local_date("'" ~ as_of ~ "'::timestamptz", 'timezone') }} as as_of_date
        {% endif %}
    from settled
)

select * from final
