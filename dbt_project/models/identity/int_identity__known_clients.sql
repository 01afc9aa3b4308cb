with

clockify_clients as (
    select * from {{ ref('stg_clockify__clients') }}
),

reference_clients as (
    select * from {{ ref('stg_reference__clients') }}
),

-- A row of the file matches a Clockify client by Clockify's id, by identifier, or by name (clients that are not deleted first).
-- What a cell may hold (rule 2.3), one join each: a join by any of three conditions would compare every row with every other.
candidates as (
    select
        reference_clients.row_key,
        clockify_clients.clockify_id
    from reference_clients
    inner join clockify_clients on reference_clients.client = clockify_clients.clockify_id
    union
    select
        reference_clients.row_key,
        clockify_clients.clockify_id
    from reference_clients
    inner join clockify_clients
        on
            reference_clients.client ilike 'CLI-________%'
            and clockify_clients.clockify_id like lower(substr(reference_clients.client, 5)) || '%'
    union
    select
        reference_clients.row_key,
        clockify_clients.clockify_id
    from reference_clients
    inner join clockify_clients
        on {{ natural_key('reference_clients.client') }} = {{ natural_key('clockify_clients.name') }}
),

matches as (
    select distinct on (reference_clients.row_key)
        reference_clients.row_key,
        clockify_clients.clockify_id
    from candidates
    inner join reference_clients on candidates.row_key = reference_clients.row_key
    inner join clockify_clients on candidates.clockify_id = clockify_clients.clockify_id
    order by
        reference_clients.row_key,
        reference_clients.client != clockify_clients.clockify_id,
        clockify_clients.is_deleted,
        clockify_clients.is_archived,
        clockify_clients.clockify_id
),

-- One row of the file per Clockify client: one still in the file first.
matched_rows as (
    select distinct on (coalesce(matches.clockify_id, reference_clients.row_key))
        reference_clients.row_key,
        reference_clients.client,
        reference_clients.company_name,
        reference_clients.account_number,
        reference_clients.row_number,
        reference_clients.is_deleted,
        reference_clients.deleted_at,
        matches.clockify_id
    from reference_clients
    left join matches on reference_clients.row_key = matches.row_key
    order by coalesce(matches.clockify_id, reference_clients.row_key), reference_clients.is_deleted, reference_clients.row_number
),

final as (
    select
        coalesce(clockify_clients.clockify_id, {{ natural_key('matched_rows.client') }}) as client_key,
        -- The client's name before it was added to Clockify.
        case
            when clockify_clients.clockify_id is not null
                then coalesce({{ natural_key('matched_rows.client') }}, {{ natural_key('clockify_clients.name') }})
            -- Names as registered before spelling was normalized.
            else lower(trim(matched_rows.client))
        end as former_key,
        clockify_clients.clockify_id,
        clockify_clients.name as clockify_name,
        clockify_clients.is_archived,
        clockify_clients.currency,
        matched_rows.row_key,
        matched_rows.client,
        coalesce(matched_rows.company_name, clockify_clients.name, matched_rows.client) as company_name,
        matched_rows.account_number as given_account_number,
        case when not matched_rows.is_deleted then matched_rows.row_number end as row_number,
        -- A client is deleted when its file row says so, if it has one, else when Clockify does.
        coalesce(matched_rows.is_deleted, clockify_clients.is_deleted) as is_deleted,
        case
            when coalesce(matched_rows.is_deleted, clockify_clients.is_deleted)
                then coalesce(matched_rows.deleted_at, clockify_clients.deleted_at)
        end as deleted_at
    from clockify_clients
    full join matched_rows on clockify_clients.clockify_id = matched_rows.clockify_id
)

select * from final
