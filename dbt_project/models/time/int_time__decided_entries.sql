{{ config(
    materialized='incremental',
    incremental_strategy='changed_dates_of_time',
    on_schema_change='fail',
    indexes=[{'columns': ['local_date']}],
    pre_hook="{{ allow_large_sorts() }}",
) }}
{% set strictness = "array['billable', 'internal', 'overhead', 'excluded']" %}

with

entries as (
    select * from {{ ref('int_time__entries') }}
    where {{ of_changed_dates(subject='time') }}
),

policies as (
    select * from {{ ref('int_agreements__time_policies') }}
),

project_classes as (
    select * from {{ ref('int_agreements__project_classes') }}
),

label_classes as (
    select * from {{ ref('int_agreements__label_classes') }}
),

exclusions as (
    select * from {{ ref('int_agreements__exclusions') }}
),

project_terms as (
    select * from {{ ref('int_agreements__project_terms') }}
),

billing_rules as (
    select * from {{ ref('int_agreements__billing_rules') }}
    where not is_deleted
),

-- The strictest class of an entry's own labels (rule 4.3), found once per distinct list of labels.
label_lists as (
    select distinct labels
    from entries
    where labels is not null
),

listed_classes as (
    select
        label_lists.labels,
        max(array_position({{ strictness }}, label_classes.classification)) as strictness
    from label_lists
    cross join lateral unnest(label_lists.labels) as labels (label)
    inner join label_classes on {{ natural_key('labels.label') }} = label_classes.label
    group by label_lists.labels
),

-- Which persons are excluded on which days; excluded beats overhead_only (rule 4.5).
person_days as (
    select distinct
        person_key,
        local_date
    from entries
),

excluded_days as (
    select
        person_days.person_key,
        person_days.local_date,
        min(exclusions.type) as exclusion
    from person_days
    inner join exclusions
        on
            person_days.person_key = exclusions.person_key
            and person_days.local_date between exclusions.valid_from and exclusions.valid_to
    group by person_days.person_key, person_days.local_date
),

classified as (
    select
        entries.id,
        entries.source,
        entries.person_key,
        entries.developer_id,
        entries.client_id,
        entries.local_date,
        entries.is_running,
        entries.is_rejected,
        entries.is_deleted,
        entries.never_counts,
        entries.allocated_seconds,
        entries.names_contract,
        coalesce(
            project_classes.own_classification,
            ({{ strictness }})[greatest(
                listed_classes.strictness, array_position({{ strictness }}, project_classes.label_classification)
            )],
            'billable'
        ) as classification,
        excluded_days.exclusion,
        -- An entry that an application bills has no contract (rule 4.10).
        coalesce(
            entries.named_contract_id,
            case when not entries.names_contract and entries.application_id is null then project_terms.contract_id end
        ) as contract_id,
        project_terms.hourly_rate,
        project_terms.rate_source,
        billing_rules.billing_rule_id
    from entries
    left join project_classes on entries.project_id = project_classes.project_id
    left join listed_classes on entries.labels = listed_classes.labels
    left join excluded_days
        on
            entries.person_key = excluded_days.person_key
            and entries.local_date = excluded_days.local_date
    left join project_terms
        on
            entries.project_id = project_terms.project_id
            and entries.local_date between project_terms.valid_from and project_terms.valid_to
    left join billing_rules on
        entries.project_id = billing_rules.project_id
        and entries.local_date between billing_rules.effective_from and billing_rules.effective_to
),

-- Reasons in the order in which they apply; superseded comes after all of them.
judged as (
    select
        *,
        coalesce(client_id, '') as client_key,
        case
            when is_running then 'running'
            when is_rejected then 'rejected'
            when is_deleted then 'deleted'
            when never_counts or classification = 'excluded' or exclusion = 'excluded' then 'excluded'
            when coalesce(allocated_seconds, 0) <= 0 then 'zero_length'
        end as own_reason
    from classified
),

-- The person's, client's and day's policy, looked up once for each group.
groups as (
    select distinct
        person_key,
        developer_id,
        client_id,
        client_key,
        local_date
    from judged
),

group_policies as (
    select
        groups.person_key,
        groups.client_key,
        groups.local_date,
        policy.sources,
        policy.count_logged_elsewhere
    from groups
    cross join lateral (
        select
            policies.sources,
            policies.count_logged_elsewhere
        from policies
        where
            (policies.developer_id is null or policies.developer_id = groups.developer_id)
            and (policies.client_id is null or policies.client_id = groups.client_id)
            and groups.local_date between policies.valid_from and policies.valid_to
        order by policies.preference
        limit 1
    ) as policy
),

ranked as (
    select
        judged.*,
        coalesce(group_policies.count_logged_elsewhere, false) as counts_logged_elsewhere,
        case
            when judged.own_reason is null then array_position(group_policies.sources, judged.source)
        end as claim,
        judged.own_reason is null and judged.source = 'manual' and judged.names_contract as claims_by_contract
    from judged
    inner join group_policies on
        judged.person_key = group_policies.person_key
        and judged.client_key = group_policies.client_key
        and judged.local_date = group_policies.local_date
),

-- Entries that could not count do not decide which source takes the day (rule 6.6).
best_claims as (
    select
        person_key,
        client_key,
        local_date,
        min(claim) as best_claim,
        bool_or(claims_by_contract) as is_day_of_contract
    from ranked
    group by person_key, client_key, local_date
),

-- The decision uses only the columns that it needs; all other columns are joined to it.
final as (
    select
        entries.id,
        entries.source,
        entries.clockify_id,
        entries.tempo_worklog_id,
        entries.session_id,
        entries.work_log_id,
        entries.developer_id,
        entries.person_key,
        entries.client_id,
        entries.project_client_id,
        entries.project_id,
        ranked.contract_id,
        entries.names_contract,
        ranked.billing_rule_id,
        entries.application_id,
        entries.application_count,
        entries.service_type,
        entries.work_location,
        entries.issue_key,
        entries.issue_type,
        entries.priority,
        entries.labels,
        entries.description,
        entries.start_time,
        entries.end_time,
        entries.duration_seconds,
        entries.allocated_seconds,
        entries.local_date,
        entries.is_billable and (entries.source != 'claude_session' or ranked.classification = 'billable') as billable,
        entries.is_running,
        entries.is_rejected,
        entries.is_approved,
        ranked.classification,
        ranked.exclusion,
        ranked.hourly_rate,
        ranked.rate_source,
        entries.context,
        ranked.counts_logged_elsewhere,
        case
            when ranked.own_reason is not null then ranked.own_reason
            when ranked.claims_by_contract then null
            when best_claims.is_day_of_contract and (ranked.source != 'manual' or ranked.claim is null) then 'superseded'
            when best_claims.is_day_of_contract then null
            when ranked.claim is null or ranked.claim > best_claims.best_claim then 'superseded'
        end as not_counted_reason
    from ranked
    inner join entries on ranked.id = entries.id
    inner join best_claims
        on
            ranked.person_key = best_claims.person_key
            and ranked.client_key = best_claims.client_key
            and ranked.local_date = best_claims.local_date
)

select * from final
