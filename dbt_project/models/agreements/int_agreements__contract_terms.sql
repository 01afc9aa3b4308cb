with

contracts as (
    select * from {{ ref('int_agreements__contracts') }}
),

contract_names as (
    select * from {{ ref('int_agreements__contract_names') }}
),

amendments as (
    select * from {{ ref('stg_reference__contract_terms') }}
),

-- Several clients may use the same contract name; then the cell must have the number.
named_contracts as (
    select
        name,
        case when count(distinct contract_id) = 1 then min(contract_id) end as contract_id
    from contract_names
    group by name
),

steps as (
    select
        contract_id,
        '-infinity'::date as valid_from,
        monthly_hours,
        overage_rate,
        standard_rate,
        status
    from contracts
    union all
    select
        named_contracts.contract_id,
        amendments.valid_from,
        amendments.monthly_hours,
        amendments.overage_rate,
        amendments.standard_rate,
        amendments.status
    from amendments
    inner join named_contracts on {{ natural_key('amendments.contract') }} = named_contracts.name
    where named_contracts.contract_id is not null
),

-- An empty cell keeps the value before it: each value lasts until the next row that states one.
runs as (
    select
        *,
        count(monthly_hours) over steps_so_far as monthly_hours_run,
        count(overage_rate) over steps_so_far as overage_rate_run,
        count(standard_rate) over steps_so_far as standard_rate_run,
        count(status) over steps_so_far as status_run,
        lead(valid_from) over steps_so_far as next_valid_from
    from steps
    window steps_so_far as (partition by contract_id order by valid_from)
),

final as (
    select
        contract_id,
        max(monthly_hours) over (partition by contract_id, monthly_hours_run) as monthly_hours,
        max(overage_rate) over (partition by contract_id, overage_rate_run) as overage_rate,
        max(standard_rate) over (partition by contract_id, standard_rate_run) as standard_rate,
        max(status) over (partition by contract_id, status_run) as status,
        valid_from,
        coalesce(next_valid_from - 1, 'infinity'::date) as valid_to
    from runs
)

select * from final
