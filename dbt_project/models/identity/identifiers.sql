{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='fail',
    indexes=[{'columns': ['kind', 'natural_key'], 'unique': true}, {'columns': ['kind', 'id']}],
) }}

with recursive

people as (
    select * from {{ ref('int_identity__known_people') }}
),

clients as (
    select * from {{ ref('int_identity__known_clients') }}
),

projects as (
    select * from {{ ref('int_identity__known_projects') }}
),

reference_rows as (
    select * from {{ ref('stg_reference__rows') }}
),

contracts as (
    select * from {{ ref('stg_reference__contracts') }}
    where not is_deleted
),

bank_accounts as (
    select * from {{ ref('int_identity__known_accounts') }}
),

registered as (
    {% if is_incremental() %}
        select
            kind,
            natural_key,
            id
        from {{ this }}
    {% else %}
        select
            null::text as kind,
            null::text as natural_key,
            null::text as id
        where false
    {% endif %}
),

-- What comes from Clockify uses its id; everything else the hash of its natural key.
entity_keys as (
    select
        'DEV' as kind,
        person_key as natural_key,
        null as former_key,
        coalesce(clockify_id, {{ natural_key_hash('person_key') }}) as full_key
    from people
    union all
    select
        'CLI' as kind,
        client_key as natural_key,
        former_key,
        coalesce(clockify_id, {{ natural_key_hash('client_key') }}) as full_key
    from clients
    union all
    select
        'PRJ' as kind,
        project_key as natural_key,
        former_key,
        coalesce(clockify_id, {{ natural_key_hash('project_key') }}) as full_key
    from projects
    union all
    select
        kinds.kind,
        reference_rows.row_key as natural_key,
        null as former_key,
        {{ natural_key_hash('reference_rows.row_key') }} as full_key
    from reference_rows
    inner join (
        values
        ('client_contacts', 'CNT'),
        ('project_classifications', 'CLS'),
        ('repo_mappings', 'MAP'),
        ('service_types', 'SVC'),
        ('contracts', 'CON'),
        ('billing_rules', 'RUL'),
        ('rate_rules', 'RAT'),
        ('employee_exclusions', 'EXC')
    ) as kinds (file, kind) on reference_rows.file = kinds.file
),

entity_candidates as (
    select
        kind,
        natural_key,
        former_key,
        full_key as seen_order,
        kind || '-' || left(full_key, 8) as first_choice,
        null::text as second_choice,
        substr(full_key, 9) as rest,
        null::text as separator
    from entity_keys
),

-- Letters and digits of the company's name, upper-cased, the first 8 (rule 3.4); given numbers are taken first.
account_number_candidates as (
    select
        'account_number' as kind,
        client_key as natural_key,
        former_key,
        case
            when given_account_number is not null then '0'
            when row_number is not null then '1' || lpad(row_number::text, 10, '0')
            else '2' || clockify_id
        end as seen_order,
        coalesce(
            given_account_number,
            nullif(left(upper(regexp_replace(company_name, '[^A-Za-z0-9]', '', 'g')), 8), ''),
            'CLIENT'
        ) as first_choice,
        null::text as second_choice,
        null::text as rest,
        '' as separator
    from clients
),

-- Masks are not unique: later accounts add digits of the hash of Plaid's id.
bank_account_candidates as (
    select
        'account' as kind,
        plaid_account_id as natural_key,
        null::text as former_key,
        plaid_account_id as seen_order,
        prefix || '-' || coalesce(mask, left({{ natural_key_hash('plaid_account_id') }}, 4)) as first_choice,
        null::text as second_choice,
        {{ natural_key_hash('plaid_account_id') }} as rest,
        null::text as separator
    from bank_accounts
),

candidates as (
    select * from entity_candidates
    union all
    select * from account_number_candidates
    union all
    select * from bank_account_candidates
),

-- A client that is later added to Clockify keeps the identifier that it had by its name.
renamed as (
    select
        candidates.kind,
        candidates.natural_key,
        registered.id
    from candidates
    inner join registered on candidates.kind = registered.kind and candidates.former_key = registered.natural_key
    where not exists (
        select 1
        from registered as known
        where known.kind = candidates.kind and known.natural_key = candidates.natural_key
    )
),

new_candidates as (
    select candidates.*
    from candidates
    where
        not exists (
            select 1
            from registered
            where
                registered.kind = candidates.kind
                and registered.natural_key in (candidates.natural_key, candidates.former_key)
        )
),

attempts as (
    {{ assign_identifiers('new_candidates', 'registered', 'attempts') }}
),

assigned as (
    select
        kind,
        natural_key,
        id
    from attempts
    where is_assigned
    union all
    select
        kind,
        natural_key,
        id
    from renamed
),

known_identifiers as (
    select
        kind,
        natural_key,
        id
    from registered
    union all
    select
        kind,
        natural_key,
        id
    from assigned
),

-- Contracts name their client by its identifier, Clockify's id, or a name.
client_account_numbers as (
    select
        keys.key,
        account_numbers.id as account_number
    from (
        select
            client_key,
            client_key as key
        from clients
        union
        select
            client_key,
            {{ natural_key('clockify_name') }} as key
        from clients
        where clockify_name is not null and not is_deleted
        union
        select
            client_key,
            {{ natural_key('client') }} as key
        from clients
        where client is not null and not is_deleted
        union
        select
            natural_key as client_key,
            lower(id) as key
        from known_identifiers
        where kind = 'CLI'
    ) as keys
    inner join known_identifiers as account_numbers on
        account_numbers.kind = 'account_number'
        and keys.client_key = account_numbers.natural_key
),

contract_number_candidates as (
    select distinct on (contracts.row_key)
        'contract_number' as kind,
        contracts.row_key as natural_key,
        case when contracts.contract_number is not null then '0' else '1' end
        || contracts.start_date::text || lpad(contracts.row_number::text, 10, '0') as seen_order,
        coalesce(
            contracts.contract_number,
            coalesce(client_account_numbers.account_number, 'CLIENT') || '-CON-' || contracts.service_category
            || '-' || extract(year from contracts.start_date)
        ) as first_choice,
        null::text as second_choice,
        null::text as rest,
        '-' as separator
    from contracts
    left join client_account_numbers on {{ natural_key('contracts.client') }} = client_account_numbers.key
    order by contracts.row_key, client_account_numbers.account_number
),

new_contract_numbers as (
    select contract_number_candidates.*
    from contract_number_candidates
    where not exists (
        select 1
        from registered
        where registered.kind = 'contract_number' and registered.natural_key = contract_number_candidates.natural_key
    )
),

contract_number_attempts as (
    {{ assign_identifiers('new_contract_numbers', 'registered', 'contract_number_attempts') }}
),

final as (
    select
        kind,
        natural_key,
        id
    from assigned
    union all
    select
        kind,
        natural_key,
        id
    from contract_number_attempts
    where is_assigned
)

select
    kind,
    natural_key,
    id,
    current_timestamp as first_seen_at
from final
