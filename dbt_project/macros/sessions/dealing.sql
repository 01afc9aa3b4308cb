{# Sharing out a whole in whole units by largest remainder (rule 1.7). #}

{#
    The units that a row gets of `whole`, which is shared out over the rows of `partition` by their exact shares: each gets its share floored,
    and the remaining units go one by one to the largest remainders, ties in the order of `ties`. If the rows of a partition add up to less
    than the whole (fragments too small for a row of their own), every row gets one more unit as often as needed, so that nothing is left.
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
