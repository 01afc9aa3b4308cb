{# What a person must look at in the time itself, whatever bills it. #}
with

logged_elsewhere as (
    select * from {{ ref('int_billing__logged_elsewhere') }}
),

unbilled_sessions as (
    select
        client_id,
        currency,
        invoice_month,
        'logged_elsewhere' as code,
        {{ clock_text('seconds') }} || ' of sessions are not billed: the developer logged the same time as other work; at the rates in force '
        || amount || ' ' || currency
        || case when unrated_seconds > 0 then ', ' || {{ clock_text('unrated_seconds') }} || ' of them without a rate' else '' end as detail
    from logged_elsewhere
)

select * from unbilled_sessions
