with

accounts as (
    select * from {{ ref('stg_plaid__accounts') }}
),

items as (
    select * from {{ ref('stg_plaid__items') }}
),

described as (
    select * from {{ ref('stg_reference__accounts') }}
),

known_accounts as (
    select * from {{ ref('int_identity__known_accounts') }}
),

identifiers as (
    select * from {{ ref('identifiers') }}
    where kind = 'account'
),

final as (
    select
        identifiers.id,
        accounts.plaid_account_id,
        accounts.item_id,
        coalesce(described.label, accounts.official_name, accounts.name) as label,
        coalesce(described.institution, items.institution_name) as institution,
        -- An account without a row in the file is personal (rule 3.11).
        coalesce(described.scope, 'personal') as scope,
        coalesce(
            described.account_type,
            case known_accounts.prefix when 'CHK' then 'checking' when 'SAV' then 'savings' when 'CRD' then 'credit' else 'other' end
        ) as account_type,
        described.entity,
        accounts.currency,
        round(accounts.balance_current, 2)::numeric(14, 2) as balance_current,
        round(accounts.balance_available, 2)::numeric(14, 2) as balance_available,
        accounts.is_deleted,
        accounts.deleted_at
    from accounts
    inner join known_accounts on accounts.plaid_account_id = known_accounts.plaid_account_id
    inner join identifiers on accounts.plaid_account_id = identifiers.natural_key
    left join described on accounts.plaid_account_id = described.plaid_account_id
    left join items on accounts.item_id = items.item_id
)

select * from final
