-- Included, overage and plain hours on lines, and contract hours without a price, are all billable seconds of contracts (rule 12.1).
with

routed as (
    select
        contract_id,
        sum(seconds) as seconds
    from {{ ref('int_billing__routed_entries') }}
    where basis = 'contract' and unbilled_reason is null
    group by contract_id
),

billed as (
    select
        contract_id,
        sum(raw_seconds) as seconds
    from {{ ref('int_billing__lines') }}
    where basis = 'contract'
    group by contract_id
),

unpriced as (
    select
        contract_id,
        sum(raw_seconds) as seconds
    from {{ ref('int_billing__parts') }}
    where basis = 'contract' and unbilled_reason is not null
    group by contract_id
)

select
    coalesce(routed.contract_id, billed.contract_id, unpriced.contract_id) as contract_id,
    routed.seconds as counted_seconds,
    billed.seconds as billed_seconds,
    unpriced.seconds as unpriced_seconds
from routed
full join billed on routed.contract_id = billed.contract_id
full join unpriced on coalesce(routed.contract_id, billed.contract_id) = unpriced.contract_id
where coalesce(routed.seconds, 0) != coalesce(billed.seconds, 0) + coalesce(unpriced.seconds, 0)
