with

developers as (
    select * from {{ ref('stg_reference__developers') }}
),

identities as (
    select * from {{ ref('stg_reference__identities') }}
    where system = 'clockify'
),

users as (
    select * from {{ ref('stg_clockify__users') }}
),

session_roots as (
    select * from {{ ref('stg_reference__session_roots') }}
),

agency as (
    select * from {{ ref('int_identity__agency') }}
),

-- Reading the zone files is slow, so it is done once for all.
zones as materialized (
    select name from pg_timezone_names
),

-- A user whom the files assign to a developer on every day is not a developer of their own.
users_always_named as (
    select user_id from users
    where
        user_id in (
            select developers.clockify_id from developers
            where developers.clockify_id is not null
        )
    union
    select native_id
    from identities
    group by native_id
    having range_agg(daterange(valid_from, valid_to, '[]')) = '{(,)}'::datemultirange
),

own_users as (
    select distinct on (coalesce(users.email, 'clockify:' || users.user_id))
        coalesce(users.email, 'clockify:' || users.user_id) as person_key,
        users.*
    from users
    where
        users.user_id not in (select users_always_named.user_id from users_always_named)
        and not exists (
            select 1 from developers
            where developers.email = users.email
        )
    order by coalesce(users.email, 'clockify:' || users.user_id), users.status, users.user_id
),

-- The Clockify user of a developer whose own row names none: by equal address, else by identity.
users_of_developers as (
    select distinct on (email)
        email,
        user_id,
        timezone
    from (
        select
            users.email,
            users.user_id,
            users.timezone,
            1 as preference
        from users
        where users.email is not null
        union all
        select
            identities.email,
            users.user_id,
            users.timezone,
            2 as preference
        from identities
        inner join users on identities.native_id = users.user_id
    ) as choices
    where
        user_id not in (
            select developers.clockify_id from developers
            where developers.clockify_id is not null
        )
    order by email, preference, user_id
),

people as (
    select
        developers.email as person_key,
        developers.email,
        developers.name,
        coalesce(developers.clockify_id, users_of_developers.user_id) as clockify_id,
        developers.github_username,
        developers.jira_account_id,
        coalesce(developers.timezone, users_of_developers.timezone) as timezone,
        developers.status,
        true as is_in_reference
    from developers
    left join users_of_developers on developers.clockify_id is null and developers.email = users_of_developers.email
    union all
    select
        person_key,
        email,
        coalesce(name, email, user_id) as name,
        user_id as clockify_id,
        null as github_username,
        null as jira_account_id,
        timezone,
        status,
        false as is_in_reference
    from own_users
    union all
    -- A person known only from transcripts is a developer too: one e-mail is one developer.
    select distinct
        session_roots.email as person_key,
        session_roots.email,
        session_roots.email as name,
        null as clockify_id,
        null as github_username,
        null as jira_account_id,
        null as timezone,
        'active' as status,
        false as is_in_reference
    from session_roots
    where
        not exists (
            select 1 from developers
            where developers.email = session_roots.email
        )
        and not exists (
            select 1 from own_users
            where own_users.email = session_roots.email
        )
),

final as (
    select
        people.person_key,
        people.email,
        people.name,
        people.clockify_id,
        people.github_username,
        people.jira_account_id,
        coalesce(zones.name, agency.timezone) as timezone,
        people.status,
        people.is_in_reference
    from people
    cross join agency
    left join zones on people.timezone = zones.name
)

select * from final
