{# file, what the cell names, its column, and whether staging keeps rows that left the file #}
{% set cells = [
    ('billing_rules', 'project', 'project', true),
    ('client_contacts', 'client', 'client', true),
    ('client_terms', 'client', 'client', false),
    ('clients', 'client', 'parent_client', true),
    ('contract_terms', 'contract', 'contract', false),
    ('contracts', 'client', 'client', true),
    ('fixed_lines', 'client', 'client', false),
    ('project_classifications', 'project', 'project', true),
    ('project_terms', 'client', 'client', false),
    ('project_terms', 'contract', 'contract', false),
    ('project_terms', 'project', 'project', false),
    ('rate_rules', 'client', 'client', true),
    ('repo_mappings', 'client', 'client', true),
    ('repo_mappings', 'project', 'project', true),
    ('time_policies', 'client', 'client', false),
    ('transaction_rules', 'client', 'set_client', false),
    ('transaction_rules', 'project', 'set_project', false),
] %}
with

entries as (
    select * from {{ ref('time_entries') }}
    where
        (not_counted_reason is null or not_counted_reason not in ('deleted', 'excluded'))
        -- The few entries that any of the queries below needs.
        and (
            developer_id is null
            or client_id is null
            or context ?| array['project_id', 'contract']
            or not_counted_reason = 'zero_length'
        )
),

sessions as (
    select * from {{ ref('claude_sessions') }}
    where developer_id is null or client_id is null
),

billable_projects as (
    select id from {{ ref('projects') }}
    where classification = 'billable'
),

client_names as (
    select * from {{ ref('int_identity__client_names') }}
),

project_names as (
    select * from {{ ref('int_identity__project_names') }}
),

contract_names as (
    select * from {{ ref('int_agreements__contract_names') }}
),

inactive_entries as (
    select * from {{ ref('int_billing__routed_entries') }}
    where unbilled_reason = 'contract_inactive' and contract_id is not null
),

reference_projects as (
    select * from {{ ref('stg_reference__projects') }}
    where not is_deleted and jira_project_key is not null
),

jira_projects as (
    select * from {{ ref('stg_jira__projects') }}
),

former_project_keys as (
    select * from {{ ref('int_identity__former_project_keys') }}
),

mirror_issues as (
    select * from {{ ref('stg_clickhouse__issues') }}
),

application_entries as (
    select * from {{ ref('int_billing__routed_entries') }}
    where application_id is not null
),

applications as (
    select * from {{ ref('int_agreements__applications') }}
    where client_id is null and not is_deleted
),

commit_authors as (
    select * from {{ ref('commit_authors') }}
    where developer_id is null and not is_bot and not is_assistant
),

commits as (
    select * from {{ ref('commits') }}
),

pull_requests as (
    select * from {{ ref('pull_requests') }}
    where not is_bot
),

jira_issues as (
    select * from {{ ref('jira_issues') }}
),

jira_users as (
    select * from {{ ref('stg_jira__users') }}
),

repo_clients as (
    select * from {{ ref('int_engineering__repo_mappings') }}
),

-- Accounts without a developer.
people as (
    select
        source,
        coalesce(context ->> 'user_id', context ->> 'email', session_id, id) as native_id,
        'no_developer' as reason,
        count(*) as row_count,
        sum(allocated_seconds) as seconds
    from entries
    where developer_id is null and source != 'claude_session'
    group by source, coalesce(context ->> 'user_id', context ->> 'email', session_id, id)
    union all
    select
        'claude_session' as source,
        coalesce(host, 'unknown host') as native_id,
        'no_developer' as reason,
        count(*) as row_count,
        sum(duration_seconds) as seconds
    from sessions
    where developer_id is null
    group by coalesce(host, 'unknown host')
),

-- Entries whose project or client cannot be resolved.
work as (
    select
        source,
        context ->> 'project_id' as native_id,
        'no_project' as reason,
        count(*) as row_count,
        sum(allocated_seconds) as seconds
    from entries
    where context ? 'project_id'
    group by source, context ->> 'project_id'
    union all
    select
        source,
        coalesce(context ->> 'client', project_id, 'no project') as native_id,
        'no_client' as reason,
        count(*) as row_count,
        sum(allocated_seconds) as seconds
    from entries
    where
        client_id is null
        and source != 'claude_session'
        and not context ? 'project_id'
        -- An application's client is checked below, under its customer.
        and application_id is null
        -- An internal project has no client.
        and (project_id is null or project_id in (select billable_projects.id from billable_projects))
    group by source, coalesce(context ->> 'client', project_id, 'no project')
    union all
    select
        'claude_session' as source,
        coalesce(cwd, 'unknown directory') as native_id,
        'no_client' as reason,
        count(*) as row_count,
        sum(duration_seconds) as seconds
    from sessions
    where client_id is null and (project_id is null or project_id in (select billable_projects.id from billable_projects))
    group by coalesce(cwd, 'unknown directory')
    union all
    select
        source,
        context ->> 'contract' as native_id,
        'no_contract' as reason,
        count(*) as row_count,
        sum(allocated_seconds) as seconds
    from entries
    where context ? 'contract'
    group by source, context ->> 'contract'
    union all
    select
        source,
        contract_id as native_id,
        'contract_inactive' as reason,
        count(*) as row_count,
        sum(seconds) as seconds
    from inactive_entries
    group by source, contract_id
    union all
    select
        source,
        id as native_id,
        'ends_before_start' as reason,
        1 as row_count,
        0 as seconds
    from entries
    where not_counted_reason = 'zero_length' and start_time is not null and end_time is null
),

-- Cells of reference files that name an unknown or an ambiguous client, project or contract.
cells as (
    {% for file, kind, column, keeps_deleted in cells %}
        select
            '{{ file }}' as file,
            '{{ kind }}' as kind,
            {{ column }} as name
        from {{ ref('stg_reference__' ~ file) }}
        {% if keeps_deleted %}where not is_deleted{% endif %}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

names as (
    select
        'client' as kind,
        name,
        client_id as id,
        clients_found as found,
        client_ids as ids
    from client_names
    union all
    select
        'project' as kind,
        name,
        project_id as id,
        projects_found as found,
        project_ids as ids
    from project_names
    union all
    select
        'contract' as kind,
        name,
        min(contract_id) as id,
        count(distinct contract_id) as found,
        array_agg(distinct contract_id order by contract_id) as ids
    from contract_names
    group by name
),

reference_cells as (
    select
        'reference.' || cells.file as source,
        cells.name as native_id,
        case when names.found > 1 then 'several_' else 'no_' end || cells.kind as reason,
        count(*) as row_count,
        null::numeric as seconds,
        case when names.found > 1 then array_to_string(names.ids, ', ') end as candidates
    from cells
    left join names on cells.kind = names.kind and {{ natural_key('cells.name') }} = names.name
    where
        cells.name is not null
        and names.id is null
    group by cells.file, cells.name, cells.kind, names.found, names.ids
),

jira_keys as (
    select project_key from jira_projects
    union
    select former_key as project_key from former_project_keys
    union
    select regexp_replace(upper(issue_key), '-[0-9]+$', '') as project_key from mirror_issues
),

-- Keys that no Jira project has or had; checked only where Jira projects have landed.
jira_key_cells as (
    select
        'reference.projects' as source,
        reference_projects.jira_project_key as native_id,
        'no_jira_project' as reason,
        count(*) as row_count,
        null::numeric as seconds
    from reference_projects
    where
        exists (select 1 from jira_keys)
        and upper(reference_projects.jira_project_key) not in (select jira_keys.project_key from jira_keys)
    group by reference_projects.jira_project_key
),

-- Customers that are no known client: their applications bill nothing.
customers as (
    select
        'clickhouse' as source,
        coalesce(applications.client_name, 'customer ' || applications.customer_id, 'application ' || applications.application_id)
            as native_id,
        case when max(client_names.clients_found) > 1 then 'several_client' else 'no_client' end as reason,
        count(distinct applications.application_id) as row_count,
        sum(application_entries.seconds) as seconds,
        case when max(client_names.clients_found) > 1 then array_to_string(max(client_names.client_ids), ', ') end as candidates
    from applications
    left join client_names on {{ natural_key('applications.client_name') }} = client_names.name
    left join application_entries on applications.application_id = application_entries.application_id
    group by
        coalesce(applications.client_name, 'customer ' || applications.customer_id, 'application ' || applications.application_id)
),

-- Commits, pull requests and issues without a developer or a client; they carry no hours.
engineering as (
    select
        'github' as source,
        coalesce(github_login, email, name, 'unknown author') as native_id,
        'no_developer' as reason,
        count(*) as row_count
    from (
        select
            github_login,
            email,
            name
        from commit_authors
        union all
        select
            lower(github_author_login) as github_login,
            null as email,
            null as name
        from pull_requests
        where developer_id is null
    ) as authors
    group by coalesce(github_login, email, name, 'unknown author')
    union all
    select
        'github' as source,
        coalesce(unmapped.repo, 'unknown repository') as native_id,
        case when bool_or(repo_clients.clients_found > 1) then 'several_client' else 'no_client' end as reason,
        count(*) as row_count
    from (
        select
            repo,
            local_date
        from commits
        where client_id is null
        union all
        select
            repo,
            opened_date as local_date
        from pull_requests
        where client_id is null
    ) as unmapped
    left join repo_clients
        on
            lower(unmapped.repo) = repo_clients.repo
            and unmapped.local_date >= repo_clients.valid_from
            and unmapped.local_date < repo_clients.valid_until
    group by coalesce(unmapped.repo, 'unknown repository')
    union all
    select
        'jira' as source,
        jira_issues.assignee_account_id as native_id,
        'no_developer' as reason,
        count(*) as row_count
    from jira_issues
    left join jira_users on jira_issues.assignee_account_id = jira_users.account_id
    where
        jira_issues.assignee_account_id is not null
        and jira_issues.assignee_id is null
        and coalesce(jira_users.account_type, 'atlassian') != 'app'
    group by jira_issues.assignee_account_id
),

final as (
    select
        source,
        native_id,
        reason,
        row_count,
        seconds::bigint as seconds,
        null as candidates
    from people
    union all
    select
        source,
        native_id,
        reason,
        row_count,
        seconds::bigint as seconds,
        null as candidates
    from work
    union all
    select
        source,
        native_id,
        reason,
        row_count,
        seconds::bigint as seconds,
        candidates
    from reference_cells
    union all
    select
        source,
        native_id,
        reason,
        row_count,
        seconds::bigint as seconds,
        null as candidates
    from jira_key_cells
    union all
    select
        source,
        native_id,
        reason,
        row_count,
        coalesce(seconds, 0)::bigint as seconds,
        candidates
    from customers
    union all
    select
        source,
        native_id,
        reason,
        row_count,
        null::bigint as seconds,
        null as candidates
    from engineering
)

{{ with_hours(['seconds']) }}
