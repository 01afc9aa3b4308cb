{# No report of hours loses or repeats a second, and no report of overage a cent. #}
{% set reports = ['employee_time', 'client_activity', 'service_category', 'location', 'daily_time_by_project'] %}
with

entries as (
    select coalesce(sum(allocated_seconds), 0) as seconds
    from {{ ref('time_entries') }}
    where is_counted
),

periods as (
    select
        coalesce(sum(round(used_hours * 3600)), 0) as used_seconds,
        coalesce(sum(total_overage_amount), 0) as overage_amount
    from {{ ref('contract_periods') }}
    where not is_deleted
),

reported as (
    {% for report in reports %}
        select
            '{{ report }}' as report,
            (select entries.seconds from entries) as expected,
            coalesce(sum({{ report }}.counted_seconds), 0) as found
        from {{ ref(report) }}
        union all
    {% endfor %}
    select
        'monthly_usage' as report,
        (select periods.used_seconds from periods) as expected,
        coalesce(sum(monthly_usage.used_seconds), 0) as found
    from {{ ref('monthly_usage') }}
    where monthly_usage.contract_period_id is not null
    union all
    select
        'overage' as report,
        (select periods.overage_amount from periods) as expected,
        coalesce(sum(overage.overage_amount), 0) as found
    from {{ ref('overage') }}
)

select * from reported
where expected != found
