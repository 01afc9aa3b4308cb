with

source_rows as (
    select * from {{ source('jira', 'transitions') }}
),

issues as (
    select * from {{ ref('stg_jira__issues') }}
),

items as (
    select
        source_rows.id as history_id,
        source_rows.issue_id,
        source_rows.author_id,
        source_rows.author_name,
        source_rows.created_at,
        source_rows.loaded_at,
        changed.item,
        changed.position
    from source_rows
    cross join
        lateral jsonb_array_elements(
            case when jsonb_typeof(source_rows.items) = 'array' then source_rows.items else '[]'::jsonb end
        ) with ordinality as changed (item, position)
    where coalesce(changed.item ->> 'fieldId', changed.item ->> 'field') = 'status'
),

final as (
    select
        items.history_id || '-' || items.position as transition_id,
        items.history_id,
        items.issue_id,
        issues.issue_key,
        items.item ->> 'from' as from_status_id,
        items.item ->> 'fromString' as from_status,
        items.item ->> 'to' as to_status_id,
        items.item ->> 'toString' as to_status,
        items.author_id as author_account_id,
        items.author_name,
        items.created_at as transitioned_at,
        coalesce(issues.is_deleted, false) as is_deleted,
        items.loaded_at
    from items
    left join issues on items.issue_id = issues.issue_id
)

select * from final
