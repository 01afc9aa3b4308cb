{{ config(pre_hook="{{ allow_large_sorts() }}") }}

{% set engines = ['application', 'rule', 'terms', 'fixed_line'] %}
with

summed_parts as (
    select * from {{ ref('int_billing__hours') }}
),

amounts as (
    {% for engine in engines %}
        select * from {{ ref('int_billing__' ~ engine ~ '_amounts') }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

currencies as (
    select * from {{ ref('stg_reference__currencies') }}
),

projects as (
    select * from {{ ref('int_identity__projects') }}
),

contracts as (
    select * from {{ ref('int_agreements__contracts') }}
),

periods as (
    select
        *,
        to_char(period_start, 'FMDD Mon YYYY') || ' to ' || to_char(period_end, 'FMDD Mon YYYY') as days_text
    from {{ ref('int_billing__contract_periods') }}
),

rules as (
    select * from {{ ref('int_agreements__billing_rules') }}
),

applications as (
    select * from {{ ref('int_agreements__applications') }}
),

-- Summary of an issue, from the API, else from the mirror.
summaries as (
    select distinct on (issue_key)
        issue_key,
        summary
    from (
        select
            issue_key,
            summary,
            1 as preference
        from {{ ref('stg_jira__issues') }}
        union all
        select
            issue_key,
            summary,
            2 as preference
        from {{ ref('stg_clickhouse__issues') }}
    ) as stated_summaries
    where summary is not null
    order by issue_key, preference
),

hours as (
    select
        line_key,
        min(client_id) as client_id,
        min(currency) as currency,
        min(invoice_month) as invoice_month,
        min(basis) as basis,
        min(line_type) as line_type,
        min(rate_tier) as rate_tier,
        min(application_id) as application_id,
        min(contract_id) as contract_id,
        min(contract_period_id) as contract_period_id,
        min(billing_rule_id) as billing_rule_id,
        min(project_id) as project_id,
        min(issue_key) as issue_key,
        null::text as description,
        sum(raw_seconds)::bigint as raw_seconds,
        sum(billable_seconds)::bigint as billable_seconds,
        sum(observed_seconds)::bigint as observed_seconds,
        round(sum(billable_seconds) / 3600.0, 4) as quantity,
        min(unit_price) as unit_price,
        min(rate_multiplier) as rate_multiplier,
        -- Rounded below: once, on the line, from exact seconds, half away from zero, to the currency's own decimals (rule 1.6).
        sum(billable_seconds) * min(unit_price) * min(rate_multiplier) / 3600 as line_total,
        string_agg(distinct rate_source, ', ' order by rate_source) as rate_source
    from summed_parts
    group by line_key
),

-- Each fixed amount is a line of its own; a number in order of amount distinguishes equal ones.
keyed_amounts as (
    select
        *,
        concat_ws('|', {{ line_place() }}, 'amount', case when basis = 'fixed_line' then description else '' end) as amount_key
    from amounts
),

numbered_amounts as (
    select
        *,
        row_number() over (partition by amount_key order by amount, description) as ordinal
    from keyed_amounts
),

exact_lines as (
    select
        line_key,
        client_id,
        currency,
        invoice_month,
        basis,
        line_type,
        rate_tier,
        application_id,
        contract_id,
        contract_period_id,
        billing_rule_id,
        project_id,
        issue_key,
        description,
        raw_seconds,
        billable_seconds,
        quantity,
        unit_price,
        rate_multiplier,
        line_total,
        rate_source,
        false as is_fixed_amount,
        observed_seconds
    from hours
    union all
    select
        amount_key || '|' || ordinal as line_key,
        client_id,
        currency,
        invoice_month,
        basis,
        line_type,
        rate_tier,
        application_id,
        contract_id,
        contract_period_id,
        billing_rule_id,
        project_id,
        issue_key,
        description,
        0 as raw_seconds,
        0 as billable_seconds,
        1 as quantity,
        amount as unit_price,
        1 as rate_multiplier,
        amount as line_total,
        rate_source,
        true as is_fixed_amount,
        0 as observed_seconds
    from numbered_amounts
),

rounded as (
    select
        exact_lines.*,
        round(exact_lines.line_total, {{ decimals_of('currencies') }}) as rounded_total
    from exact_lines
    left join currencies on exact_lines.currency = currencies.currency
),

-- What the client reads.
described as (
    select
        rounded.*,
        coalesce(
            rounded.description,
            case rounded.basis
                when 'application'
                    then
                        coalesce(rounded.issue_key || coalesce(' ' || summaries.summary, ''), applications.name, 'Work')
                        || ': '
                        || case rounded.line_type
                            when 'incident_critical' then 'critical incident outside business hours'
                            when 'incident' then 'incident'
                            when 'meeting' then 'meeting' || case when rounded.rate_tier = 'off_hours' then ' outside business hours' else '' end
                            when 'off_hours' then 'work outside business hours'
                            when 'overtime'
                                then
                                    -- Lines of different tiers need different texts.
                                    case rounded.rate_tier
                                        when 'p1_p3_off_hours' then 'critical incident outside business hours'
                                        when 'p1_p3' then 'incident'
                                        when 'off_hours' then 'work outside business hours'
                                        else 'work'
                                    end
                                    || ' beyond the monthly limit of ' || {{ hours_text('applications.monthly_limit_hours') }} || ' hours'
                            else 'work'
                        end
                        || ', ' || {{ month_text('rounded.invoice_month') }}
                        || case when rounded.unit_price = 0 then ' (covered)' else '' end
                when 'contract'
                    then
                        contracts.name || ' (' || contracts.contract_number || '): '
                        || case rounded.line_type
                            when 'included' then 'included hours, ' || periods.days_text
                            when 'overage'
                                then
                                    'hours beyond the included ' || {{ hours_text('periods.allocated_hours') }} || ', '
                                    || periods.days_text
                            else 'hours, ' || {{ month_text('rounded.invoice_month') }}
                        end
                when 'billing_rule'
                    then
                        projects.name || ': '
                        || case rounded.line_type
                            when 'overtime' then 'overtime beyond 8 hours a day'
                            when 'overage' then 'hours beyond the retainer of ' || {{ hours_text('rules.retainer_hours') }} || ' hours'
                            when 'covered'
                                then 'hours covered by the ' || case rules.rule_type when 'fixed' then 'fixed price' else 'retainer' end
                            else 'hours'
                        end
                        || ', ' || {{ month_text('rounded.invoice_month') }}
                        || case
                            when rules.rounding_increment_minutes > 0 and rounded.line_type != 'covered'
                                then ' (rounded up to ' || rules.rounding_increment_minutes || ' minutes)'
                            else ''
                        end
                when 'client_terms'
                    then
                        coalesce(projects.name, 'Work without a project') || ': '
                        || case rounded.line_type when 'covered' then 'hours covered by the retainer' else 'hours' end
                        || ', ' || {{ month_text('rounded.invoice_month') }}
            end
        )
        -- Logged and observed hours share a line, whose text gives both.
        || case
            when rounded.observed_seconds > 0 and rounded.observed_seconds < rounded.raw_seconds
                then
                    ' (' || {{ short_clock_text('rounded.raw_seconds - rounded.observed_seconds') }} || ' logged, '
                    || {{ short_clock_text('rounded.observed_seconds') }} || ' observed)'
            else ''
        end as client_description,
        case rounded.basis
            when 'application'
                then
                    jsonb_build_object(
                        'name', applications.name,
                        'application_type', applications.application_type,
                        'currency', applications.currency,
                        'hourly_rate', trim_scale(applications.hourly_rate),
                        'base_amount', trim_scale(applications.base_amount),
                        'monthly_limit_hours', trim_scale(applications.monthly_limit_hours),
                        'overtime_rate', trim_scale(applications.overtime_rate),
                        'monitoring_amount', trim_scale(applications.monitoring_amount),
                        'min_billable_seconds', applications.min_billable_seconds,
                        'calendar', applications.calendar,
                        'rate_multiplier', trim_scale(rounded.rate_multiplier)
                    )
            when 'contract'
                then
                    jsonb_build_object(
                        'contract_number', contracts.contract_number,
                        'type', contracts.type,
                        'billing_cycle', contracts.billing_cycle,
                        'period_start', periods.period_start,
                        'period_end', periods.period_end,
                        'allocated_hours', trim_scale(periods.allocated_hours),
                        'standard_rate',
                        trim_scale(
                            case when periods.contract_period_id is null then rounded.unit_price else periods.standard_rate end
                        ),
                        'overage_rate', trim_scale(periods.overage_rate)
                    )
            when 'billing_rule'
                then
                    jsonb_build_object(
                        'rule_type', rules.rule_type,
                        'rate_cents', rules.rate_cents,
                        'currency', rules.currency,
                        'rounding_increment_minutes', rules.rounding_increment_minutes,
                        'overtime_multiplier', trim_scale(rules.overtime_multiplier),
                        'cap_hours', trim_scale(rules.cap_hours),
                        'retainer_hours', trim_scale(rules.retainer_hours),
                        'effective_from', nullif(rules.effective_from, '-infinity'),
                        'effective_to', nullif(rules.effective_to, 'infinity'),
                        'metadata', rules.metadata
                    )
            when 'client_terms'
                then
                    jsonb_build_object(
                        'billing_model', case rounded.line_type when 'hourly' then 'hourly' else 'retainer' end,
                        'hourly_rate', case when rounded.line_type = 'hourly' then trim_scale(rounded.unit_price) end,
                        'retainer_amount', case when rounded.line_type = 'retainer' then trim_scale(rounded.unit_price) end
                    )
            when 'fixed_line' then jsonb_build_object('amount', trim_scale(rounded.unit_price))
        end as billing_rule_snapshot
    from rounded
    left join projects on rounded.project_id = projects.project_id
    left join contracts on rounded.contract_id = contracts.contract_id
    left join periods on rounded.contract_period_id = periods.contract_period_id
    left join applications on rounded.application_id = applications.application_id
    left join summaries on rounded.issue_key = summaries.issue_key
    left join rules on rounded.billing_rule_id = rules.billing_rule_id
),

final as (
    select
        {{ hashed_identifier('LIN', 'line_key', 'invoice_month') }} as line_id,
        line_key,
        client_id,
        currency,
        invoice_month,
        basis,
        line_type,
        rate_tier,
        application_id,
        contract_id,
        contract_period_id,
        billing_rule_id,
        project_id,
        issue_key,
        client_description as description,
        raw_seconds,
        billable_seconds,
        quantity,
        case when is_fixed_amount then rounded_total else unit_price end as unit_price,
        rate_multiplier,
        rounded_total as line_total,
        rate_source,
        jsonb_strip_nulls(billing_rule_snapshot) as billing_rule_snapshot,
        is_fixed_amount,
        case when not is_fixed_amount then raw_seconds - observed_seconds end as logged_seconds,
        case when not is_fixed_amount then observed_seconds end as observed_seconds
    from described
)

select * from final
