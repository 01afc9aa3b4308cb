with

source_rows as (
    {{ reference_rows('contracts') }}
),

final as (
    select
        trim(client) as client,
        trim(contract_number) as contract_number,
        trim(name) as name,
        upper(trim(service_category)) as service_category,
        type,
        coalesce(status, 'active') as status,
        start_date,
        end_date,
        coalesce(auto_renew, false) as auto_renew,
        monthly_hours,
        overage_rate,
        standard_rate,
        coalesce(billing_cycle, 'monthly') as billing_cycle,
        notification_email,
        coalesce(send_monthly_report, true) as send_monthly_report,
        description,
        notes,
        row_number,
        row_key,
        is_deleted,
        deleted_at
    from source_rows
)

select * from final
