with

source_rows as (
    select * from {{ source('tempo', 'worklogs') }}
),

deletion_rows as (
    select * from {{ source('tempo', 'worklog_deletions') }}
),

final as (
    select
        source_rows.id::text as tempo_worklog_id,
        -- Tempo may leave the id out; its link to the issue still ends with it.
        coalesce(
            source_rows.issue_id::text,
            substring(source_rows.record -> 'issue' ->> 'self' from '/issue/([0-9]+)/?$')
        ) as issue_id,
        source_rows.author_id as author_account_id,
        source_rows.start_date,
        source_rows.start_time as start_time_of_day,
        source_rows.started_at,
        source_rows.duration_seconds,
        source_rows.billable_seconds,
        coalesce(source_rows.billable_seconds > 0, true) as is_billable,
        source_rows.description,
        jsonb_path_query_first(
            source_rows.attributes, '$[*] ? (@.key like_regex "account" flag "i").value'
        ) #>> '{}' as account_key,
        source_rows.attributes,
        source_rows.created_at,
        source_rows.updated_at,
        coalesce(deletion_rows.is_deleted, false) as is_deleted,
        case when deletion_rows.is_deleted then deletion_rows.deleted_at end as deleted_at,
        source_rows.loaded_at
    from source_rows
    left join deletion_rows on source_rows.id = deletion_rows.id
)

select * from final
