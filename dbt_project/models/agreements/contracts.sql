{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['contract_number'], 'unique': true},
    {'columns': ['client_id', 'status']},
    {'columns': ['client_id', 'service_category', 'status']},
    {'columns': ['service_category']},
    {'columns': ['status']},
    {'columns': ['start_date']},
    {'columns': ['end_date']},
]) }}

with

contracts as (
    select * from {{ ref('int_agreements__contracts') }}
),

terms as (
    select * from {{ ref('int_agreements__contract_terms') }}
),

agency as (
    select
        *,
        {{ as_of_date('timezone') }} as as_of_date
    from {{ ref('int_identity__agency') }}
),

row_history as (
    select * from {{ ref('int_identity__row_history') }}
    where file = 'contracts'
),

final as (
    select
        contracts.contract_id as id,
        contracts.client_id,
        contracts.contract_number,
        contracts.name,
        contracts.service_category,
        contracts.type,
        terms.status,
        contracts.start_date,
        contracts.end_date,
        contracts.auto_renew,
        terms.monthly_hours,
        terms.overage_rate,
        terms.standard_rate,
        contracts.billing_cycle,
        contracts.notification_email,
        contracts.send_monthly_report,
        contracts.description,
        contracts.notes,
        contracts.is_deleted,
        contracts.deleted_at,
        row_history.created_at,
        row_history.updated_at
    from contracts
    cross join agency
    left join terms
        on
            contracts.contract_id = terms.contract_id
            and agency.as_of_date between terms.valid_from and terms.valid_to
    left join row_history on contracts.row_key = row_history.row_key
)

select * from final
