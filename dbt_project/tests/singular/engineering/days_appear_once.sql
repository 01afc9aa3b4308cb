{# One row per developer, client and day, and per half hour; null counts as a value in these keys. #}
select
    'productivity_triangle' as mart,
    developer_id,
    client_id,
    local_date,
    null::timestamptz as bucket_start
from {{ ref('productivity_triangle') }}
group by developer_id, client_id, local_date
having count(*) > 1
union all
select
    'daily_overlay' as mart,
    developer_id,
    client_id,
    local_date,
    bucket_start
from {{ ref('daily_overlay') }}
group by developer_id, client_id, local_date, bucket_start
having count(*) > 1
