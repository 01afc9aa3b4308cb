{% set measures = ['accrued', 'accrued_later', 'invoiced', 'received', 'labour_cost', 'ai_cost'] %}
with

amounts as (
    select * from {{ ref('int_money__amounts') }}
),

entries as (
    select * from {{ ref('time_entries') }}
    where is_counted
),

clients as (
    select * from {{ ref('clients') }}
),

client_terms as (
    select * from {{ ref('int_agreements__client_terms_by_day') }}
),

rates as (
    select * from {{ ref('int_money__exchange_rates') }}
),

currencies as (
    select * from {{ ref('stg_reference__currencies') }}
),

agency as (
    select
        *,
        {{ month_of(as_of_date('timezone')) }} as last_month
    from {{ ref('int_identity__agency') }}
),

developer_costs as (
    select * from {{ ref('developer_costs') }}
    where monthly_cost is not null or cost_rate is not null
),

counted as (
    select
        coalesce(entries.client_id, {{ bench() }}) as client_id,
        {{ month_of('entries.local_date') }} as month,
        sum(entries.allocated_seconds) as counted_seconds
    from entries
    cross join agency
    where {{ month_of('entries.local_date') }} <= agency.last_month
    group by coalesce(entries.client_id, {{ bench() }}), month
),

-- Before that month the cost of work is unknown, which is not 0. An empty valid_from means always; without a row no month is known.
first_costs as (
    select
        coalesce(
            {{ month_of("min(coalesce(valid_from, '-infinity'))") }}, 'infinity'
        ) as month
    from developer_costs
),

-- As long as no invoice is issued, nothing is known of them, which is not 0.
invoicing as (
    select count(*) > 0 as has_begun
    from amounts
    where measure = 'invoiced'
),

members as (
    select client_id from amounts
    union
    select client_id from counted
),

-- Every client and those below it; a client that appears twice, as in a cycle, counts once.
families as (
    with recursive descendants (client_id, member_id) as (
        select
            id as client_id,
            id as member_id
        from clients
        union
        select
            descendants.client_id,
            clients.id as member_id
        from descendants
        inner join clients on descendants.member_id = clients.parent_client_id
    )

    select * from descendants
    union
    select
        client_id,
        client_id as member_id
    from members
),

-- Three sums over the same rows: one client, the client with those below it, the whole agency.
sums as (
    select
        'client' as kind,
        client_id,
        client_id as member_id
    from members
    union all
    select
        'family' as kind,
        client_id,
        member_id
    from families
    union all
    select
        'agency' as kind,
        'agency' as client_id,
        client_id as member_id
    from members
),

happened as (
    select
        client_id,
        month,
        counted_seconds
    from counted
    union all
    select
        client_id,
        month,
        null as counted_seconds
    from amounts
),

months as (
    select
        sums.kind,
        sums.client_id,
        happened.month,
        agency.currency as agency_currency,
        coalesce(client_terms.currency, agency.currency) as client_currency,
        coalesce(sum(happened.counted_seconds), 0)::bigint as counted_seconds
    from sums
    cross join agency
    inner join happened on sums.member_id = happened.client_id
    left join client_terms
        on
            sums.client_id = client_terms.client_id
            and {{ month_end('happened.month') }} between client_terms.valid_from and client_terms.valid_to
    group by sums.kind, sums.client_id, happened.month, agency.currency, client_terms.currency
),

-- Each amount in the agency's currency and in the currency of the client to whose sum it is added.
targeted as (
    select
        months.kind,
        months.client_id,
        months.month,
        months.agency_currency,
        sums.member_id,
        amounts.measure,
        amounts.currency,
        amounts.amount,
        amounts.missing_currency,
        amounts.is_unpriced,
        targets.target,
        targets.target_currency
    from months
    inner join sums on months.kind = sums.kind and months.client_id = sums.client_id
    inner join amounts on sums.member_id = amounts.client_id and months.month = amounts.month
    cross join lateral (
        values
        ('agency', months.agency_currency),
        ('client', months.client_currency)
    ) as targets (target, target_currency)
),

converted_amounts as (
    select
        targeted.*,
        {{ converted('targeted.amount', 'targeted.currency', 'targeted.target_currency', 'rates.rate') }} as converted_amount,
        {{ decimals_of('currencies') }} as decimals
    from targeted
    left join currencies on targeted.target_currency = currencies.currency
    left join rates on {{ rate_of_month('rates', 'targeted.currency', 'targeted.target_currency', 'targeted.month') }}
),

