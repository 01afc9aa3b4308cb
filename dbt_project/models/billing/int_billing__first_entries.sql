with

entries as (
    select * from {{ ref('int_billing__routed_entries') }}
    where client_id is not null
),

final as (
    select
        client_id,
        min(local_date) as first_date
    from entries
    group by client_id
)

select * from final
