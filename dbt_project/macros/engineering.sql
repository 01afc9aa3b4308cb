{# Names of commits for good, and Jira keys in texts of commits and pull requests; transcripts' own are taken when they land. #}

{#
    All that looks like a Jira key in a text, one row each: a set-returning call for a lateral join, whose column is a text array.
    Branches write keys in any case; elsewhere only upper case is a key. The project's existence is the caller's to check.
#}
{% macro issue_keys_in(text, any_case=false) -%}
    regexp_matches(
        {{ text }}, '(?<![A-Za-z0-9])([A-Z][A-Z0-9]{1,19}-[1-9][0-9]{0,7})(?![A-Za-z0-9])', '{{ 'gi' if any_case else 'g' }}'
    )
{%- endmacro %}

{#
    Post-hook of int_engineering__commit_identifiers, the other half of with_identifiers: enters every sha that shares its 8 digits with
    another in the registry, for good.
#}
{% macro register_contested_commits() -%}
insert into {{ ref('identifiers') }} (kind, natural_key, id, first_seen_at)
select
    'CMT' as kind,
    {{ natural_key('sha') }} as natural_key,
    id,
    current_timestamp as first_seen_at
from {{ this }}
where
    id in (
        select further.id
        from {{ this }} as further
        where length(further.id) > 12
        union all
        select left(further.id, 12)
        from {{ this }} as further
        where length(further.id) > 12
    )
on conflict do nothing
{%- endmacro %}
