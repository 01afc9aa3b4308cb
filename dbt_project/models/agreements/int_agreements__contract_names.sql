with

contracts as (
    select * from {{ ref('int_agreements__contracts') }}
),

-- Numbers and identifiers resolve everywhere, names only within their client.
names as (
    select
        contract_id,
        '*' as client_id,
        {{ natural_key('contract_number') }} as name,
        is_deleted
    from contracts
    union all
    select
        contract_id,
        '*' as client_id,
        lower(contract_id) as name,
        is_deleted
    from contracts
    union all
    select
        contract_id,
        client_id,
        {{ natural_key('name') }} as name,
        is_deleted
    from contracts
    where client_id is not null
),

living_first as (
    select
        *,
        bool_and(is_deleted) over (partition by client_id, name) as all_deleted
    from names
),

final as (
    select
        client_id,
        name,
        case when count(distinct contract_id) = 1 then min(contract_id) end as contract_id,
        count(distinct contract_id) as contracts_found,
        array_agg(distinct contract_id order by contract_id) as contract_ids
    from living_first
    where all_deleted or not is_deleted
    group by client_id, name
)

select * from final
