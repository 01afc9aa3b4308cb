with

session_roots as (
    select * from {{ ref('stg_reference__session_roots') }}
),

developers as (
    select * from {{ ref('int_identity__developers') }}
),

final as (
    select
        session_roots.path as root_path,
        session_roots.host,
        developers.developer_id,
        session_roots.email,
        session_roots.row_number
    from session_roots
    left join developers on session_roots.email = developers.email
)

select * from final
