{# Permanent identifiers of commits and mirrored worklogs, and Jira keys in texts of commits and pull requests; keys in transcripts are found on landing. #}

{#
    Everything that looks like a Jira key in a text, one row each: a set-returning call for a lateral join, whose column is a text array.
    Branches write keys in any letter case; elsewhere only upper case is a key. The caller checks whether the project exists.
#}
{% macro issue_keys_in(text, any_case=false) -%}
    regexp_matches(
        {{ text }}, '(?<![A-Za-z0-9])([A-Z][A-Z0-9]{1,19}-[1-9][0-9]{0,7})(?![A-Za-z0-9])', '{{ 'gi' if any_case else 'g' }}'
    )
{%- endmacro %}

{#
    Post-hook of append-only tables of identifiers, the other half of with_identifiers: permanently enters every key that
    shares its 8 digits with another in the registry.
#}
{% macro register_contested_keys(prefix, key) -%}
{%- set short_length = prefix | length + 9 -%}
insert into {{ ref('identifiers') }} (kind, natural_key, id, first_seen_at)
select
    '{{ prefix }}' as kind,
    {{ natural_key(key) }} as natural_key,
    id,
    current_timestamp as first_seen_at
from {{ this }}
where
    id in (
        select further.id
        from {{ this }} as further
        where length(further.id) > {{ short_length }}
        union all
        select left(further.id, {{ short_length }})
        from {{ this }} as further
        where length(further.id) > {{ short_length }}
    )
on conflict do nothing
{%- endmacro %}
