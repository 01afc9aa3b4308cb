{{ config(indexes=[{'columns': ['issue_id']}]) }}
{#- The largest number of simultaneous transitions that are put in order; more would have too many orders. -#}
{% set most_ordered = 6 %}

with recursive

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

-- Ids of changelog entries are numbers of growing length; imported ones do not follow time.
numbered_transitions as (
    select
        *,
        coalesce(from_status_id, lower(from_status)) as from_key,
        coalesce(to_status_id, lower(to_status)) as to_key,
        row_number() over (
            partition by issue_id, transitioned_at
            order by length(history_id), history_id collate "C", length(transition_id), transition_id collate "C"
        )::integer as place,
        count(*) over (partition by issue_id, transitioned_at) as of_instant
    from transitions
),

-- Transitions of one instant, with the status in which the issue was before and from which it went on.
simultaneous as (
    select
        numbered_transitions.*,
        earlier.to_key as key_before,
        later.from_key as key_after
    from numbered_transitions
    left join lateral (
        select others.to_key
        from numbered_transitions as others
        where
            others.issue_id = numbered_transitions.issue_id
            and others.transitioned_at < numbered_transitions.transitioned_at
        order by others.transitioned_at desc, others.place desc
        limit 1
    ) as earlier on true
    left join lateral (
        select others.from_key
        from numbered_transitions as others
        where
            others.issue_id = numbered_transitions.issue_id
            and others.transitioned_at > numbered_transitions.transitioned_at
        order by others.transitioned_at asc, others.place asc
        limit 1
    ) as later on true
    where numbered_transitions.of_instant between 2 and {{ most_ordered }}
),

-- Every order of them, with how many of its steps begin where the previous one ended.
orders as (
    select
        issue_id,
        transitioned_at,
        of_instant,
        key_after,
        array[place] as places,
        to_key as key_now,
        coalesce((from_key = key_before)::integer, 0) as links
    from simultaneous
    union all
    select
        orders.issue_id,
        orders.transitioned_at,
        orders.of_instant,
        orders.key_after,
        orders.places || simultaneous.place as places,
        simultaneous.to_key as key_now,
        orders.links + coalesce((simultaneous.from_key = orders.key_now)::integer, 0) as links
    from orders
    inner join simultaneous
        on
            orders.issue_id = simultaneous.issue_id
            and orders.transitioned_at = simultaneous.transitioned_at
            and not simultaneous.place = any(orders.places)
),

best_orders as (
    select distinct on (issue_id, transitioned_at)
        issue_id,
        transitioned_at,
        places
    from orders
    where cardinality(places) = of_instant
    order by
        issue_id asc,
        transitioned_at asc,
        links + coalesce((key_now = key_after)::integer, 0) desc,
        places asc
),

placed_transitions as (
    select
        numbered_transitions.*,
        coalesce(array_position(best_orders.places, numbered_transitions.place), numbered_transitions.place) as place_in_order
    from numbered_transitions
    left join best_orders
        on
            numbered_transitions.issue_id = best_orders.issue_id
            and numbered_transitions.transitioned_at = best_orders.transitioned_at
),

ordered_transitions as (
    select
        *,
        row_number() over in_time as number,
        lead(transitioned_at) over in_time as left_at
    from placed_transitions
    window in_time as (partition by issue_id order by transitioned_at, place_in_order)
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

-- Only issues show a status's category: those in this status now.
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
    -- Jira's three built-in statuses have the names of their categories.
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
