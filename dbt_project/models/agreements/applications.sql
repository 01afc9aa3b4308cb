{{ config(indexes=[
    {'columns': ['application_id'], 'unique': true},
    {'columns': ['client_id', 'application_type']},
    {'columns': ['customer_id']},
    {'columns': ['application_type']},
    {'columns': ['start_date', 'end_date']},
    {'columns': ['end_date']},
]) }}

with

applications as (
    select * from {{ ref('stg_clickhouse__applications') }}
),

identified as (
    select * from {{ ref('int_agreements__applications') }}
),

final as (
    select
        applications.application_id,
        applications.customer_id,
        identified.client_id,
        applications.name,
        applications.application_type,
        array(select jsonb_array_elements_text(applications.labels)) as labels,
        applications.currency,
        applications.hourly_rate,
        applications.base_amount,
        applications.monthly_limit_hours,
        applications.overtime_rate,
        applications.monitoring_amount,
        applications.min_billable_seconds,
        applications.calendar,
        applications.start_date,
        applications.end_date,
        applications.is_deleted,
        applications.deleted_at
    from applications
    inner join identified on applications.application_id = identified.application_id
)

select * from final
