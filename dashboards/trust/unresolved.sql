select
    source,
    native_id as what,
    replace(reason, '_', ' ') as reason,
    row_count as rows,
    round(seconds / 3600.0, 2) as hours,
    candidates
from reports.unresolved
order by seconds desc nulls last, row_count desc, source asc, native_id asc;
