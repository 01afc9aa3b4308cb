with

records as (
    select * from {{ source('claude_code', 'messages') }}
),

files as (
    select file_id::text as file_id
    from {{ source('claude_code', 'files') }}
),

{{ replaced_records('messages', record_key('messages')) }},

final as (
    select
        records.file_id::text as file_id,
        records.generation,
        records.line_offset,
        records.record_index,
        records.session_id::text as session_id,
        records.agent_id::text as agent_id,
        coalesce(records.is_sidechain, false) as is_sidechain,
        records.uuid::text as uuid,
        records.message_id::text as message_id,
        {{ is_vendors_message_id('records.message_id') }} as has_vendor_id,
        records.request_id::text as request_id,
        records.answered_at,
        records.model::text as model,
        coalesce(records.model = '<synthetic>', false) as is_synthetic,
        coalesce(records.input_tokens, 0) as input_tokens,
        coalesce(records.output_tokens, 0) as output_tokens,
        coalesce(records.cache_read_tokens, 0) as cache_read_tokens,
        coalesce(records.cache_creation_tokens, 0) as cache_creation_tokens,
        coalesce(records.cache_creation_1h_tokens, 0) as cache_creation_1h_tokens,
        coalesce(records.web_search_requests, 0) as web_search_requests,
        records.speed::text as speed,
        records.service_tier::text as service_tier,
        records.inference_geo::text as inference_geo,
        records.stop_reason::text as stop_reason,
        coalesce(records.is_api_error, false) as is_api_error,
        records.line_cost_usd,
        records.cwd::text as cwd,
        records.git_branch::text as git_branch,
        records.version::text as version,
        coalesce(records.is_forked, false) as is_forked,
        records.response_text::text as response_text,
        records.loaded_at
    from records
    inner join files on records.file_id = files.file_id
    where {{ is_not_replaced() }}
)

select * from final
