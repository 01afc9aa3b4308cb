with

agency as (
    select {{ as_of_date('timezone') }} as today from {{ ref('int_identity__agency') }}
),

-- Weeks begin on Monday; the last_…_days presets end today, inclusive.
final as (
    select
        presets.preset,
        presets.label,
        presets.start_date::date as start_date,
        presets.end_date::date as end_date,
        (presets.end_date::date - presets.start_date::date + 1) as days
    from agency
    cross join lateral (
        values
        (
            'current_month', 'Current Month',
            date_trunc('month', agency.today), date_trunc('month', agency.today) + interval '1 month - 1 day'
        ),
        (
            'last_month', 'Last Month',
            date_trunc('month', agency.today) - interval '1 month', date_trunc('month', agency.today) - interval '1 day'
        ),
        ('this_week', 'This Week', date_trunc('week', agency.today), date_trunc('week', agency.today) + interval '6 days'),
        (
            'last_week', 'Last Week',
            date_trunc('week', agency.today) - interval '7 days', date_trunc('week', agency.today) - interval '1 day'
        ),
        ('this_year', 'This Year', date_trunc('year', agency.today), date_trunc('year', agency.today) + interval '1 year - 1 day'),
        (
            'last_year', 'Last Year',
            date_trunc('year', agency.today) - interval '1 year', date_trunc('year', agency.today) - interval '1 day'
        ),
        ('last_30_days', 'Last 30 Days', agency.today - interval '29 days', agency.today),
        ('last_90_days', 'Last 90 Days', agency.today - interval '89 days', agency.today),
        ('last_12_months', 'Last 12 Months', agency.today - interval '12 months' + interval '1 day', agency.today)
    ) as presets (preset, label, start_date, end_date)
)

select * from final
