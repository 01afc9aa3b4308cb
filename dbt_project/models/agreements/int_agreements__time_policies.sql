with

time_policies as (
    select * from {{ ref('stg_reference__time_policies') }}
),

developers as (
    select * from {{ ref('int_identity__developers') }}
),

client_names as (
    select * from {{ ref('int_identity__client_names') }}
),

-- Developer and client, developer, client, everybody, and last the default order (rule 4.6).
stated as (
    select
        developers.developer_id,
        client_names.client_id,
        time_policies.sources,
        time_policies.count_logged_elsewhere,
        1 + (time_policies.email is null)::int * 2 + (time_policies.client is null)::int as preference,
        coalesce(time_policies.valid_from, '-infinity'::date) as valid_from,
        coalesce(time_policies.valid_to, 'infinity'::date) as valid_to
    from time_policies
    left join developers on time_policies.email = developers.email
    left join client_names on {{ natural_key('time_policies.client') }} = client_names.name
    where
        (time_policies.email is null or developers.developer_id is not null)
        and (time_policies.client is null or client_names.client_id is not null)
),

final as (
    select * from stated
    union all
    select
        null as developer_id,
        null as client_id,
        array['tempo', 'clockify', 'manual', 'claude_session'] as sources,
        false as count_logged_elsewhere,
        5 as preference,
        '-infinity'::date as valid_from,
        'infinity'::date as valid_to
)

select * from final
