with

source_rows as (
    {{ reference_rows('billing_rules') }}
),

final as (
    select
        trim(project) as project,
        rule_type,
        rate_cents,
        upper(currency) as currency,
        coalesce(rounding_increment_minutes, 0) as rounding_increment_minutes,
        coalesce(overtime_multiplier, 1) as overtime_multiplier,
        cap_hours,
        retainer_hours,
        effective_from,
        effective_to,
        coalesce(metadata, '{}'::jsonb) as metadata,
        row_number,
        row_key,
        is_deleted,
        deleted_at
    from source_rows
)

select * from final
