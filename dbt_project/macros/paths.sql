{# Working directories and the globs that match them (rule 3.8). #}

{# A path as it is compared: `\` is `/`, no slash at the end (the root itself stays). #}
{% macro normalized_path(expression) -%}
    regexp_replace(replace({{ expression }}, '\', '/'), '(.)/+$', '\1')
{%- endmacro %}

{# Whether a normalized path is a Windows path, which ignores case: it begins with a drive or with two slashes. #}
{% macro is_windows_path(path) -%}
    ({{ path }} ~ '^([A-Za-z]:(/|$)|//)')
{%- endmacro %}

{# Whether a normalized path matches the regular expression of a glob; Windows paths ignore case. #}
{% macro path_matches(path, regex) -%}
    ({{ path }} ~ {{ regex }} or ({{ is_windows_path(path) }} and {{ path }} ~* {{ regex }}))
{%- endmacro %}

{#
    An absolute path in the form in which paths of files are compared: `~` is the home folder, a relative path begins in the base
    folder, `.` and `..` are resolved, Windows paths are in lower case.
#}
{% macro absolute_path(path, base_folder, home_folder) -%}
    {%- set spelled -%} replace(trim({{ path }}), '\', '/') {%- endset -%}
    {%- set resolved -%}
        regexp_replace(regexp_replace(
            case
                when {{ spelled }} ~ '^~(/|$)' then replace({{ home_folder }}, '\', '/') || substr({{ spelled }}, 2)
                when {{ spelled }} ~ '^(/|[A-Za-z]:/)' then {{ spelled }}
                else replace({{ base_folder }}, '\', '/') || '/' || {{ spelled }}
            end,
            '(.)/+', '\1/', 'g'), '/\.(?=/|$)', '', 'g')
    {%- endset -%}
    {#- Each turn resolves the parents whose folder is named right before them. #}
    {%- set state = namespace(path=resolved) -%}
    {%- for turn in range(4) -%}
        {%- set step -%} regexp_replace({{ state.path }}, '/(?!\.\./)[^/]+/\.\.(?=/|$)', '', 'g') {%- endset -%}
        {%- set state.path = step -%}
    {%- endfor -%}
    (
        select case when {{ is_windows_path('absolute.path') }} then lower(absolute.path) else absolute.path end
        from (select {{ normalized_path(state.path) }} as path) as absolute
    )
{%- endmacro %}

{#
    A glob as an anchored regular expression for normalized paths: `*` stays within a folder, `**` crosses folders (also zero
    of them if it is between slashes), `?` is one character of a name; the glob matches a directory and everything below it.
    Control characters replace the wildcards while everything else is escaped.
#}
{% macro glob_to_regex(expression) -%}
    ('^' || replace(replace(replace(replace(replace(replace(
        regexp_replace(
            regexp_replace(
                regexp_replace(
                    regexp_replace(
                        regexp_replace(
                            replace(replace({{ normalized_path("trim(" ~ expression ~ ")") }}, '?', E'\x05'), '/**/', E'\x01'),
                            '/\*\*$', E'\x02'
                        ),
                        '^\*\*/', E'\x03'
                    ),
                    '\*\*', E'\x04', 'g'
                ),
                '\*', E'\x06', 'g'
            ),
            '([.^$+(){}|\[\]])', '\\\1', 'g'
        ),
        E'\x01', '/(.*/)?'), E'\x02', '(/.*)?'), E'\x03', '(.*/)?'), E'\x04', '.*'), E'\x05', '[^/]'), E'\x06', '[^/]*')
        || '(/.*)?$')
{%- endmacro %}
