with

accounts as (
    select * from {{ ref('int_identity__accounts') }}
    where system in ('github', 'git_email')
),

commits as (
    select * from {{ ref('stg_github__commits') }}
),

-- GitHub does not reveal addresses, but commits show which logins go with which addresses.
logins as (
    select
        lower(author_login) as login,
        author_email as email
    from commits
    where author_login is not null and author_email is not null
    group by lower(author_login), author_email
),

addressed_logins as (
    select
        logins.login,
        min(accounts.developer_id) as developer_id
    from logins
    inner join accounts
        on
            accounts.system = 'git_email'
            and logins.email = accounts.native_id
            and accounts.matched_by = 'email'
    group by logins.login
    -- An account that commits under the addresses of two developers is assigned to neither.
    having count(distinct accounts.developer_id) = 1
),

final as (
    select
        system,
        native_id,
        developer_id,
        valid_from,
        valid_to,
        case matched_by when 'developers' then 1 when 'identities' then 2 else 3 end as preference
    from accounts
    union all
    select
        'github' as system,
        login as native_id,
        developer_id,
        '-infinity'::date as valid_from,
        'infinity'::date as valid_to,
        4 as preference
    from addressed_logins
)

select * from final
