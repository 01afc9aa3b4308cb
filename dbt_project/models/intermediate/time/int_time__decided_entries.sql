with

entries as (
    select * from {{ ref('int_time__entries') }}
),

policies as (
    select * from {{ ref('int_time__policies') }}
),

project_classes as (
    select * from {{ ref('int_identity__project_classes') }}
),

label_classes as (
    select * from {{ ref('int_identity__label_classes') }}
),

exclusions as (
    select * from {{ ref('int_identity__exclusions') }}
),

project_terms as (
    select * from {{ ref('int_identity__project_terms') }}
),

billing_rules as (
    select * from {{ ref('int_billing__rules') }}
    where not is_deleted
),

-- The strictest class of the labels that an entry itself bears (fine print, 18).
entry_classes as (
    select
        entries.id,
        max(array_position(array['billable', 'internal', 'overhead', 'excluded'], label_classes.classification)) as strictness
    from entries
    cross join lateral unnest(entries.labels) as labels (label)
    inner join label_classes on {{ natural_key('labels.label') }} = label_classes.label
    group by entries.id
),

-- Which persons are excluded on which days; excluded beats overhead_only (fine print, 19).
classified as (
    select
        entries.*,
        coalesce(
            project_classes.own_classification,
            (array['billable', 'internal', 'overhead', 'excluded'])[greatest(
                entry_classes.strictness,
                array_position(array['billable', 'internal', 'overhead', 'excluded'], project_classes.label_classification)
            )],
            'billable'
        ) as classification,
        (
            select min(exclusions.type)
            from exclusions
            where
                exclusions.person_key = entries.person_key
                and entries.local_date between exclusions.valid_from and exclusions.valid_to
        ) as exclusion,
        -- A contract has no claim on what an application bills (model, 5.4).
        coalesce(
            entries.named_contract_id,
            case when not entries.names_contract and entries.application_id is null then project_terms.contract_id end
        ) as contract_id,
        project_terms.hourly_rate,
        project_terms.rate_source,
        billing_rules.billing_rule_id
    from entries
    left join project_classes on entries.project_id = project_classes.project_id
    left join entry_classes on entries.id = entry_classes.id
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
        classified.*,
        case
            when classified.is_running then 'running'
            when classified.is_rejected then 'rejected'
            when classified.is_deleted then 'deleted'
            when classified.never_counts or classified.classification = 'excluded' or classified.exclusion = 'excluded' then 'excluded'
            when coalesce(classified.allocated_seconds, 0) <= 0 then 'zero_length'
        end as own_reason
    from classified
),

-- The person's, client's and day's policy, looked up once for each group.
groups as (
    select distinct
        person_key,
        developer_id,
        client_id,
        local_date
    from judged
),

group_policies as (
    select
        groups.*,
        policy.sources
    from groups
    cross join lateral (
        select policies.sources
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
        case
            when judged.own_reason is null then array_position(group_policies.sources, judged.source)
        end as claim,
        judged.own_reason is null and judged.source = 'manual' and judged.names_contract as claims_by_contract
    from judged
    inner join group_policies on
        judged.person_key = group_policies.person_key
        and coalesce(judged.client_id, '') = coalesce(group_policies.client_id, '')
        and judged.local_date = group_policies.local_date
),

-- Entries that could not count have no claim and do not take the day (fine print, 10).
claimed as (
    select
        ranked.*,
        min(ranked.claim) over person_client_day as best_claim,
        bool_or(ranked.claims_by_contract) over person_client_day as is_day_of_contract
    from ranked
    window person_client_day as (partition by person_key, client_id, local_date)
),

final as (
    select
        id,
        source,
        clockify_id,
        tempo_worklog_id,
        session_id,
        work_log_id,
        developer_id,
        person_key,
        client_id,
        project_client_id,
        project_id,
        contract_id,
        names_contract,
        billing_rule_id,
        application_id,
        application_count,
        service_type,
        work_location,
        issue_key,
        issue_type,
        priority,
        labels,
        description,
        start_time,
        end_time,
        duration_seconds,
        allocated_seconds,
        local_date,
        is_billable and (source != 'claude_session' or classification = 'billable') as billable,
        is_running,
        is_rejected,
        is_approved,
        classification,
        exclusion,
        hourly_rate,
        rate_source,
        context,
        case
            when own_reason is not null then own_reason
            when claims_by_contract then null
            when is_day_of_contract and (source != 'manual' or claim is null) then 'superseded'
            when is_day_of_contract then null
            when claim is null or claim > best_claim then 'superseded'
        end as not_counted_reason
    from claimed
)

select * from final
