select
    preset,
    label,
    start_date,
    end_date,
    days
from {{ ref('int_time__date_ranges') }}
