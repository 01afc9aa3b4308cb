select
    source,
    native_id,
    reason,
    row_count,
    seconds
from {{ ref('int_reports__unresolved') }}