-- Converted and then rounded, for each client; a family's sum is the sum of its clients' rows.
rounded as (
    select
        kind,
        client_id,
        month,
        member_id,
        measure,
        target,
        bool_and(is_unpriced) as is_unpriced,
        case when bool_and(converted_amount is not null) then round(sum(converted_amount), min(decimals)) end as amount
    from converted_amounts
    group by kind, client_id, month, member_id, measure, target
),

-- An unknown price of answers is skipped if others are known; a missing rate makes the sum null (rules 5.21 and 9.9).
added as (
    select
        kind,
        client_id,
        month,
        measure,
        target,
        bool_and(is_unpriced) as is_unpriced,
        case when bool_and(amount is not null or is_unpriced) then sum(amount) end as amount
    from rounded
    group by kind, client_id, month, measure, target
),

pivoted as (
    select
        {% for measure in measures -%}
            {%- set of_agency = "filter (where measure = '" ~ measure ~ "' and target = 'agency')" -%}
            {%- set of_client = "filter (where measure = '" ~ measure ~ "' and target = 'client')" -%}
            case when count(*) {{ of_agency }} > 0 then max(amount) {{ of_agency }} else 0 end as agency_{{ measure }},
            case when count(*) {{ of_client }} > 0 then max(amount) {{ of_client }} else 0 end as client_{{ measure }},
        {% endfor -%}
        kind,
        client_id,
        month
    from added
    group by kind, client_id, month
),

-- What a person must look at, in the form of a prefill's warnings.
problems as (
    select
        kind,
        client_id,
        month,
        jsonb_build_object(
            'code', 'missing_exchange_rate',
            'detail',
            'fx_rates.csv has no rate from ' || coalesce(missing_currency, currency) || ' to '
            || case when missing_currency is null then target_currency else agency_currency end
            || ' on or before ' || to_char({{ month_end('month') }}, 'FMDD Mon YYYY') || '.'
        ) as problem
    from converted_amounts
    where converted_amount is null and not is_unpriced
    union
    select
        kind,
        client_id,
        month,
        jsonb_build_object(
            'code', 'unknown_ai_cost',
            'detail', 'No answer of the month has a known price: see reports.unpriced_models.'
        ) as problem
    from added
    where measure = 'ai_cost' and target = 'agency' and is_unpriced
    union
    select
        months.kind,
        months.client_id,
        months.month,
        jsonb_build_object(
            'code', 'unknown_labour_cost',
            'detail', 'developer_costs.csv states no cost for this month or any before.'
        ) as problem
    from months
    cross join first_costs
    where months.month < first_costs.month
),

warnings as (
    select
        kind,
        client_id,
        month,
        jsonb_agg(problem order by problem) as warnings
    from problems
    group by kind, client_id, month
),

summed as (
    select
        months.kind,
        months.client_id,
        months.month,
        months.agency_currency as currency,
        months.client_currency,
        months.counted_seconds,
        {% for measure in measures -%}
            {%- set unknown = {
                'labour_cost': 'when months.month < first_costs.month then null',
                'invoiced': 'when not invoicing.has_begun then null',
            }.get(measure, '') %}
            case {{ unknown }} when pivoted.client_id is null then 0 else pivoted.agency_{{ measure }} end::numeric(14, 2) as agency_{{ measure }},
            case {{ unknown }} when pivoted.client_id is null then 0 else pivoted.client_{{ measure }} end::numeric(14, 2) as client_{{ measure }},
        {% endfor -%}
        coalesce(warnings.warnings, '[]'::jsonb) as warnings,
        invoicing.has_begun as has_invoices
    from months
    cross join first_costs
    cross join invoicing
    left join pivoted
        on
            months.kind = pivoted.kind
            and months.client_id = pivoted.client_id
            and months.month = pivoted.month
    left join warnings
        on
            months.kind = warnings.kind
            and months.client_id = warnings.client_id
            and months.month = warnings.month
),

final as (
    select
        *,
        agency_accrued - agency_labour_cost - agency_ai_cost as agency_margin,
        client_accrued - client_labour_cost - client_ai_cost as client_margin
    from summed
)

select * from final
