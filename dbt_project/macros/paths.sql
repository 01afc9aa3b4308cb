{# Working directories and the globs that match them (rule 3.8). #}

{# A path as it is compared: `\` is `/`, no slash at the end (the root itself stays). #}
{% macro normalized_path(expression) -%}
    regexp_replace(replace({{ expression }}, '\', '/'), '(.)/+$', '\1')
{%- endmacro %}

{#
    A glob as an anchored regular expression for normalized paths: `*` stays within a folder, `**` crosses folders (none, too,
    where it stands between slashes), `?` is one character of a name; the glob matches a directory and all below it.
    Control characters hold the places of the wild cards while everything else is escaped.
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
