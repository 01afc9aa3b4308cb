with

developers as (
    select * from {{ ref('int_identity__developers') }}
),

identities as (
    select * from {{ ref('stg_reference__identities') }}
),

users as (
    select * from {{ ref('stg_clockify__users') }}
),

jira_users as (
    select * from {{ ref('stg_jira__users') }}
),

-- 1. developers.csv always applies.
own_accounts as (
    select
        accounts.system,
        accounts.native_id,
        developers.developer_id
    from developers
    cross join
        lateral (
            values
            ('clockify', developers.clockify_id),
            ('github', developers.github_username),
            ('jira', developers.jira_account_id)
        ) as accounts (system, native_id)
    where
        accounts.native_id is not null
        and developers.is_in_reference
        -- A developer's Clockify user may come from an address or identity: then those rules give the dates.
        and (accounts.system != 'clockify' or exists (
            select 1
            from {{ ref('stg_reference__developers') }} as rows_of_file
            where rows_of_file.email = developers.email and rows_of_file.clockify_id = accounts.native_id
        ))
),

-- 2. identities.csv while in force.
dated_accounts as (
    select
        identities.system,
        identities.native_id,
        developers.developer_id,
        daterange(identities.valid_from, identities.valid_to, '[]') as days
    from identities
    inner join developers on identities.email = developers.email
    where not exists (
        select 1
        from own_accounts
        where own_accounts.system = identities.system and own_accounts.native_id = identities.native_id
    )
),

-- 3. An equal address. Every developer's address is also their git address.
addressed_accounts as (
    select
        'clockify' as system,
        users.user_id as native_id,
        coalesce(users.email, 'clockify:' || users.user_id) as address
    from users
    union
    select
        'jira' as system,
        account_id as native_id,
        email as address
    from jira_users
    where email is not null
    union
    select
        'git_email' as system,
        email as native_id,
        email as address
    from developers
    where email is not null
),

addresses as (
    select
        developer_id,
        coalesce(email, 'clockify:' || clockify_id) as address
    from developers
),

days_left_to_addresses as (
    select
        addressed_accounts.system,
        addressed_accounts.native_id,
        addresses.developer_id,
        unnest('{(,)}'::datemultirange - coalesce(
            (
                select range_agg(dated_accounts.days)
                from dated_accounts
                where
                    dated_accounts.system = addressed_accounts.system
                    and dated_accounts.native_id = addressed_accounts.native_id
            ), '{}'::datemultirange
        )) as days
    from addressed_accounts
    inner join addresses on addressed_accounts.address = addresses.address
    where not exists (
        select 1
        from own_accounts
        where own_accounts.system = addressed_accounts.system and own_accounts.native_id = addressed_accounts.native_id
    )
),

unioned as (
    select
        system,
        native_id,
        developer_id,
        '(,)'::daterange as days,
        'developers' as matched_by
    from own_accounts
    union all
    select
        system,
        native_id,
        developer_id,
        days,
        'identities' as matched_by
    from dated_accounts
    union all
    select
        system,
        native_id,
        developer_id,
        days,
        'email' as matched_by
    from days_left_to_addresses
),

final as (
    select
        system,
        native_id,
        developer_id,
        coalesce(lower(days), '-infinity'::date) as valid_from,
        coalesce(upper(days) - 1, 'infinity'::date) as valid_to,
        matched_by
    from unioned
)

select * from final
