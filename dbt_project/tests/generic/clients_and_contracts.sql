{# Errors in reference data that a file alone cannot show, because names resolve in the warehouse. #}

{# No client is its own ancestor. #}
{% test no_parent_cycles(model) %}
with recursive

ancestors as (
    select
        id,
        parent_client_id,
        array[id] as path
    from {{ model }}
    where parent_client_id is not null
    union all
    select
        ancestors.id,
        parents.parent_client_id,
        ancestors.path || parents.id
    from ancestors
    inner join {{ model }} as parents on ancestors.parent_client_id = parents.id
    where not parents.id = any(ancestors.path) and parents.parent_client_id is not null
)

select
    id,
    path
from ancestors
where parent_client_id = id
{% endtest %}

{# Rates belong to hourly clients' projects (rule 4.2). #}
{% test no_rate_for_retainer_clients(model) %}
select
    projects.id,
    projects.hourly_rate
from {{ model }} as projects
inner join {{ ref('clients') }} as clients on projects.client_id = clients.id
where projects.hourly_rate is not null and clients.billing_model = 'retainer' and not projects.is_deleted
{% endtest %}

{# monthly_hours is required for monthly_retainer (rule 4.9). #}
{% test retainers_state_their_hours(model) %}
select
    id,
    contract_number
from {{ model }}
where type = 'monthly_retainer' and monthly_hours is null and not is_deleted
{% endtest %}

{# Included and overage seconds are the billable seconds of the contract's entries (rule 12.1). #}
{% test allocations_equal_contract_time(model) %}
with

allocated as (
    select
        time_entry_id,
        sum(seconds) as seconds
    from {{ model }}
    group by time_entry_id
),

entries as (
    select * from {{ ref('int_billing__routed_entries') }} where basis = 'contract' and unbilled_reason is null
)

select
    coalesce(entries.time_entry_id, allocated.time_entry_id) as time_entry_id,
    entries.seconds,
    allocated.seconds as allocated_seconds
from entries
full join allocated on entries.time_entry_id = allocated.time_entry_id
where entries.seconds is distinct from allocated.seconds
{% endtest %}

{# An ambiguous name in a reference file is an error: its row applies to none of those with that name (rule 2.3). #}
{% test names_are_unique(model) %}
select
    source,
    native_id,
    reason,
    candidates
from {{ model }}
where reason like 'several\_%'
{% endtest %}
