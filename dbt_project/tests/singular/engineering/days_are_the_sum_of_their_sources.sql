{# productivity_triangle and daily_overlay contain all time, tokens, cost, prompts, commits and pull requests exactly once (rule 12.1). #}
with

triangle as (
    select * from {{ ref('productivity_triangle') }}
),

overlay as (
    select * from {{ ref('daily_overlay') }}
),

triangle_sums as (
    select
        sum(counted_seconds) as counted_seconds,
        sum(active_seconds) as active_seconds,
        sum(input_tokens + output_tokens + cache_read_tokens + cache_creation_tokens) as tokens,
        sum(cost_usd) as cost_usd,
        sum(user_prompts) as user_prompts,
        sum(commits) as commits,
        sum(pull_requests_opened) as pull_requests_opened,
        sum(pull_requests_merged) as pull_requests_merged,
        sum(lines_added + lines_deleted) as lines
    from triangle
),

overlay_sums as (
    select
        sum(counted_seconds) as counted_seconds,
        sum(active_seconds) as active_seconds,
        sum(input_tokens + output_tokens + cache_read_tokens + cache_creation_tokens) as tokens,
        sum(cost_usd) as cost_usd,
        sum(user_prompts) as user_prompts,
        sum(commits) as commits,
        sum(pull_requests_opened) as pull_requests_opened,
        sum(pull_requests_merged) as pull_requests_merged
    from overlay
),

entry_sums as (
    select sum(allocated_seconds) as counted_seconds
    from {{ ref('time_entries') }}
    where is_counted
),

activity_sums as (
    select
        sum(active_seconds) as active_seconds,
        sum(input_tokens + output_tokens + cache_read_tokens + cache_creation_tokens) as tokens,
        sum(cost_usd) as cost_usd,
        sum(user_prompts) as user_prompts
    from {{ ref('session_activity') }}
),

commit_sums as (
    select count(*) as commits
    from {{ ref('commits') }}
    where is_reachable and not is_merge and not is_bot
),

pull_request_sums as (
    select
        count(*) as opened,
        count(merged_at) as merged,
        sum(additions + deletions) filter (where merged_at is not null) as lines
    from {{ ref('pull_requests') }}
    where not is_bot
),

compared as (
    select
        checks.what,
        coalesce(checks.in_triangle, 0) as in_triangle,
        coalesce(checks.in_overlay, checks.in_triangle, 0) as in_overlay,
        coalesce(checks.in_source, 0) as in_source
    from triangle_sums
    cross join overlay_sums
    cross join entry_sums
    cross join activity_sums
    cross join commit_sums
    cross join pull_request_sums
    cross join lateral (
        values
        ('counted seconds', triangle_sums.counted_seconds, overlay_sums.counted_seconds, entry_sums.counted_seconds),
        ('active seconds', triangle_sums.active_seconds, overlay_sums.active_seconds, activity_sums.active_seconds),
        ('tokens', triangle_sums.tokens, overlay_sums.tokens, activity_sums.tokens),
        ('cost', triangle_sums.cost_usd, overlay_sums.cost_usd, activity_sums.cost_usd),
        ('prompts', triangle_sums.user_prompts, overlay_sums.user_prompts, activity_sums.user_prompts),
        ('commits', triangle_sums.commits, overlay_sums.commits, commit_sums.commits),
        ('pull requests opened', triangle_sums.pull_requests_opened, overlay_sums.pull_requests_opened, pull_request_sums.opened),
        ('pull requests merged', triangle_sums.pull_requests_merged, overlay_sums.pull_requests_merged, pull_request_sums.merged),
        ('lines', triangle_sums.lines, triangle_sums.lines, pull_request_sums.lines)
    ) as checks (what, in_triangle, in_overlay, in_source)
)

select * from compared
where in_triangle != in_source or in_overlay != in_source
