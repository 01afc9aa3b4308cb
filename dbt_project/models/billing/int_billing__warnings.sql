{# The client that billed time belongs to, even if another one pays for it. #}
{% set owner = 'case when parts.contract_id is null then entries.project_client_id else entries.client_id end' %}
{%- set files_of_bills = reference_files() | reject('in', [
    'accounts', 'client_contacts', 'developer_costs', 'fx_rates', 'model_prices', 'price_multipliers', 'transaction_rules'
]) %}

with

lines as (
    select * from {{ ref('int_billing__lines') }}
),

parts as (
    select * from {{ ref('int_billing__parts') }}
),

prefills as (
    select * from {{ ref('int_billing__prefills') }}
),

unbilled as (
    select * from {{ ref('int_billing__unbilled') }}
    where client_id is not null
),

entries as (
    select * from {{ ref('int_billing__routed_entries') }}
    where client_id is not null
),

client_sources as (
    select distinct
        client_id,
        source
    from {{ ref('int_billing__routed_entries') }}
),

rejected_entries as (
    select * from {{ ref('int_time__decided_entries') }}
    where not_counted_reason in ('running', 'zero_length') and client_id is not null and source != 'claude_session'
),

client_terms as (
    select * from {{ ref('int_agreements__client_terms_by_day') }}
),

clients as (
    select * from {{ ref('int_identity__clients') }}
),

projects as (
    select * from {{ ref('int_identity__projects') }}
),

applications as (
    select * from {{ ref('int_agreements__applications') }}
),

contracts as (
    select * from {{ ref('int_agreements__contracts') }}
),

contract_terms as (
    select * from {{ ref('int_agreements__contract_terms') }}
),

periods as (
    select * from {{ ref('int_billing__contract_periods') }}
),

rules as (
    select * from {{ ref('int_agreements__billing_rules') }}
),

stale_sources as (
    select * from {{ ref('int_billing__stale_sources') }}
),

rejected_files as (
    select * from {{ ref('stg_reference__rejected_files') }}
),

loads as (
    select * from {{ ref('int_staging__loads') }}
),

retainer_warnings as (
    select * from {{ ref('int_billing__retainer_warnings') }}
),

time_warnings as (
    select * from {{ ref('int_billing__time_warnings') }}
),

agency as (
    select
        *,
        {{ as_of_date('timezone') }} as as_of_date
    from {{ ref('int_identity__agency') }}
),

-- Why an hour has no price: the first thing that is missing.
unpriced as (
    select
        unbilled.client_id,
        unbilled.invoice_month,
        unbilled.seconds,
        case
            when unbilled.basis = 'application' then 'application ' || applications.name || ' states no rate for them'
            when unbilled.basis = 'contract' then 'contract ' || contracts.contract_number || ' states no standard rate'
            when not client_terms.is_agreed then 'no client terms are in force'
            when client_terms.billing_model = 'retainer' then 'the retainer of the client terms states no amount'
            when unbilled.project_id is null then 'they name no project'
            else 'project ' || projects.name || ' has no hourly rate'
        end as what_is_missing
    from unbilled
    inner join client_terms
        on
            unbilled.client_id = client_terms.client_id
            and unbilled.local_date between client_terms.valid_from and client_terms.valid_to
    left join applications on unbilled.application_id = applications.application_id
    left join contracts on unbilled.contract_id = contracts.contract_id
    left join projects on unbilled.project_id = projects.project_id
    where unbilled.reason = 'no_rate'
),

missing_rates as (
    select
        client_id,
        null::text as currency,
        invoice_month,
        'missing_rate' as code,
        {{ clock_text('sum(seconds)') }} || ' are not billed: ' || what_is_missing as detail
    from unpriced
    group by client_id, invoice_month, what_is_missing
),

out_of_contract as (
    select
        unbilled.client_id,
        unbilled.invoice_month,
        unbilled.seconds,
        case
            when contracts.contract_id is null then 'the contract that they name is unknown'
            when contracts.is_deleted then 'contract ' || contracts.contract_number || ' is no longer on file'
            when unbilled.local_date < contracts.start_date
                then 'contract ' || contracts.contract_number || ' begins on ' || contracts.start_date
            when unbilled.local_date > contracts.end_date and not contracts.auto_renew
                then 'contract ' || contracts.contract_number || ' ended on ' || contracts.end_date
            else 'contract ' || contracts.contract_number || ' is ' || contract_terms.status
        end as what_is_wrong
    from unbilled
    left join contracts on unbilled.contract_id = contracts.contract_id
    left join contract_terms
        on
            unbilled.contract_id = contract_terms.contract_id
            and unbilled.local_date between contract_terms.valid_from and contract_terms.valid_to
    where unbilled.reason = 'contract_inactive'
),

inactive_contracts as (
    select
        client_id,
        null::text as currency,
        invoice_month,
        'contract_inactive' as code,
        {{ clock_text('sum(seconds)') }} || ' are not billed: ' || what_is_wrong as detail
    from out_of_contract
    group by client_id, invoice_month, what_is_wrong
),

capped as (
    select
        unbilled.client_id,
        null::text as currency,
        unbilled.invoice_month,
        'capped' as code,
        {{ clock_text('sum(unbilled.seconds)') }} || ' of ' || projects.name || ' are not billed: they lie beyond the cap of '
        || {{ hours_text('rules.cap_hours') }} || ' hours' as detail
    from unbilled
    inner join rules on unbilled.billing_rule_id = rules.billing_rule_id
    inner join projects on unbilled.project_id = projects.project_id
    where unbilled.reason = 'capped'
    group by unbilled.client_id, unbilled.invoice_month, projects.name, rules.billing_rule_id, rules.cap_hours
),

-- Use of allowances: periods of contracts, hours of retainers, caps, limits of applications.
allowances as (
    select
        lines.client_id,
        lines.currency,
        lines.invoice_month,
        'contract ' || contracts.contract_number || ', ' || periods.period_start || ' to ' || periods.period_end as name,
        sum(lines.billable_seconds) as used_seconds,
        periods.allocated_hours as allowed_hours
    from lines
    inner join contracts on lines.contract_id = contracts.contract_id
    inner join periods on lines.contract_period_id = periods.contract_period_id
    group by
        lines.client_id, lines.currency, lines.invoice_month, contracts.contract_number, periods.contract_period_id,
        periods.period_start, periods.period_end, periods.allocated_hours
    union all
    select
        lines.client_id,
        lines.currency,
        lines.invoice_month,
        case rules.rule_type when 'hourly' then 'cap' else 'retainer' end || ' of ' || projects.name as name,
        sum(lines.billable_seconds) as used_seconds,
        case rules.rule_type when 'hourly' then rules.cap_hours else rules.retainer_hours end as allowed_hours
    from lines
    inner join rules on lines.billing_rule_id = rules.billing_rule_id
    inner join projects on lines.project_id = projects.project_id
    where rules.rule_type in ('hourly', 'retainer')
    group by
        lines.client_id, lines.currency, lines.invoice_month, rules.billing_rule_id, rules.rule_type, projects.name,
        rules.cap_hours, rules.retainer_hours
    union all
    select
        lines.client_id,
        lines.currency,
        lines.invoice_month,
        'application ' || applications.name as name,
        sum(lines.billable_seconds) as used_seconds,
        applications.monthly_limit_hours as allowed_hours
    from lines
    inner join applications on lines.application_id = applications.application_id
    where applications.application_type = 'SUP'
    group by
        lines.client_id, lines.currency, lines.invoice_month, applications.application_id, applications.name,
        applications.monthly_limit_hours
),

allowance_alerts as (
    select
        client_id,
        currency,
        invoice_month,
        case when used_seconds >= allowed_hours * 3600 then 'allowance_100' else 'allowance_80' end as code,
        {{ clock_text('used_seconds') }} || ' of ' || {{ hours_text('allowed_hours') }} || ' hours are used: ' || name as detail
    from allowances
    where used_seconds > 0 and used_seconds >= allowed_hours * 3600 * 0.8
),

-- A price that is written but is not a number must not make the hours covered.
unreadable_prices as (
    select distinct
        lines.client_id,
        lines.currency,
        lines.invoice_month,
        'missing_rate' as code,
        'overage_rate_cents of the retainer of ' || projects.name || ' is no number: hours beyond are covered' as detail
    from lines
    inner join rules on lines.billing_rule_id = rules.billing_rule_id
    inner join projects on lines.project_id = projects.project_id
    where
        rules.rule_type = 'retainer'
        and rules.metadata ? 'overage_rate_cents'
        and {{ overage_rate_cents('rules.metadata') }} is null
),

currency_mismatches as (
    select distinct
        lines.client_id,
        lines.currency,
        lines.invoice_month,
        'currency_mismatch' as code,
        'lines in ' || lines.currency || ', but the client''s terms of ' || {{ month_end('lines.invoice_month') }} || ' are in '
        || client_terms.currency as detail
    from lines
    inner join client_terms
        on
            lines.client_id = client_terms.client_id
            and {{ month_end('lines.invoice_month') }} between client_terms.valid_from and client_terms.valid_to
    where lines.currency != client_terms.currency
    union all
    select distinct
        lines.client_id,
        lines.currency,
        lines.invoice_month,
        'currency_mismatch' as code,
        'the hourly rate of ' || projects.name || ' is in ' || projects.clockify_hourly_rate_currency || ' in Clockify, its line in '
        || lines.currency as detail
    from lines
    inner join projects on lines.project_id = projects.project_id
    where lines.rate_source like '%clockify%' and lines.currency != projects.clockify_hourly_rate_currency
),

-- The few entries that may need a warning.
billed_entries as (
    select
        parts.client_id,
        parts.invoice_month,
        parts.raw_seconds,
        parts.application_id,
        parts.contract_id,
        entries.developer_id,
        entries.person_key,
        entries.application_count,
        {{ owner }} as owner_client_id,
        entries.hourly_rate,
        entries.project_id,
        entries.basis
    from parts
    inner join entries on parts.time_entry_id = entries.time_entry_id
    where
        parts.unbilled_reason is null
        and (
            entries.developer_id is null
            or entries.application_count > 1
            or parts.client_id != {{ owner }}
            or (entries.basis = 'client_terms' and entries.hourly_rate is not null)
        )
),

unknown_people as (
    select
        client_id,
        null::text as currency,
        invoice_month,
        'unresolved_time' as code,
        {{ clock_text('sum(raw_seconds)') }} || ' were worked by accounts that developers.csv does not know: '
        || count(distinct person_key) as detail
    from billed_entries
    where developer_id is null
    group by client_id, invoice_month
),

unreadable_time as (
    select
        client_id,
        null::text as currency,
        date_trunc('month', local_date)::date as invoice_month,
        'unresolved_time' as code,
        case not_counted_reason
            when 'running' then 'timers still running: '
            else 'entries without length, or that end before they start: '
        end || count(*) as detail
    from rejected_entries
    group by client_id, date_trunc('month', local_date)::date, not_counted_reason
),

several_applications as (
    select
        billed_entries.client_id,
        null::text as currency,
        billed_entries.invoice_month,
        'several_applications' as code,
        {{ clock_text('sum(billed_entries.raw_seconds)') }} || ' match several applications; ' || applications.name || ' bills them' as detail
    from billed_entries
    inner join applications on billed_entries.application_id = applications.application_id
    where billed_entries.application_count > 1
    group by billed_entries.client_id, billed_entries.invoice_month, applications.application_id, applications.name
),

-- The paying client is not the project's client.
other_clients as (
    select
        billed_entries.client_id,
        null::text as currency,
        billed_entries.invoice_month,
        'client_mismatch' as code,
        {{ clock_text('sum(billed_entries.raw_seconds)') }} || ' are billed by '
        || coalesce('application ' || applications.name, 'contract ' || contracts.contract_number)
        || ', but belong to ' || clients.name as detail
    from billed_entries
    left join applications on billed_entries.application_id = applications.application_id
    left join contracts on billed_entries.contract_id = contracts.contract_id
    inner join clients on billed_entries.owner_client_id = clients.client_id
    where billed_entries.client_id != clients.client_id and billed_entries.basis in ('application', 'contract')
    group by billed_entries.client_id, billed_entries.invoice_month, applications.name, contracts.contract_number, clients.name
),

-- Rates belong to hourly clients' projects (rule 4.2).
needless_rates as (
    select distinct
        billed_entries.client_id,
        null::text as currency,
        billed_entries.invoice_month,
        'rate_of_retainer_client' as code,
        'project ' || projects.name || ' states an hourly rate, but the client''s retainer covers its hours' as detail
    from billed_entries
    inner join projects on billed_entries.project_id = projects.project_id
    inner join client_terms
        on
            billed_entries.client_id = client_terms.client_id
            and {{ month_end('billed_entries.invoice_month') }} between client_terms.valid_from and client_terms.valid_to
    where
        billed_entries.basis = 'client_terms'
        and billed_entries.hourly_rate is not null
        and client_terms.billing_model = 'retainer'
),

missing_terms as (
    select
        prefills.client_id,
        null::text as currency,
        prefills.invoice_month,
        'missing_terms' as code,
        'no client terms are in force on ' || {{ month_end('prefills.invoice_month') }} || ': no tax is added' as detail
    from prefills
    inner join client_terms
        on
            prefills.client_id = client_terms.client_id
            and {{ month_end('prefills.invoice_month') }} between client_terms.valid_from and client_terms.valid_to
    where not client_terms.is_agreed and prefills.subtotal != 0
),

negative_subtotals as (
    select
        client_id,
        currency,
        invoice_month,
        'negative_subtotal' as code,
        'discounts exceed what is billed' as detail
    from prefills
    where subtotal < 0
),

-- A source of the client's time has been silent since before the month's end.
silent_sources as (
    select distinct
        prefills.client_id,
        null::text as currency,
        prefills.invoice_month,
        'stale_source' as code,
        stale_sources.source || ' has brought nothing new since ' || stale_sources.last_changed_on as detail
    from prefills
    cross join stale_sources
    cross join agency
    where
        stale_sources.last_changed_on <= {{ month_end('prefills.invoice_month') }}
        and prefills.invoice_month <= agency.as_of_date
        and exists (
            select 1 from client_sources
            where client_sources.client_id = prefills.client_id and client_sources.source = stale_sources.source
        )
),

-- Every month is built with the last good version of these files. The other files are about costs, banks and contacts.
refused_names as (
    select
        regexp_replace(file, '\.csv$', '') as file,
        bool_and(has_lost_rows) as has_lost_rows
    from rejected_files
    where regexp_replace(file, '\.csv$', '') in ('{{ files_of_bills | join("', '") }}')
    group by regexp_replace(file, '\.csv$', '')
),

refused_files as (
    select
        prefills.client_id,
        null::text as currency,
        prefills.invoice_month,
        'stale_source' as code,
        refused_names.file || '.csv was refused'
        || case when refused_names.has_lost_rows then ' because rows are missing in it' else '' end || '; '
        || coalesce(
            'the version of ' || {{ local_date('loads.last_changed_at', 'agency.timezone') }} || ' is in force',
            'there is no earlier version, so it counts as empty'
        ) as detail
    from refused_names
    cross join prefills
    cross join agency
    left join loads on loads.source = 'reference' and refused_names.file = loads.table_name
    group by
        prefills.client_id, prefills.invoice_month, refused_names.file, refused_names.has_lost_rows, loads.last_changed_at,
        agency.timezone
),

open_months as (
    select distinct
        prefills.client_id,
        null::text as currency,
        prefills.invoice_month,
        'month_not_over' as code,
        {{ month_text('prefills.invoice_month') }} || ' is not over on ' || agency.as_of_date || ': more may come' as detail
    from prefills
    cross join agency
    where not {{ month_is_over('prefills.invoice_month', 'agency.as_of_date') }}
),

unioned as (
    select * from missing_rates
    union all
    select * from inactive_contracts
    union all
    select * from capped
    union all
    select * from allowance_alerts
    union all
    select * from unreadable_prices
    union all
    select * from currency_mismatches
    union all
    select * from unknown_people
    union all
    select * from unreadable_time
    union all
    select * from several_applications
    union all
    select * from other_clients
    union all
    select * from needless_rates
    union all
    select * from missing_terms
    union all
    select * from negative_subtotals
    union all
    select * from silent_sources
    union all
    select * from refused_files
    union all
    select * from open_months
    union all
    select * from retainer_warnings
    union all
    select * from time_warnings
),

warned_months as (
    select distinct
        client_id,
        invoice_month
    from unioned
),

-- A month without a prefill, as under a contract invoiced quarterly, is checked with the next prefill.
next_prefills as (
    select
        warned_months.client_id,
        warned_months.invoice_month,
        min(prefills.invoice_month) as prefill_month
    from warned_months
    inner join prefills
        on
            warned_months.client_id = prefills.client_id
            and warned_months.invoice_month <= prefills.invoice_month
    group by warned_months.client_id, warned_months.invoice_month
),

placed as (
    select
        unioned.*,
        next_prefills.prefill_month
    from unioned
    inner join next_prefills
        on
            unioned.client_id = next_prefills.client_id
            and unioned.invoice_month = next_prefills.invoice_month
),

-- Warnings about a month go on each of its prefills, warnings about a currency only on that currency's prefill.
final as (
    select
        prefills.prefill_id,
        placed.code,
        placed.detail
    from placed
    inner join prefills
        on
            placed.client_id = prefills.client_id
            and placed.prefill_month = prefills.invoice_month
            and (placed.currency is null or placed.currency = prefills.currency)
)

select * from final
