with

session_messages as (
    select * from {{ ref('session_messages') }}
    -- No price source means no cost; this column has an index.
    where price_source is null
),

final as (
    select
        model,
        count(*) as answers,
        count(distinct session_id) as sessions,
        sum(input_tokens)::bigint as input_tokens,
        sum(output_tokens)::bigint as output_tokens,
        sum(cache_read_tokens)::bigint as cache_read_tokens,
        sum(cache_creation_5m_tokens + cache_creation_1h_tokens)::bigint as cache_creation_tokens,
        min(answered_at) as first_answered_at,
        max(answered_at) as last_answered_at
    from session_messages
    group by model
)

select * from final
