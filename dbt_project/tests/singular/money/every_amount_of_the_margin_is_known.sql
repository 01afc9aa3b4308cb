-- A missing exchange rate or an unknown price makes the margin null; this lists what to add to the files (rules 5.21 and 9.9).
{{ config(severity='warn') }}

select
    client_margin.month,
    warnings.warning ->> 'code' as code,
    warnings.warning ->> 'detail' as detail,
    count(*) as clients
from {{ ref('client_margin') }} as client_margin
cross join lateral jsonb_array_elements(client_margin.warnings) as warnings (warning)
group by client_margin.month, warnings.warning
