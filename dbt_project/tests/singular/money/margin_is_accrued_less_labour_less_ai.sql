{#
    In every row of client_margin and its rollup, in both currencies, margin is accrued minus labour minus AI; and the top-level clients
    of the rollup add up to all clients, month by month (rules 9.10 and 9.11).
#}
with

margins as (
    select
        'client_margin' as mart,
        client_id,
        null as parent_client_id,
        month,
        accrued,
        labour_cost,
        ai_cost,
        margin,
        accrued_in_client_currency,
        labour_cost_in_client_currency,
        ai_cost_in_client_currency,
        margin_in_client_currency,
        received,
        counted_seconds
    from {{ ref('client_margin') }}
    union all
    select
        'client_margin_rollup' as mart,
        client_id,
        parent_client_id,
        month,
        accrued,
        labour_cost,
        ai_cost,
        margin,
        accrued_in_client_currency,
        labour_cost_in_client_currency,
        ai_cost_in_client_currency,
        margin_in_client_currency,
        received,
        counted_seconds
    from {{ ref('client_margin_rollup') }}
),

wrong_margins as (
    select
        mart,
        client_id,
        month
    from margins
    where
        margin is distinct from accrued - labour_cost - ai_cost
        or margin_in_client_currency
        is distinct from accrued_in_client_currency - labour_cost_in_client_currency - ai_cost_in_client_currency
),

totals as (
    select
        mart,
        month,
        -- An unknown amount makes both sums null.
        {% for measure in ['accrued', 'labour_cost', 'received'] -%}
            case when bool_and({{ measure }} is not null) then sum({{ measure }}) end as {{ measure }},
        {% endfor -%}
        -- Unknown prices are skipped.
        coalesce(sum(ai_cost), 0) as ai_cost,
        sum(counted_seconds) as counted_seconds
    from margins
    where parent_client_id is null
    group by mart, month
),

wrong_sums as (
    select
        'sum of ' || month as mart,
        null as client_id,
        month
    from totals
    group by month
    having count(*) != 2 or count(distinct to_jsonb(totals) - 'mart') != 1
)

select * from wrong_margins
union all
select * from wrong_sums
