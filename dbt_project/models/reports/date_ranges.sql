select
    preset,
    label,
    start_date,
    end_date,
    days
from {{ ref('int_reports__date_ranges') }}
