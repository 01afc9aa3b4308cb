with

weeks as (
    select
        date_trunc('week', messages.answered_at at time zone 'UTC')::date as week,
        coalesce(messages.model, '(no model)') as model,
        sum(messages.cost_usd) as cost_usd,
        sum(
            messages.input_tokens + messages.output_tokens + messages.cache_read_tokens + messages.cache_creation_5m_tokens
            + messages.cache_creation_1h_tokens
        ) as tokens
    from marts.session_messages as messages
    left join marts.claude_sessions as sessions on messages.session_id = sessions.id
    where
        messages.answered_at >= %(start_date)s::timestamp at time zone 'UTC'
        and messages.answered_at < (%(end_date)s::date + 1)::timestamp at time zone 'UTC'
        and (%(client)s::text is null or messages.client_id = %(client)s)
        and (%(person)s::text is null or sessions.developer_id = %(person)s)
    group by week, messages.model
),

ranks as (
    select
        model,
        row_number() over (order by sum(cost_usd) desc nulls last, model asc) as rank
    from weeks
    group by model
)

select
    weeks.week,
    weeks.week + 6 as week_end,
    weeks.week >= %(start_date)s and weeks.week + 6 <= %(end_date)s and weeks.week + 6 < %(today)s as is_complete,
    case when ranks.rank <= 5 then weeks.model else 'All others' end as model,
    round(sum(weeks.cost_usd), 2) as cost_usd,
    sum(weeks.tokens)::bigint as tokens
from weeks
inner join ranks on weeks.model = ranks.model
group by weeks.week, case when ranks.rank <= 5 then weeks.model else 'All others' end
order by week asc, model asc;
