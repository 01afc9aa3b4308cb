with

classifications as (
    select * from {{ ref('stg_reference__project_classifications') }}
    where not is_deleted
),

-- The strictest class wins: excluded, overhead, internal.
final as (
    select
        {{ natural_key('label') }} as label,
        (array['billable', 'internal', 'overhead', 'excluded'])[
            max(array_position(array['billable', 'internal', 'overhead', 'excluded'], classification))
        ] as classification
    from classifications
    where label is not null
    group by {{ natural_key('label') }}
)

select * from final
