{#
    Rebuilding only the months of the bill that changed, as int_billing__changed_months lists them: the twin of changed_dates.sql. The month of a
    row is that of its date, if it has one (when the work was done), else that of its bill.
#}

{#
    Limits a query to the months that this run rebuilds, that is all that are not known to be as they were, and to rows without a month; adds
    nothing in a full build.
#}
{% macro of_changed_months(column='local_date') -%}
    {#- Outside the condition, so that dbt sees the dependency when it parses. -#}
    {%- set changed_months = ref('int_billing__changed_months') -%}
    {%- if execute and is_incremental() -%}
        {%- set kept = run_query('select month from ' ~ changed_months ~ ' where not is_changed').columns[0].values() -%}
        {%- if kept -%}
    ({{ column }} is null or {{ month_of(column) }} not in ({% for month in kept %}date '{{ month }}'{{ ', ' if not loop.last }}{% endfor %}))
        {%- else -%}
    true
        {%- endif -%}
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}

{# Incremental strategy `changed_months`: rows of these months become the query's rows. #}
{% macro get_incremental_changed_months_sql(arg_dict) -%}
    {%- set names = arg_dict['dest_columns'] | map(attribute='name') | list -%}
    {%- set column = 'local_date' if 'local_date' in names else 'invoice_month' if 'invoice_month' in names else 'month' -%}
    {%- set scope -%}
        not exists (
            select 1
            from {{ ref('int_billing__changed_months') }} as months
            where months.month = {{ month_of('target.' ~ column) }} and not months.is_changed
        )
    {%- endset -%}
    {{ write_differences_within(arg_dict, scope) }}
{%- endmacro %}

{#
    Limits a query to the lines that this run rebuilds: those of changed months, and fixed amounts, which are few (adjustments among them, which
    follow from invoices of other months). For tables of the entries of lines.

    lines:           name of the model that lists the lines.
    invoice_month:   column of the line's month.
    is_fixed_amount: column that says whether it is a fixed amount; without it, only hours are meant.
#}
{% macro of_changed_lines(lines, invoice_month, is_fixed_amount='false') -%}
    {#- Outside the condition, so that dbt sees the dependencies when it parses. -#}
    {%- set relation = ref(lines) -%}
    {%- set is_of_changed_month = of_changed_months(invoice_month) -%}
    {%- if execute and is_incremental() and not has_long_line_ids(this, relation) -%}
    ({{ is_fixed_amount }} or {{ is_of_changed_month }})
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}

{# Incremental strategy `changed_lines`: rows of these lines, and of lines that are no more, become the query's rows. #}
{% macro get_incremental_changed_lines_sql(arg_dict) -%}
    {{ write_changed_lines(arg_dict, ref('int_billing__lines')) }}
{%- endmacro %}

{# Incremental strategy `changed_bill_lines`: the same for the lines that people read, of which some are invoiced. #}
{% macro get_incremental_changed_bill_lines_sql(arg_dict) -%}
    {{ write_changed_lines(arg_dict, ref('int_billing__bill_lines')) }}
{%- endmacro %}

{% macro write_changed_lines(arg_dict, lines) -%}
    {%- set scope -%}
        not exists (
            select 1
            from {{ lines }} as lines
            inner join {{ ref('int_billing__changed_months') }} as months on lines.invoice_month = months.month
            where lines.line_id = target.line_id and not lines.is_fixed_amount and not months.is_changed
        )
    {%- endset -%}
    {{ write_differences_within(arg_dict, 'true' if has_long_line_ids(arg_dict['target_relation'], lines) else scope) }}
{%- endmacro %}

{#
    Whether two lines share the first 8 digits of their identifiers, in the table as it is or among the lines as they are now. Which of them has more
    digits then depends on lines of other months, and all lines must be rebuilt. Adjustments always have more.
#}
{% macro has_long_line_ids(table, lines) -%}
    {%- set found = run_query("
        select
            exists (select 1 from " ~ lines ~ " where length(line_id) > 12 and basis != 'adjustment')
            or exists (
                select 1
                from " ~ table ~ " as entries
                where
                    length(entries.line_id) > 12
                    and not exists (
                        select 1
                        from " ~ lines ~ " as lines
                        where lines.line_id = entries.line_id and lines.basis = 'adjustment'
                    )
            )
    ") -%}
    {%- do return(found.rows[0][0]) -%}
{%- endmacro %}
