with

source_rows as (
    select * from {{ source('clickhouse', 'cdm_applications') }}
),

final as (
    select
        application_id,
        customer_id,
        name,
        application_type,
        coalesce(labels, '[]'::jsonb) as labels,
        currency,
        hourly_rate::numeric(12, 4) as hourly_rate,
        base_amount::numeric(14, 2) as base_amount,
        monthly_limit_hours::numeric(12, 4) as monthly_limit_hours,
        overtime_rate::numeric(12, 4) as overtime_rate,
        monitoring_amount::numeric(14, 2) as monitoring_amount,
        coalesce(min_billable_seconds, 1800) as min_billable_seconds,
        calendar,
        start_date,
        end_date,
        is_deleted,
        deleted_at,
        loaded_at
    from source_rows
)

select * from final
