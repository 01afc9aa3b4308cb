with

issues as (
    select * from {{ ref('stg_jira__issues') }}
),

former_keys as (
    select * from {{ ref('int_identity__former_issue_keys') }}
),

keys as (
    select
        issue_key as key,
        issue_id,
        issue_key,
        1 as preference,
        null::timestamptz as moved_at
    from issues
    union all
    select
        former_key as key,
        issue_id,
        issue_key,
        2 as preference,
        moved_at
    from former_keys
    where issue_key is not null
),

-- A key in use belongs to its present issue; a key that several issues gave up belongs to the last one.
final as (
    select distinct on (key)
        key,
        issue_id,
        issue_key
    from keys
    order by key asc, preference asc, moved_at desc nulls last, issue_id collate "C"
)

select * from final
