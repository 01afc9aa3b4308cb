{# Dealing a whole out in whole units by largest remainder (rule 1.7). #}

{#
    The units that a row gets of `whole`, which is dealt to the rows of `partition` by their exact shares: each gets its share floored,
    what remains goes one by one to the largest remainders, ties in the order of `ties`. A row whose partition holds less in its rows
    than the whole (slivers that made no row of their own) still leaves nothing undealt: every row gets one more as often as it takes.
    `share` is the exact share in units (numeric or integer) times `scale`.
#}
{% macro dealt(whole, share, scale, partition, ties) -%}
    (
        div(({{ share }})::numeric, {{ scale }})
        + div(
            {{ whole }} - sum(div(({{ share }})::numeric, {{ scale }})) over (partition by {{ partition }}),
            count(*) over (partition by {{ partition }})
        )
        + case
            when row_number() over (partition by {{ partition }} order by mod(({{ share }})::numeric, {{ scale }}) desc, {{ ties }})
                <= mod(
                    {{ whole }} - sum(div(({{ share }})::numeric, {{ scale }})) over (partition by {{ partition }}),
                    count(*) over (partition by {{ partition }})
                )
                then 1
            else 0
        end
    )::bigint
{%- endmacro %}
