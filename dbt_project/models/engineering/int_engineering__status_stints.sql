{{ config(indexes=[{'columns': ['issue_id']}]) }}

with

issues as (
    select * from {{ ref('stg_jira__issues') }}
),

transitions as (
    select * from {{ ref('stg_jira__transitions') }}
),

agency as (
    select
        *,
        {{ as_of('timezone') }} as as_of
    from {{ ref('int_identity__agency') }}
),

ordered_transitions as (
    select
        *,
        row_number() over in_time as number,
        lead(transitioned_at) over in_time as left_at
    from transitions
    window in_time as (
        partition by issue_id
        -- Ids of changelog entries are numbers of growing length.
        order by transitioned_at, length(history_id), history_id collate "C", length(transition_id), transition_id collate "C"
    )
),

stints as (
    select
        issues.issue_id,
        null::text as transition_id,
        0::bigint as number,
        case when first_transitions.issue_id is null then issues.status_id else first_transitions.from_status_id end as status_id,
        case when first_transitions.issue_id is null then issues.status else first_transitions.from_status end as status,
        issues.created_at as entered_at,
        first_transitions.transitioned_at as left_at
    from issues
    left join ordered_transitions as first_transitions
        on
            issues.issue_id = first_transitions.issue_id
            and first_transitions.number = 1
    where issues.created_at is not null
    union all
    select
        issue_id,
        transition_id,
        number,
        to_status_id,
        to_status,
        transitioned_at as entered_at,
        left_at
    from ordered_transitions
),

-- Only issues tell the category of a status: of those in it now.
categories_by_id as (
    select
        status_id,
        mode() within group (order by status_category) as status_category
    from issues
    where status_id is not null and status_category is not null
    group by status_id
),

categories_by_name as (
    select
        lower(status) as status,
        mode() within group (order by status_category) as status_category
    from issues
    where status is not null and status_category is not null
    group by lower(status)
    union all
    -- Jira's own three statuses bear the names of their categories.
    select
        own.status,
        own.status_category
    from (values ('to do', 'new'), ('in progress', 'indeterminate'), ('done', 'done')) as own (status, status_category)
    where not exists (
        select 1 from issues
        where lower(issues.status) = own.status and issues.status_category is not null
    )
),

ended as (
    select
        stints.*,
        coalesce(stints.left_at, issues.deleted_at, agency.as_of) as counted_until
    from stints
    cross join agency
    left join issues on stints.issue_id = issues.issue_id
),

final as (
    select
        ended.issue_id,
        ended.transition_id,
        ended.number,
        ended.status,
        coalesce(categories_by_id.status_category, categories_by_name.status_category, 'undefined') as status_category,
        ended.entered_at,
        ended.left_at,
        ended.counted_until,
        -- Between whole seconds, so that an issue's stints sum to its age.
        greatest(
            extract(epoch from date_trunc('second', ended.counted_until) - date_trunc('second', ended.entered_at)), 0
        )::bigint as seconds
    from ended
    left join categories_by_id on ended.status_id = categories_by_id.status_id
    left join categories_by_name on lower(ended.status) = categories_by_name.status
)

select * from final
