{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['clockify_id']},
    {'columns': ['client_id']},
    {'columns': ['default_billing_rule_id']},
    {'columns': ['status']},
    {'columns': ['contract_id']},
]) }}

with

projects as (
    select * from {{ ref('int_identity__projects') }}
),

project_terms as (
    select * from {{ ref('int_agreements__project_terms') }}
),

project_classes as (
    select * from {{ ref('int_agreements__project_classes') }}
),

billing_rules as (
    select * from {{ ref('int_agreements__billing_rules') }}
    where not is_deleted
),

row_history as (
    select * from {{ ref('int_identity__row_history') }}
    where file = 'projects'
),

agency as (
    select
        *,
        {{ as_of_date('timezone') }} as as_of_date
    from {{ ref('int_identity__agency') }}
),

final as (
    select
        projects.project_id as id,
        projects.clockify_id,
        project_terms.client_id,
        projects.name,
        project_terms.hourly_rate,
        project_terms.contract_id,
        billing_rules.billing_rule_id as default_billing_rule_id,
        project_classes.classification,
        projects.jira_project_key,
        projects.labels,
        projects.status,
        projects.is_deleted,
        projects.deleted_at,
        row_history.created_at,
        row_history.updated_at
    from projects
    cross join agency
    left join project_terms
        on
            projects.project_id = project_terms.project_id
            and agency.as_of_date between project_terms.valid_from and project_terms.valid_to
    left join project_classes on projects.project_id = project_classes.project_id
    left join billing_rules
        on
            projects.project_id = billing_rules.project_id
            and agency.as_of_date between billing_rules.effective_from and billing_rules.effective_to
    left join row_history on projects.row_key = row_history.row_key
)

select * from final
