select
    source,
    native_id,
    reason,
    row_count,
    seconds,
    candidates
from {{ ref('int_reports__unresolved') }}
