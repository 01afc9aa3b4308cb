-- Every answer with lines in staging appears exactly once, and no answer appears without lines (rule 5.2).
{% set sessions = changed_values({'session_messages': 'session_id', 'session_responses': 'session_id'}) %}
with

called as (
    select distinct answer_id as message_id
    from {{ ref('int_sessions__answer_lines') }}
    where {{ is_among('session_id', sessions) }} or {{ is_among('file_id', changed_files()) }}
),

counted as (
    select
        message_id,
        session_id
    from {{ ref('session_messages') }}
    where {{ is_among('session_id', sessions) }}
),

told as (
    select message_id
    from {{ ref('session_responses') }}
    where {{ is_among('session_id', sessions) }}
)

select
    called.message_id,
    'is called and not counted' as what
from called
where
    not exists (
        select 1 from {{ ref('session_messages') }} as messages
        where messages.message_id = called.message_id
    )
union all
select
    called.message_id,
    'is called and not told' as what
from called
where
    not exists (
        select 1 from {{ ref('session_responses') }} as responses
        where responses.message_id = called.message_id
    )
union all
select
    counted.message_id,
    'is counted and not called' as what
from counted
where
    not exists (
        select 1 from {{ ref('int_sessions__answer_lines') }} as lines
        where lines.answer_id = counted.message_id and lines.session_id = counted.session_id
    )
union all
select
    told.message_id,
    'is told and not counted' as what
from told
where
    not exists (
        select 1 from {{ ref('session_messages') }} as messages
        where messages.message_id = told.message_id
    )
