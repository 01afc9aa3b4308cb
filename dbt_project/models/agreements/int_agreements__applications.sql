with

applications as (
    select * from {{ ref('stg_clickhouse__applications') }}
),

customers as (
    select * from {{ ref('stg_clickhouse__customers') }}
),

client_names as (
    select * from {{ ref('int_identity__client_names') }}
),

final as (
    select
        applications.application_id,
        -- The lowest id first, numerically where ids are numbers (rule 4.12).
        row_number() over (
            order by
                case when applications.application_id ~ '^[0-9]+$' then applications.application_id::numeric end nulls last,
                -- noqa: disable=RF02
                applications.application_id collate "C"
                -- noqa: enable=RF02
        ) as application_order,
        applications.customer_id,
        client_names.client_id,
        customers.client as client_name,
        applications.name,
        applications.application_type,
        array(
            select {{ natural_key('labels.label') }}
            from jsonb_array_elements_text(applications.labels) as labels (label)
        ) as labels,
        applications.currency,
        applications.hourly_rate,
        applications.base_amount,
        applications.monthly_limit_hours,
        applications.overtime_rate,
        applications.monitoring_amount,
        applications.min_billable_seconds,
        applications.calendar,
        coalesce(applications.start_date, '-infinity'::date) as valid_from,
        coalesce(applications.end_date, 'infinity'::date) as valid_to,
        applications.is_deleted
    from applications
    left join customers on applications.customer_id = customers.customer_id
    left join client_names on {{ natural_key('customers.client') }} = client_names.name
)

select * from final
