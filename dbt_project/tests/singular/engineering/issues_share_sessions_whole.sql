{# The cost of sessions with tickets is fully assigned to issues, and the time in an issue's statuses adds up to its age. #}
with

shared as (
    select
        coalesce(sum(ai_cost_usd), 0) as cost_usd,
        coalesce(sum(input_tokens + output_tokens), 0) as tokens
    from {{ ref('issue_costs') }}
),

spent as (
    select
        coalesce(sum(sessions.cost_usd), 0) as cost_usd,
        coalesce(sum(sessions.input_tokens + sessions.output_tokens), 0) as tokens
    from {{ ref('claude_sessions') }} as sessions
    where exists (
        select 1 from {{ ref('session_tickets') }} as tickets
        where tickets.session_id = sessions.id
    )
),

ages as (
    select
        issues.id,
        extract(
            epoch from date_trunc('second', coalesce(issues.deleted_at, present_stints.counted_until))
            - date_trunc('second', issues.created_at)
        ) as age_seconds,
        costs.seconds_in_new + costs.seconds_in_indeterminate + costs.seconds_in_done + costs.seconds_in_undefined as seconds_in_statuses
    from {{ ref('jira_issues') }} as issues
    inner join {{ ref('issue_costs') }} as costs on issues.id = costs.issue_id
    inner join {{ ref('int_engineering__status_stints') }} as present_stints
        on issues.id = present_stints.issue_id and present_stints.left_at is null
)

select
    'cost or tokens of sessions' as what,
    shared.cost_usd as found,
    spent.cost_usd as expected
from shared
cross join spent
where shared.cost_usd != spent.cost_usd or shared.tokens != spent.tokens
union all
select
    'time in status of issue ' || ages.id as what,
    ages.seconds_in_statuses as found,
    ages.age_seconds as expected
from ages
-- Clocks that run ahead of this one must not cause negative durations.
where ages.seconds_in_statuses != ages.age_seconds and ages.age_seconds > 0
