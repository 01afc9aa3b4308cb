with

fx_rates as (
    select * from {{ ref('stg_reference__fx_rates') }}
),

last_rates as (
    select distinct on (from_currency, to_currency, {{ month_of('rate_date') }})
        from_currency,
        to_currency,
        {{ month_of('rate_date') }} as first_month,
        rate
    from fx_rates
    order by from_currency, to_currency, {{ month_of('rate_date') }}, rate_date desc, row_number desc
),

final as (
    select
        from_currency,
        to_currency,
        rate,
        first_month,
        coalesce(
            lead(first_month) over (partition by from_currency, to_currency order by first_month),
            'infinity'::date
        ) as next_first_month
    from last_rates
)

select * from final
