-- Every answer with lines in staging appears exactly once, and no answer appears without lines (rule 5.2).
with

called as (
    select count(*) as answers
    from (
        select answer_id
        from {{ ref('int_sessions__answer_lines') }}
        group by answer_id
    ) as answer_ids
),

counted as (
    select count(*) as answers from {{ ref('session_messages') }}
),

told as (
    select count(*) as answers from {{ ref('session_responses') }}
)

select
    called.answers as called,
    counted.answers as counted,
    told.answers as told
from called
cross join counted
cross join told
where called.answers <> counted.answers or counted.answers <> told.answers
