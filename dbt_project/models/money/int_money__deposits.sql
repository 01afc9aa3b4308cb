{{ config(indexes=[{'columns': ['transaction_id'], 'unique': true}]) }}

with

transactions as (
    select * from {{ ref('int_money__transactions') }}
    where scope = 'business' and not is_pending
),

bank_rows as (
    select * from {{ ref('stg_plaid__transactions') }}
    where plaid_amount < 0
),

accounts as (
    select * from {{ ref('int_money__accounts') }}
),

fees as (
    select * from {{ ref('stg_reference__payment_fees') }}
),

deposits as (
    select
        transactions.id,
        transactions.transaction_id,
        transactions.date,
        -bank_rows.plaid_amount as amount_as_sent,
        transactions.currency,
        transactions.description,
        bank_rows.payer,
        concat_ws(
            ' | ', bank_rows.name, nullif(bank_rows.payment_reference, ''), nullif(bank_rows.original_description, bank_rows.name)
        ) as bank_text,
        case upper(bank_rows.payment_method)
            when 'ACH' then 'ach'
            when 'WIRE' then 'wire'
            when 'CHECK' then 'check'
            else 'other'
        end as method,
        transactions.account_id,
        bank_rows.plaid_account_id,
        transactions.client_id,
        transactions.type = 'income'
        and (
            transactions.client_id is not null
            or coalesce(transactions.category_detailed, '') not in (
                'INCOME_DIVIDENDS', 'INCOME_INTEREST_EARNED', 'INCOME_TAX_REFUND', 'INCOME_UNEMPLOYMENT'
            )
        ) as is_income
    from transactions
    inner join bank_rows on transactions.transaction_id = bank_rows.transaction_id
),

final as (
    select
        deposits.id,
        deposits.transaction_id,
        deposits.date,
        round(deposits.amount_as_sent, 2)::numeric(14, 2) as amount,
        deposits.amount_as_sent,
        deposits.currency,
        deposits.description,
        deposits.payer,
        deposits.bank_text,
        deposits.method,
        deposits.account_id,
        deposits.client_id,
        deposits.is_income,
        coalesce(
            (
                select
                    jsonb_agg(
                        jsonb_build_object('fixed_fee', fees.fixed_fee, 'fee_share', fees.fee_share, 'is_processor', fees.is_processor)
                        order by fees.row_number
                    )
                from fees
                left join accounts on deposits.account_id = accounts.id
                where
                    fees.currency = deposits.currency
                    and (coalesce(deposits.payer, '') ~* fees.pattern or deposits.bank_text ~* fees.pattern)
                    and (
                        fees.account is null
                        or {{ natural_key('fees.account') }} in (
                            {{ natural_key('deposits.plaid_account_id') }},
                            {{ natural_key('deposits.account_id') }},
                            {{ natural_key('accounts.label') }}
                        )
                    )
            ),
            '[]'
        ) as fees
    from deposits
)

select * from final
