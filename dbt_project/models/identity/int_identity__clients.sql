with

known_clients as (
    select * from {{ ref('int_identity__known_clients') }}
),

identifiers as (
    select * from {{ ref('identifiers') }}
),

final as (
    select
        ids.id as client_id,
        known_clients.client_key,
        known_clients.clockify_id,
        coalesce(known_clients.clockify_name, known_clients.client) as name,
        known_clients.company_name,
        known_clients.client as reference_name,
        known_clients.row_key,
        coalesce(known_clients.given_account_number, account_numbers.id) as account_number,
        known_clients.is_archived,
        known_clients.currency,
        known_clients.is_deleted,
        known_clients.deleted_at
    from known_clients
    inner join identifiers as ids on ids.kind = 'CLI' and known_clients.client_key = ids.natural_key
    inner join identifiers as account_numbers on
        account_numbers.kind = 'account_number'
        and known_clients.client_key = account_numbers.natural_key
)

select * from final
