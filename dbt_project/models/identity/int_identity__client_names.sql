with

clients as (
    select * from {{ ref('int_identity__clients') }}
),

-- Precedence: identifiers, then names of active clients, of archived ones, of deleted ones.
names as (
    select
        client_id,
        lower(client_id) as name,
        1 as preference
    from clients
    union all
    select
        client_id,
        lower(clockify_id) as name,
        1 as preference
    from clients
    where clockify_id is not null
    union all
    select
        client_id,
        {{ natural_key('name') }} as name,
        case when is_deleted then 6 when is_archived then 4 else 2 end as preference
    from clients
    union all
    select
        client_id,
        {{ natural_key('reference_name') }} as name,
        case when is_deleted then 6 when is_archived then 4 else 2 end as preference
    from clients
    where reference_name is not null
    union all
    select
        client_id,
        {{ natural_key('company_name') }} as name,
        case when is_deleted then 7 when is_archived then 5 else 3 end as preference
    from clients
),

preferred as (
    select
        *,
        min(preference) over (partition by name) as best_preference
    from names
),

final as (
    select
        name,
        case when count(distinct client_id) = 1 then min(client_id) end as client_id,
        count(distinct client_id) as clients_found,
        array_agg(distinct client_id order by client_id) as client_ids
    from preferred
    where preference = best_preference
    group by name
)

select * from final
