{# How a person's time is shared among parallel sessions (rule 5.17), and which client and project each part belongs to. #}

{# Divisible by every number up to 40, so that equal shares between so many sessions are whole numbers. #}
{% macro share_scale() %}5342931457063200::numeric{% endmacro %}

{#
    A query for segments with their person, local date, client and project. It reads the caller's `segments`, `sessions` and
    `directories`, and keeps the days of a person that the relation `days` (person_key, local_date) lists, or all if `every_day`.
#}
{% macro placed_segments(days, every_day='false') -%}
    select
        dated.session_id,
        dated.person_key,
        dated.developer_id,
        dated.local_date,
        dated.start_ms,
        dated.end_ms,
        directories.client_id,
        directories.project_id
    from (
        select
            segments.session_id,
            sessions.person_key,
            sessions.developer_id,
            {{ local_date(instant_of_milliseconds('segments.slot * ' ~ slot_milliseconds()), 'sessions.timezone') }} as local_date,
            segments.cwd,
            segments.start_ms,
            segments.end_ms
        from segments
        inner join sessions on segments.session_id = sessions.session_id
    ) as dated
    left join directories
        on
            dated.cwd = directories.cwd
            and dated.local_date >= directories.valid_from
            and dated.local_date < directories.valid_until
    where
        {{ every_day }}
        or exists (
            select 1
            from {{ days }} as days
            where
                days.person_key = dated.person_key
                and days.local_date = dated.local_date
        )
{%- endmacro %}

{#
    A query for the rows of `placed` (person_key, start_ms, end_ms; those of one session never overlap) with `share`: their milliseconds,
    each divided by the number of the person's sessions active in it, times share_scale(). With `within`, a relation of spans
    (person_key, start_ms, end_ms), only the time inside any of them adds to the share.
    It uses a clock that runs at 1/n speed while n sessions are active: a segment's share is the clock at its end minus the clock at its start.
#}
{% macro shared_time(placed, within=none) -%}
    with

    edges as (
        select
            person_key,
            at_ms,
            sum(session_step) as session_step,
            sum(span_step) as span_step
        from (
            {% for relation, steps in [(placed, ('1', '0')), (within, ('0', '1'))] if relation %}
                {% for edge, sign in [('start_ms', ''), ('end_ms', '-')] %}
                    select
                        person_key,
                        {{ edge }} as at_ms,
                        {{ sign }}{{ steps[0] }} as session_step,
                        {{ sign }}{{ steps[1] }} as span_step
                    from {{ relation }}
                    {{ 'union all' if not loop.last }}
                {% endfor %}
                {{ 'union all' if not loop.last }}
            {% endfor %}
        ) as steps
        group by person_key, at_ms
    ),

    slices as (
        select
            person_key,
            at_ms,
            lead(at_ms) over in_time - at_ms as length_ms,
            sum(session_step) over in_time as active_sessions,
            sum(span_step) over in_time as open_spans
        from edges
        window in_time as (partition by person_key order by at_ms)
    ),

    clock as (
        select
            person_key,
            at_ms,
            coalesce(
                sum(
                    case
                        when active_sessions > 0 {{ 'and open_spans > 0' if within }}
                            then length_ms * ({{ share_scale() }} / active_sessions)
                        else 0
                    end
                ) over (
                    partition by person_key order by at_ms rows between unbounded preceding and 1 preceding
                ),
                0
            ) as shared
        from slices
    )

    select
        placed.*,
        clock_end.shared - clock_start.shared as share
    from {{ placed }} as placed
    inner join clock as clock_start
        on
            placed.person_key = clock_start.person_key
            and placed.start_ms = clock_start.at_ms
    inner join clock as clock_end
        on
            placed.person_key = clock_end.person_key
            and placed.end_ms = clock_end.at_ms
{%- endmacro %}
