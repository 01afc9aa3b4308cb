{{ config(indexes=[{'columns': ['transaction_id'], 'unique': true}]) }}

with

transactions as (
    select * from {{ ref('stg_plaid__transactions') }}
    where not is_deleted
),

accounts as (
    select * from {{ ref('int_money__accounts') }}
),

rules as (
    select * from {{ ref('stg_reference__transaction_rules') }}
),

client_names as (
    select * from {{ ref('int_identity__client_names') }}
),

project_names as (
    select * from {{ ref('int_identity__project_names') }}
),

-- A pending row gives way to its posted successor, which names it.
replaced as (
    select pending_transaction_id as transaction_id
    from transactions
    where pending_transaction_id is not null
),

current_transactions as (
    select
        transactions.*,
        accounts.id as account_id,
        accounts.label as account_label,
        accounts.scope as account_scope,
        accounts.entity as account_entity
    from transactions
    left join accounts on transactions.plaid_account_id = accounts.plaid_account_id
    where not exists (
        select 1 from replaced
        where replaced.transaction_id = transactions.transaction_id
    )
),

-- Each column is decided by the first matching rule that fills it (rule 9.3).
matches as (
    select
        current_transactions.transaction_id,
        (array_agg(rules.category order by rules.rule_order, rules.row_number) filter (where rules.category is not null))[1] as category,
        (array_agg(rules.set_type order by rules.rule_order, rules.row_number) filter (where rules.set_type is not null))[1] as type,
        (array_agg(rules.set_client order by rules.rule_order, rules.row_number) filter (where rules.set_client is not null))[1] as client,
        (array_agg(rules.set_project order by rules.rule_order, rules.row_number) filter (where rules.set_project is not null))[1] as project,
        (array_agg(rules.set_scope order by rules.rule_order, rules.row_number) filter (where rules.set_scope is not null))[1] as scope,
        (array_agg(rules.set_entity order by rules.rule_order, rules.row_number) filter (where rules.set_entity is not null))[1] as entity
    from current_transactions
    inner join rules
        on
            (
                current_transactions.name ~* rules.pattern
                or current_transactions.merchant_name ~* rules.pattern
                or current_transactions.original_description ~* rules.pattern
            )
            and (
                rules.account is null
                or {{ natural_key('rules.account') }} in (
                    {{ natural_key('current_transactions.plaid_account_id') }},
                    {{ natural_key('current_transactions.account_id') }},
                    {{ natural_key('current_transactions.account_label') }}
                )
            )
    group by current_transactions.transaction_id
),

decided as (
    select
        current_transactions.*,
        matches.client,
        matches.project,
        coalesce(
            matches.type,
            case
                when current_transactions.category_primary in ('TRANSFER_IN', 'TRANSFER_OUT', 'LOAN_PAYMENTS') then 'transfer'
                when current_transactions.category_primary = 'INCOME' then 'income'
                when current_transactions.category_primary is null and current_transactions.plaid_amount < 0 then 'income'
                else 'expense'
            end
        ) as type,
        coalesce(matches.category, current_transactions.category_primary) as category,
        coalesce(matches.scope, current_transactions.account_scope, 'personal') as scope,
        coalesce(matches.entity, current_transactions.account_entity) as entity
    from current_transactions
    left join matches on current_transactions.transaction_id = matches.transaction_id
),

final as (
    select
        {{ hashed_identifier('TXN', 'decided.transaction_id', 'decided.posted_on') }} as id,
        decided.transaction_id,
        decided.posted_on as date,
        decided.authorized_on,
        coalesce(decided.name, decided.merchant_name, decided.original_description) as description,
        decided.merchant_name,
        -- Plaid's amount is positive when money leaves; ours is positive in the direction of the type.
        round(case decided.type when 'expense' then decided.plaid_amount else -decided.plaid_amount end, 2)::numeric(14, 2) as amount,
        decided.currency,
        decided.category,
        decided.category_detailed,
        decided.type,
        client_names.client_id,
        project_names.project_id,
        decided.account_id,
        decided.item_id,
        decided.entity,
        decided.scope,
        client_names.client_id is not null or project_names.project_id is not null as allocated,
        decided.is_pending,
        decided.pending_transaction_id,
        case decided.type when 'expense' then decided.plaid_amount else -decided.plaid_amount end as amount_as_sent
    from decided
    left join client_names on {{ natural_key('decided.client') }} = client_names.name
    left join project_names on {{ natural_key('decided.project') }} = project_names.name
)

select * from final
