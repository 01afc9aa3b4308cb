{# Every landed commit, pull request, issue and transition has its row (rule 12.1). #}
select
    'commit' as kind,
    commits.sha as native_id
from {{ ref('stg_github__commits') }} as commits
where
    not exists (
        select 1 from {{ ref('commits') }} as landed
        where landed.sha = commits.sha and landed.id is not null
    )
union all
select
    'pull request' as kind,
    pull_requests.github_id::text as native_id
from {{ ref('stg_github__pull_requests') }} as pull_requests
where
    not exists (
        select 1 from {{ ref('pull_requests') }} as landed
        where landed.github_id = pull_requests.github_id
    )
union all
select
    'issue' as kind,
    issues.issue_id as native_id
from {{ ref('stg_jira__issues') }} as issues
where
    not exists (
        select 1 from {{ ref('jira_issues') }} as landed
        where landed.id = issues.issue_id
    )
union all
select
    'mirrored issue' as kind,
    mirror_issues.issue_key as native_id
from {{ ref('stg_clickhouse__issues') }} as mirror_issues
where
    not exists (
        select 1 from {{ ref('jira_issues') }} as landed
        where landed.key = upper(mirror_issues.issue_key)
    )
    and not exists (
        select 1 from {{ ref('jira_issues') }} as landed
        where upper(mirror_issues.issue_key) = any(landed.former_keys)
    )
union all
select
    'transition' as kind,
    transitions.transition_id as native_id
from {{ ref('stg_jira__transitions') }} as transitions
where not exists (
    select 1 from {{ ref('jira_transitions') }} as landed
    where landed.id = transitions.transition_id
)
