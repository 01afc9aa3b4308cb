{#
    Identifiers of tables with hundreds of thousands of rows: prefix and the first 8 hex digits of the natural key's hash, as everywhere
    (rule 1.11), but only keys that share their 8 digits with another are entered in registry.identifiers, so that it stays small.
#}

{#
    CTEs from `rows` to `identified`, which adds `id`. If keys share 8 digits, the one that has them already
    (in the registry or in the table) keeps them, then the first in `seen_order`; the n-th takes n - 1 more digits. Lengths within such a
    group differ, so no two are equal. `key` is an expression of columns that rows and table have in common; `full_key`, where the digits
    come from, is its hash unless the key is a hash itself (a sha).
    register_contested_identifiers is the other half.
#}
{% macro with_identifiers(rows, prefix, key, seen_order, full_key=none) -%}
{%- set short_length = prefix | length + 9 -%}
hashed as (
    select
        *,
        '{{ prefix }}-' || left(key_hash, 8) as short_id
    from (
        select
            *,
            {{ natural_key(key) }} as natural_key,
            {{ full_key or natural_key_hash(key) }} as key_hash
        from {{ rows }}
        -- Hashes are computed once.
        offset 0
    ) as keyed
),

registered as (
    select
        natural_key,
        id,
        left(id, {{ short_length }}) as short_id
    from {{ ref('identifiers') }}
    where kind = '{{ prefix }}'
),

holders as (
    {%- if is_incremental() %}
    select
        {{ natural_key(key) }} as natural_key,
        id,
        id as short_id
    from {{ this }}
    where id in (select hashed.short_id from hashed)
    {%- else %}
    select
        null::text as natural_key,
        null::text as id,
        null::text as short_id
    where false
    {%- endif %}
),

taken as (
    select * from registered
    union
    select * from holders
),

contested as (
    select short_id
    from hashed
    group by short_id
    having count(*) > 1
    union
    select short_id
    from registered
    union
    select hashed.short_id
    from hashed
    inner join holders
        on
            hashed.short_id = holders.short_id
            and hashed.natural_key <> holders.natural_key
),

digits_taken as (
    select
        short_id,
        max(length(id)) - {{ short_length }} + 1 as further_digits
    from taken
    group by short_id
),

contestants as (
    select
        hashed.natural_key,
        hashed.short_id,
        hashed.key_hash,
        taken.id as settled_id,
        coalesce(digits_taken.further_digits, 0) as further_digits,
        hashed.{{ seen_order }} as seen_order
    from hashed
    inner join contested on hashed.short_id = contested.short_id
    left join taken
        on
            hashed.short_id = taken.short_id
            and hashed.natural_key = taken.natural_key
    left join digits_taken on hashed.short_id = digits_taken.short_id
),

settled as (
    select
        natural_key,
        coalesce(
            settled_id,
            '{{ prefix }}-' || left(
                key_hash,
                (8 + further_digits - 1 + row_number() over (
                    partition by short_id, settled_id is null order by seen_order, natural_key collate "C"
                ))::integer
            )
        ) as id
    from contestants
),

identified as (
    select
        hashed.*,
        coalesce(settled.id, hashed.short_id) as id
    from hashed
    left join settled on hashed.natural_key = settled.natural_key
)
{%- endmacro %}

{# Post-hook: permanently enters every key of the table that shares its 8 digits with another in the registry. #}
{% macro register_contested_identifiers(prefix, key) -%}
{%- set short_length = prefix | length + 9 -%}
insert into {{ ref('identifiers') }} (kind, natural_key, id, first_seen_at)
select
    '{{ prefix }}',
    {{ natural_key(key) }},
    id,
    current_timestamp
from {{ this }}
where
    id in (
        select further.id
        from {{ this }} as further
        where
            length(further.id) > {{ short_length }}
            and {{ of_changed_sessions('further.session_id') }}
        union all
        select left(further.id, {{ short_length }})
        from {{ this }} as further
        where
            length(further.id) > {{ short_length }}
            and {{ of_changed_sessions('further.session_id') }}
    )
on conflict do nothing
{%- endmacro %}

{# Natural key of a half hour of a session. #}
{% macro session_bucket_key() -%}
    session_id || '|' || to_char(bucket_start at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"')
{%- endmacro %}
