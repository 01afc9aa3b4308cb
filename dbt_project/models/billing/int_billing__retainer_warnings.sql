with

lines as (
    select * from {{ ref('int_billing__lines') }}
    where
        (basis in ('client_terms', 'billing_rule') and line_type = 'retainer')
        or (basis = 'contract' and line_type = 'included' and unit_price > 0)
),

client_terms as (
    select * from {{ ref('int_agreements__client_terms') }}
),

rules as (
    select * from {{ ref('int_agreements__billing_rules') }}
),

rule_rows as (
    select * from {{ ref('stg_reference__billing_rules') }}
),

contracts as (
    select * from {{ ref('int_agreements__contracts') }}
),

contract_rows as (
    select * from {{ ref('stg_reference__contracts') }}
),

places as (
    select
        lines.client_id,
        lines.invoice_month,
        lines.basis,
        lines.currency,
        lines.line_total,
        case lines.basis
            when 'client_terms' then 'client_terms.csv, row ' || client_terms.row_number
            when 'billing_rule' then 'billing_rules.csv, row ' || rule_rows.row_number
            else 'contracts.csv, row ' || contract_rows.row_number
        end as place
    from lines
    left join client_terms
        on
            lines.basis = 'client_terms'
            and lines.client_id = client_terms.client_id
            and {{ month_end('lines.invoice_month') }} between client_terms.valid_from and client_terms.valid_to
    left join rules on lines.billing_rule_id = rules.billing_rule_id
    left join rule_rows on rules.row_key = rule_rows.row_key
    left join contracts on lines.contract_id = contracts.contract_id
    left join contract_rows on contracts.row_key = contract_rows.row_key
),

-- Several projects may each have a retainer of their own; the warning is for one retainer written in two files.
final as (
    select
        client_id,
        null::text as currency,
        invoice_month,
        'two_retainers' as code,
        'a retainer is billed from more than one file: '
        || string_agg(place || ' (' || line_total || ' ' || currency || ')', '; ' order by place, line_total)
        || '; keep one of them if they are the same' as detail
    from places
    group by client_id, invoice_month
    having count(distinct basis) > 1
)

select * from final
