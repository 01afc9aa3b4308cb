{# Jira keys in texts of commits and pull requests; transcripts' own are taken when they land. #}

{#
    All that looks like a Jira key in a text, one row each: a set-returning call for a lateral join, whose column is a text array.
    Branches write keys in any case; elsewhere only upper case is a key. The project's existence is the caller's to check.
#}
{% macro issue_keys_in(text, any_case=false) -%}
    regexp_matches(
        {{ text }}, '(?<![A-Za-z0-9])([A-Z][A-Z0-9]{1,19}-[1-9][0-9]{0,7})(?![A-Za-z0-9])', '{{ 'gi' if any_case else 'g' }}'
    )
{%- endmacro %}
