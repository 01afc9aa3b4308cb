with

exclusions as (
    select * from {{ ref('stg_reference__employee_exclusions') }}
    where not is_deleted
),

accounts as (
    select * from {{ ref('int_identity__accounts') }}
    where system = 'jira'
),

-- The person who has the account on that date; an account without a developer counts as a person of its own.
final as (
    select
        coalesce(accounts.developer_id, 'jira:' || exclusions.jira_account_id) as person_key,
        exclusions.type,
        greatest(exclusions.valid_from, accounts.valid_from, '-infinity'::date) as valid_from,
        least(exclusions.valid_to, accounts.valid_to, 'infinity'::date) as valid_to
    from exclusions
    left join accounts on
        exclusions.jira_account_id = accounts.native_id
        and daterange(exclusions.valid_from, exclusions.valid_to, '[]')
        && daterange(accounts.valid_from, accounts.valid_to, '[]')
)

select * from final
