{{ config(indexes=[
    {'columns': ['commit_id', 'position'], 'unique': true},
    {'columns': ['sha']},
    {'columns': ['developer_id']},
]) }}

with

commits as (
    select * from {{ ref('int_engineering__commits') }}
),

accounts as (
    select * from {{ ref('int_engineering__accounts') }}
),

-- The author from git, then the trailers that GitHub parsed, then the trailers that it did not.
listed as (
    select
        sha,
        0::bigint as place,
        author_name as name,
        author_email as email,
        author_login as login
    from commits
    union all
    select
        commits.sha,
        authors.place,
        authors.author ->> 'name' as name,
        lower(authors.author ->> 'email') as email,
        authors.author -> 'user' ->> 'login' as login
    from commits
    cross join
        lateral jsonb_array_elements(
            case when jsonb_typeof(commits.authors) = 'array' then commits.authors else '[]'::jsonb end
        ) with ordinality as authors (author, place)
    where authors.place > 1
    union all
    select
        commits.sha,
        1000000 + trailers.place as place,
        nullif(trailers.parts[1], '') as name,
        lower(trailers.parts[2]) as email,
        null as login
    from commits
    cross join
        lateral regexp_matches(
            commits.message, '^co-authored-by:[ \t]*([^<\n]*?)[ \t]*<([^>\n]+)>', 'gin'
        ) with ordinality as trailers (parts, place)
    -- Most messages have no trailers.
    where commits.message ilike '%co-authored-by:%'
),

-- Each address is one author of a commit; addresses of one person are merged below.
distinct_authors as (
    select distinct on (sha, coalesce(email, lower(name)))
        sha,
        place,
        name,
        email,
        -- GitHub's private addresses contain the login.
        lower(coalesce(login, substring(email from '^(?:[0-9]+\+)?([^@+]+)@users\.noreply\.github\.com$'))) as login
    from listed
    order by sha, coalesce(email, lower(name)), place
),

described as (
    select
        commits.commit_id,
        distinct_authors.sha,
        distinct_authors.place,
        distinct_authors.name,
        distinct_authors.email,
        distinct_authors.login,
        commits.agency_date,
        coalesce(distinct_authors.email, '') like '%[bot]@%'
        or coalesce(distinct_authors.name, '') like '%[bot]'
        or coalesce(distinct_authors.login, '') like '%[bot]'
        or (distinct_authors.place = 0 and commits.is_bot) as is_bot,
        coalesce(
            distinct_authors.email in (
                'noreply@anthropic.com', 'cursoragent@cursor.com', 'noreply@cursor.com', 'noreply@aider.chat', 'codex@openai.com',
                'noreply@openai.com', 'copilot@github.com', 'amp@ampcode.com', 'openhands@all-hands.dev'
            )
            or distinct_authors.email
            ~ '(copilot|claude|codex|devin-ai-integration|gemini-code-assist|google-labs-jules|cursor)(-swe-agent)?(\[bot\])?@users\.noreply\.github\.com$'
            or distinct_authors.login in ('copilot', 'copilot-swe-agent', 'claude', 'cursoragent'),
            false
        ) as is_assistant
    from distinct_authors
    inner join commits on distinct_authors.sha = commits.sha
),

-- Of the accounts that match on the day, the one with the highest precedence; a login wins over an address (rule 8.3).
people as (
    select distinct on (described.sha, described.place)
        described.sha,
        described.place,
        accounts.developer_id
    from described
    inner join accounts
        on
            (
                (accounts.system = 'github' and described.login = accounts.native_id)
                or (accounts.system = 'git_email' and described.email = accounts.native_id)
            )
            and described.agency_date between accounts.valid_from and accounts.valid_to
    where not described.is_assistant
    order by described.sha asc, described.place asc, accounts.preference asc, accounts.system desc, accounts.developer_id asc
),

known as (
    select
        described.*,
        case
            when described.login is null then people.developer_id
            -- All addresses of a login belong to one developer, even if only one of them is known.
            else coalesce(
                people.developer_id, min(people.developer_id) over (partition by described.sha, described.login)
            )
        end as developer_id
    from described
    left join people on described.sha = people.sha and described.place = people.place
),

-- A person is one author of a commit: of several addresses of a developer or login the first is kept, the author's before all.
distinct_people as (
    select distinct on (sha, coalesce(developer_id, 'login ' || login, 'address ' || email, 'name ' || lower(name))) *
    from known
    order by sha asc, coalesce(developer_id, 'login ' || login, 'address ' || email, 'name ' || lower(name)) asc, place asc
),

positioned as (
    select
        *,
        row_number() over (partition by sha order by place) - 1 as position
    from distinct_people
),

final as (
    select
        commit_id,
        sha,
        position,
        position > 0 as is_co_author,
        name,
        email,
        login as github_login,
        developer_id,
        is_bot,
        is_assistant
    from positioned
)

select * from final
