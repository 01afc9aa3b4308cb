{#
    Gives every candidate an unused identifier, in order of seen_order (rules 1.12 and 1.13). Expands to the parts of a
    recursive CTE named `attempts`; `candidates` and `taken` are other CTEs of the model.

    candidates: kind, natural_key, seen_order, first_choice, second_choice, rest, separator
    taken:      kind, id

    The first in order takes first_choice. Later ones try second_choice if there is one, then as many more characters
    of `rest` as they need; if `rest` is null, `separator` and the numbers from 2 on. Each round tries one candidate
    each, so that no choice depends on rows later in the order.
#}
{% macro assign_identifiers(candidates, taken, attempts) -%}
    select
        kind,
        natural_key,
        seen_order,
        first_choice,
        second_choice,
        rest,
        separator,
        1 as attempt,
        first_choice as id,
        row_number() over (partition by kind, first_choice order by seen_order collate "C", natural_key collate "C") = 1
        and not exists (
            select 1 from {{ taken }} where {{ taken }}.kind = {{ candidates }}.kind and {{ taken }}.id = {{ candidates }}.first_choice
        ) as is_assigned
    from {{ candidates }}
    union all
    select
        attempts.kind,
        attempts.natural_key,
        attempts.seen_order,
        attempts.first_choice,
        attempts.second_choice,
        attempts.rest,
        attempts.separator,
        attempts.attempt + 1 as attempt,
        choice.id,
        row_number() over (
            partition by attempts.kind, choice.id order by attempts.seen_order collate "C", attempts.natural_key collate "C"
        ) = 1
        and not exists (select 1 from {{ taken }} where {{ taken }}.kind = attempts.kind and {{ taken }}.id = choice.id)
        and not exists (
            select 1 from {{ candidates }} where {{ candidates }}.kind = attempts.kind and {{ candidates }}.first_choice = choice.id
        ) as is_assigned
    from {{ attempts }} as attempts
    cross join lateral (
        select
            case
                when attempts.attempt = 1 and attempts.second_choice is not null then attempts.second_choice
                when attempts.rest is null then attempts.first_choice || attempts.separator || (attempts.attempt + 1)
                else
                    coalesce(attempts.second_choice, attempts.first_choice)
                    || left(attempts.rest, attempts.attempt - (attempts.second_choice is not null)::int)
            end as id
    ) as choice
    -- A key that has used up its characters gets no identifier, which the test of null ids reports.
    where
        not attempts.is_assigned
        and (attempts.rest is null or attempts.attempt <= length(attempts.rest) + 1)
{%- endmacro %}
