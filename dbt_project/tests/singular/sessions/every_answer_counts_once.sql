-- Every message id in staging that is a call is one answer, and no answer comes from nowhere (rule 5.2).
with

called as (
    select count(*) as answers
    from (
        select message_id
        from {{ ref('stg_claude_code__messages') }}
        where not is_synthetic
        group by message_id
    ) as message_ids
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
