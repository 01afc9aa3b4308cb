-- No line is lost between the engines and the mart.
select count(*) as lines_lost
from {{ ref('int_billing__bill_lines') }} as lines
left join {{ ref('invoice_prefill_lines') }} as mart_lines on lines.line_id = mart_lines.id
where mart_lines.id is null
having count(*) > 0
