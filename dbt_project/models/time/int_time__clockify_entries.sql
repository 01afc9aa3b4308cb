{{ config(materialized='view') }}

with

entries as (
    select * from {{ ref('stg_clockify__time_entries') }}
),

accounts as (
    select * from {{ ref('int_identity__accounts') }}
    where system = 'clockify'
),

developers as (
    select * from {{ ref('int_identity__developers') }}
),

projects as (
    select * from {{ ref('int_identity__projects') }}
    where clockify_id is not null
),

project_terms as (
    select * from {{ ref('int_agreements__project_terms') }}
),

agency as (
    select * from {{ ref('int_identity__agency') }}
),

-- An entry belongs entirely to the local date of its start, however long it runs (rule 6.2).
dated as (
    select
        entries.*,
        developers.developer_id,
        projects.project_id,
        {{ local_date('entries.start_time', 'coalesce(developers.timezone, agency.timezone)') }} as local_date
    from entries
    cross join agency
    left join accounts
        on
            entries.user_id = accounts.native_id
            and {{ in_force(local_date('entries.start_time', 'agency.timezone'), 'accounts.valid_from', 'accounts.valid_to') }}
    left join developers on accounts.developer_id = developers.developer_id
    left join projects on entries.clockify_project_id = projects.clockify_id
),

final as (
    select
        'CLK-' || dated.clockify_id as id,
        dated.clockify_id,
        dated.developer_id,
        coalesce(dated.developer_id, 'clockify:' || dated.user_id) as person_key,
        project_terms.client_id,
        dated.project_id,
        dated.description,
        dated.start_time,
        -- An end before the start is ignored (rule 6.3); such an entry has no length.
        case when dated.end_time >= dated.start_time then dated.end_time end as end_time,
        case
            when dated.end_time < dated.start_time or dated.duration_seconds < 0 then 0
            else dated.duration_seconds
        end as duration_seconds,
        dated.local_date,
        dated.is_billable,
        dated.end_time is null as is_running,
        dated.end_time < dated.start_time as ends_before_start,
        dated.is_locked as is_approved,
        dated.entry_type != 'REGULAR' as never_counts,
        dated.is_deleted,
        jsonb_strip_nulls(jsonb_build_object(
            'entry_type', dated.entry_type,
            'task_id', dated.task_id,
            'tag_ids', nullif(dated.tag_ids, '[]'::jsonb),
            'user_id', case when dated.developer_id is null then dated.user_id end,
            'project_id', case when dated.project_id is null then dated.clockify_project_id end
        )) as context
    from dated
    left join project_terms on
        dated.project_id = project_terms.project_id
        and {{ in_force('dated.local_date', 'project_terms.valid_from', 'project_terms.valid_to') }}
)

select * from final
