with

people as (
    select * from {{ ref('int_identity__known_people') }}
),

identifiers as (
    select * from {{ ref('identifiers') }}
    where kind = 'DEV'
),

final as (
    select
        identifiers.id as developer_id,
        people.email,
        people.name,
        people.clockify_id,
        people.github_username,
        people.jira_account_id,
        people.timezone,
        people.status,
        people.is_in_reference
    from people
    inner join identifiers on people.person_key = identifiers.natural_key
)

select * from final
