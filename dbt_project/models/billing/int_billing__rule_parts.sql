{{ config(materialized='incremental', incremental_strategy='changed_months', on_schema_change='fail') }}

{# An hourly rule's overtime begins after eight hours of a developer's day on the project (rule 7.19). #}
{% set regular_day_seconds = 8 * 3600 %}
with

entries as (
    select * from {{ ref('int_billing__routed_entries') }}
    where basis = 'billing_rule' and unbilled_reason is null and {{ of_changed_months() }}
),

rules as (
    select * from {{ ref('int_agreements__billing_rules') }}
),

client_terms as (
    select * from {{ ref('int_agreements__client_terms_by_day') }}
),

-- What is rounded together: a developer's session entries of a project and day; every other entry on its own (rule 7.18).
ruled as (
    select
        entries.time_entry_id,
        entries.person_key,
        entries.client_id,
        entries.project_id,
        entries.billing_rule_id,
        entries.local_date,
        entries.start_time,
        entries.seconds,
        date_trunc('month', entries.local_date)::date as invoice_month,
        case
            when entries.source = 'claude_session'
                then concat_ws('|', entries.source, entries.person_key, entries.project_id, entries.local_date)
            else entries.time_entry_id
        end as rounding_group,
        rules.rule_type,
        rules.rate,
        rules.currency as rule_currency,
        rules.rounding_increment_minutes * 60 as increment_seconds,
        case when rules.rule_type = 'hourly' then rules.overtime_multiplier else 1 end as overtime_multiplier,
        case when rules.rule_type = 'hourly' then round(rules.cap_hours * 3600)::bigint end as cap_seconds,
        case when rules.rule_type = 'retainer' then round(rules.retainer_hours * 3600)::bigint end as retainer_seconds,
        case when rules.rule_type = 'retainer' then {{ overage_rate_cents('rules.metadata') }} / 100.0 end as overage_rate
    from entries
    inner join rules on entries.billing_rule_id = rules.billing_rule_id
),

groups as (
    select
        rounding_group,
        sum(seconds) as group_seconds,
        case
            when max(increment_seconds) > 0 then ceil(sum(seconds)::numeric / max(increment_seconds)) * max(increment_seconds)
            else sum(seconds)
        end as rounded_group_seconds
    from ruled
    group by rounding_group
),

rounded as (
    select
        ruled.*,
        {{ dealt(
            'groups.rounded_group_seconds',
            'ruled.seconds * groups.rounded_group_seconds',
            'groups.group_seconds',
            'ruled.rounding_group',
            'ruled.time_entry_id collate "C"',
        ) }} as rounded_seconds
    from ruled
    inner join groups on ruled.rounding_group = groups.rounding_group
),

with_day as (
    select
        rounded.*,
        coalesce(sum(rounded.rounded_seconds) over day_so_far, 0) as day_seconds_before
    from rounded
    window day_so_far as (
        partition by rounded.person_key, rounded.project_id, rounded.local_date
        order by {{ entry_order('rounded') }}
        rows between unbounded preceding and 1 preceding
    )
),

with_month as (
    select
        with_day.*,
        case
            when with_day.overtime_multiplier = 1 then with_day.rounded_seconds
            else greatest(least(with_day.rounded_seconds, {{ regular_day_seconds }} - with_day.day_seconds_before), 0)
        end as regular_seconds,
        coalesce(sum(with_day.rounded_seconds) over month_so_far, 0) as month_seconds_before
    from with_day
    window month_so_far as (
        partition by with_day.billing_rule_id, with_day.invoice_month
        order by {{ entry_order('with_day') }}
        rows between unbounded preceding and 1 preceding
    )
),

-- What is left of the cap or the retainer's hours when the entry begins; without a limit, all that the entry needs.
limited as (
    select
        with_month.*,
        with_month.rounded_seconds - with_month.regular_seconds as overtime_seconds,
        greatest(
            coalesce(
                coalesce(with_month.cap_seconds, with_month.retainer_seconds) - with_month.month_seconds_before,
                with_month.rounded_seconds
            ),
            0
        ) as limit_left
    from with_month
),

-- Up to three parts an entry, in the order in which they take up its raw seconds (rule 7.5).
possible_parts as (
    select
        time_entry_id,
        1 as position,
        'hourly' as line_type,
        least(regular_seconds, limit_left) as billable_seconds,
        rate as unit_price,
        1 as rate_multiplier,
        'billing_rule.rate_cents' as rate_source,
        null as unbilled_reason
    from limited
    where rule_type = 'hourly'
    union all
    select
        time_entry_id,
        2 as position,
        'overtime' as line_type,
        -- Regular seconds use the cap first (rule 7.20).
        least(overtime_seconds, greatest(limit_left - regular_seconds, 0)) as billable_seconds,
        rate as unit_price,
        overtime_multiplier as rate_multiplier,
        'billing_rule.rate_cents' as rate_source,
        null as unbilled_reason
    from limited
    where rule_type = 'hourly'
    union all
    select
        time_entry_id,
        3 as position,
        null as line_type,
        greatest(rounded_seconds - limit_left, 0) as billable_seconds,
        null as unit_price,
        null as rate_multiplier,
        null as rate_source,
        'capped' as unbilled_reason
    from limited
    where rule_type = 'hourly'
    union all
    select
        time_entry_id,
        1 as position,
        'covered' as line_type,
        case when overage_rate is null then rounded_seconds else least(rounded_seconds, limit_left) end as billable_seconds,
        0 as unit_price,
        1 as rate_multiplier,
        'billing_rule.' || rule_type as rate_source,
        null as unbilled_reason
    from limited
    where rule_type != 'hourly'
    union all
    select
        time_entry_id,
        2 as position,
        'overage' as line_type,
        greatest(rounded_seconds - limit_left, 0) as billable_seconds,
        overage_rate as unit_price,
        1 as rate_multiplier,
        'billing_rule.overage_rate_cents' as rate_source,
        null as unbilled_reason
    from limited
    where overage_rate is not null
),

parts as (
    select * from possible_parts
    where billable_seconds > 0
),

with_raw as (
    select
        parts.*,
        greatest(
            least(
                parts.billable_seconds,
                limited.seconds - coalesce(sum(parts.billable_seconds) over earlier_parts, 0)
            ),
            0
        ) as raw_seconds,
        limited.client_id,
        limited.project_id,
        limited.billing_rule_id,
        limited.local_date,
        limited.invoice_month,
        limited.rule_currency
    from parts
    inner join limited on parts.time_entry_id = limited.time_entry_id
    window earlier_parts as (
        partition by parts.time_entry_id
        order by parts.position
        rows between unbounded preceding and 1 preceding
    )
),

final as (
    select
        with_raw.time_entry_id,
        with_raw.local_date,
        with_raw.raw_seconds::bigint as raw_seconds,
        case when with_raw.unbilled_reason is null then with_raw.billable_seconds end::bigint as billable_seconds,
        case when with_raw.unbilled_reason is null then with_raw.client_id end as client_id,
        case
            when with_raw.unbilled_reason is null then coalesce(with_raw.rule_currency, client_terms.currency)
        end as currency,
        case when with_raw.unbilled_reason is null then with_raw.invoice_month end as invoice_month,
        'billing_rule' as basis,
        with_raw.line_type,
        null::text as rate_tier,
        null::text as application_id,
        null::text as contract_id,
        null::text as contract_period_id,
        with_raw.billing_rule_id,
        with_raw.project_id,
        null::text as issue_key,
        with_raw.unit_price::numeric(12, 4) as unit_price,
        with_raw.rate_multiplier::numeric(8, 4) as rate_multiplier,
        with_raw.rate_source,
        with_raw.unbilled_reason
    from with_raw
    inner join client_terms
        on
            with_raw.client_id = client_terms.client_id
            and with_raw.local_date between client_terms.valid_from and client_terms.valid_to
    -- A capped remainder without raw seconds makes no row (rule 7.5).
    where with_raw.unbilled_reason is null or with_raw.raw_seconds > 0
)

select * from final
