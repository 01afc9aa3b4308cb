select * from {{ ref('int_reports__overlaps') }}
