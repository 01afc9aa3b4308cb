with

accounts as (
    select * from {{ ref('stg_plaid__accounts') }}
),

described as (
    select * from {{ ref('stg_reference__accounts') }}
),

final as (
    select
        accounts.plaid_account_id,
        accounts.mask,
        case
        coalesce(
            described.account_type,
            case
                when accounts.plaid_type = 'credit' then 'credit'
                when accounts.plaid_subtype in ('savings', 'money market', 'cd') then 'savings'
                when accounts.plaid_type = 'depository' then 'checking'
            end
        )
            when 'checking' then 'CHK'
            when 'savings' then 'SAV'
            when 'credit' then 'CRD'
            else 'ACC'
        end as prefix
    from accounts
    left join described on accounts.plaid_account_id = described.plaid_account_id
)

select * from final
