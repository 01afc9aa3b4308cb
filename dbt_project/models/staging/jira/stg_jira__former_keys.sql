with

source_rows as (
    select * from {{ source('jira', 'transitions') }}
),

issues as (
    select * from {{ ref('stg_jira__issues') }}
),

items as (
    select
        source_rows.issue_id,
        source_rows.created_at,
        source_rows.loaded_at,
        changed.item
    from source_rows
    cross join
        lateral jsonb_array_elements(
            case when jsonb_typeof(source_rows.items) = 'array' then source_rows.items else '[]'::jsonb end
        ) as changed (item)
    where changed.item ->> 'field' = 'Key' and changed.item ->> 'fromString' is not null
),

final as (
    select
        items.issue_id,
        issues.issue_key,
        upper(items.item ->> 'fromString') as former_key,
        max(items.created_at) as moved_at,
        max(items.loaded_at) as loaded_at
    from items
    left join issues on items.issue_id = issues.issue_id
    group by items.issue_id, issues.issue_key, upper(items.item ->> 'fromString')
)

select * from final
