{{ config(indexes=[
    {'columns': ['issue_key'], 'unique': true},
    {'columns': ['issue_id']},
    {'columns': ['project_id']},
    {'columns': ['client_id']},
    {'columns': ['first_work_at']},
    {'columns': ['done_at']},
]) }}

with

issues as (
    select * from {{ ref('jira_issues') }}
),

present_keys as (
    select * from {{ ref('int_engineering__issue_keys') }}
),

entries as (
    select * from {{ ref('time_entries') }}
    where is_counted
),

labour_days as (
    select * from {{ ref('int_money__labour_days') }}
),

sessions as (
    select * from {{ ref('claude_sessions') }}
),

session_tickets as (
    select * from {{ ref('session_tickets') }}
),

commits as (
    select * from {{ ref('commits') }}
    where is_reachable and not is_merge and not is_bot
),

pull_requests as (
    select * from {{ ref('pull_requests') }}
    where not is_bot
),

stints as (
    select * from {{ ref('int_engineering__status_stints') }}
),

agency as (
    select * from {{ ref('int_identity__agency') }}
),

-- A session is shared equally among its tickets; remaining whole units go to the first keys.
tickets as (
    select
        session_id,
        issue_key,
        min(first_mentioned_at) as first_mentioned_at,
        count(*) over (partition by session_id) as of_tickets,
        row_number() over (partition by session_id order by issue_key collate "C") as place
    from (
        select
            session_tickets.session_id,
            coalesce(present_keys.issue_key, session_tickets.ticket_key) as issue_key,
            session_tickets.first_mentioned_at
        from session_tickets
        left join present_keys on session_tickets.ticket_key = present_keys.key
    ) as mentions
    group by session_id, issue_key
),

session_parts as (
    select
        tickets.issue_key,
        {% set share = "div({whole}, tickets.of_tickets) + (tickets.place <= mod({whole}, tickets.of_tickets))::integer" -%}
        {% for name in ['input_tokens', 'output_tokens'] -%}
            {{ share.format(whole='sessions.' ~ name ~ '::numeric') }} as {{ name }},
        {% endfor -%}
        -- In units of the tenth decimal.
        ({{ share.format(whole='(sessions.cost_usd * 10000000000)') }}) / 10000000000 as cost_usd,
        sessions.api_requests,
        coalesce(tickets.first_mentioned_at, sessions.session_start) as worked_at
    from tickets
    inner join sessions on tickets.session_id = sessions.id
),

-- Counted time: of entries that name the issue, and of counted sessions that mention it.
time_parts as (
    select
        coalesce(present_keys.issue_key, entries.issue_key) as issue_key,
        entries.developer_id,
        entries.local_date,
        entries.allocated_seconds as seconds,
        coalesce(entries.start_time, {{ day_start('entries.local_date', 'agency.timezone') }}) as worked_at
    from entries
    cross join agency
    left join present_keys on entries.issue_key = present_keys.key
    where entries.issue_key is not null
    union all
    select
        tickets.issue_key,
        entries.developer_id,
        entries.local_date,
        {{ share.format(whole='entries.allocated_seconds') }} as seconds,
        entries.start_time as worked_at
    from entries
    inner join tickets on entries.session_id = tickets.session_id
    where entries.source = 'claude_session'
),

human_work as (
    select
        time_parts.issue_key,
        sum(time_parts.seconds)::bigint as human_seconds,
        -- Time without a developer costs nothing; an unknown cost makes the sum null.
        case
            when bool_and(labour_days.developer_id is null or labour_days.cost_per_second is not null)
                then coalesce(round(sum(time_parts.seconds * labour_days.cost_per_second), 2), 0)
        end as labour_cost,
        min(time_parts.worked_at) as first_work_at
    from time_parts
    left join labour_days
        on
            time_parts.developer_id = labour_days.developer_id
            and time_parts.local_date = labour_days.local_date
    group by time_parts.issue_key
),

machine_work as (
    select
        issue_key,
        case when sum(api_requests) = 0 then 0 else sum(cost_usd) filter (where api_requests > 0) end as ai_cost_usd,
        sum(input_tokens)::bigint as input_tokens,
        sum(output_tokens)::bigint as output_tokens,
        count(*) as sessions,
        min(worked_at) as first_work_at
    from session_parts
    group by issue_key
),

commit_counts as (
    select
        keys.issue_key,
        count(*) as commits,
        min(commits.authored_at) as first_work_at
    from commits
    cross join lateral unnest(commits.issue_keys) as keys (issue_key)
    group by keys.issue_key
),

pull_request_counts as (
    select
        keys.issue_key,
        count(*) as pull_requests,
        min(pull_requests.opened_at) as first_work_at
    from pull_requests
    cross join lateral unnest(pull_requests.issue_keys) as keys (issue_key)
    group by keys.issue_key
),

status_times as (
    select
        issue_id,
        {% for category in ['new', 'indeterminate', 'done', 'undefined'] -%}
            coalesce(sum(seconds) filter (where status_category = '{{ category }}'), 0)::bigint as seconds_in_{{ category }},
        {% endfor -%}
        -- Done since: the first of the unbroken stays in done statuses at the end of the history.
        min(entered_at) filter (where status_category = 'done' and number > last_undone) as done_at
    from (
        select
            *,
            coalesce(max(number) filter (where status_category != 'done') over (partition by issue_id), -1) as last_undone
        from stints
    ) as marked
    group by issue_id
),

all_keys as (
    select key as issue_key from issues
    union
    select issue_key from human_work
    union
    select issue_key from machine_work
    union
    select issue_key from commit_counts
    union
    select issue_key from pull_request_counts
),

final as (
    select
        all_keys.issue_key,
        issues.id as issue_id,
        issues.project_id,
        issues.client_id,
        coalesce(human_work.human_seconds, 0) as human_seconds,
        case when human_work.issue_key is null then 0 else human_work.labour_cost end::numeric(14, 2) as labour_cost,
        agency.currency,
        case when machine_work.issue_key is null then 0 else machine_work.ai_cost_usd end::numeric(20, 10) as ai_cost_usd,
        coalesce(machine_work.input_tokens, 0) as input_tokens,
        coalesce(machine_work.output_tokens, 0) as output_tokens,
        coalesce(machine_work.sessions, 0) as sessions,
        coalesce(commit_counts.commits, 0) as commits,
        coalesce(pull_request_counts.pull_requests, 0) as pull_requests,
        status_times.seconds_in_new,
        status_times.seconds_in_indeterminate,
        status_times.seconds_in_done,
        status_times.seconds_in_undefined,
        least(
            human_work.first_work_at, machine_work.first_work_at, commit_counts.first_work_at, pull_request_counts.first_work_at
        ) as first_work_at,
        case when issues.status_category = 'done' then coalesce(status_times.done_at, issues.resolved_at) end as done_at
    from all_keys
    cross join agency
    left join issues on all_keys.issue_key = issues.key
    left join human_work on all_keys.issue_key = human_work.issue_key
    left join machine_work on all_keys.issue_key = machine_work.issue_key
    left join commit_counts on all_keys.issue_key = commit_counts.issue_key
    left join pull_request_counts on all_keys.issue_key = pull_request_counts.issue_key
    left join status_times on issues.id = status_times.issue_id
)

select * from final
