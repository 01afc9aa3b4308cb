-- Built last: the models below have processed everything that int_billing__changed_months saw.
-- depends_on: {{ ref('int_billing__application_parts') }}
-- depends_on: {{ ref('int_billing__application_worklogs') }}
-- depends_on: {{ ref('int_billing__contract_allocations') }}
-- depends_on: {{ ref('int_billing__contract_parts') }}
-- depends_on: {{ ref('int_billing__hours') }}
-- depends_on: {{ ref('int_billing__line_entries') }}
-- depends_on: {{ ref('int_billing__parts') }}
-- depends_on: {{ ref('int_billing__rule_parts') }}
-- depends_on: {{ ref('int_billing__terms_parts') }}
-- depends_on: {{ ref('int_billing__unbilled') }}
-- depends_on: {{ ref('int_money__standard_values') }}
-- depends_on: {{ ref('int_reports__entry_amounts') }}
-- depends_on: {{ ref('invoice_prefill_line_entries') }}
with

changed_months as (
    select * from {{ ref('int_billing__changed_months') }}
),

final as (
    select
        month,
        fingerprint
    from changed_months
)

select * from final
