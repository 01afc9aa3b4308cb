{#
    The AI cost of a month, over clients and bench, is the converted cost of the answers, to the cent (rule 12.1). The expected value comes
    from session_messages, month by month in the developer's zone.
#}
{#- The months from the first on in which something was written; a date may be another one in a developer's zone. #}
{% set first_month = first_changed_month({'session_messages': 'answered_at', 'claude_sessions': 'session_start', 'client_margin': 'month'}) %}
with

agency as (
    select
        int_agency.*,
        {{ decimals_of('currencies') }} as decimals
    from {{ ref('int_identity__agency') }} as int_agency
    left join {{ ref('stg_reference__currencies') }} as currencies on int_agency.currency = currencies.currency
),

answers as (
    select
        date_trunc(
            'month',
            coalesce(session_messages.answered_at, claude_sessions.session_start)
            at time zone coalesce(developers.timezone, agency.timezone)
        )::date as month,
        session_messages.cost_usd
    from {{ ref('session_messages') }} as session_messages
    cross join agency
    inner join {{ ref('claude_sessions') }} as claude_sessions on session_messages.session_id = claude_sessions.id
    left join {{ ref('int_identity__developers') }} as developers on claude_sessions.developer_id = developers.developer_id
    -- Answers without any timestamp belong to no month.
    where
        coalesce(session_messages.answered_at, claude_sessions.session_start) is not null
        and {{ is_from('coalesce(session_messages.answered_at, claude_sessions.session_start)', first_month, days_before=1) }}
        and ({{ is_from('session_messages.answered_at', first_month, days_before=1) }} or session_messages.answered_at is null)
),

expected as (
    select
        answers.month,
        round(
            case
                when agency.currency = 'USD' then sum(answers.cost_usd)
                else sum(answers.cost_usd) * (
                    select fx_rates.rate
                    from {{ ref('stg_reference__fx_rates') }} as fx_rates
                    where
                        fx_rates.from_currency = 'USD'
                        and fx_rates.to_currency = agency.currency
                        and fx_rates.rate_date < answers.month + interval '1 month'
                    order by fx_rates.rate_date desc, fx_rates.row_number desc
                    limit 1
                )
            end,
            agency.decimals
        ) as ai_cost
    from answers
    cross join agency
    -- The last month is that of as_of.
    where answers.month <= {{ as_of_date('agency.timezone') }} and {{ is_from('answers.month', first_month) }}
    group by answers.month, agency.currency, agency.decimals
),

actual as (
    select
        month,
        -- If a client's answers have no known price, the sum is that of the month's other clients.
        sum(ai_cost) as ai_cost
    from {{ ref('client_margin') }}
    where {{ is_from('month', first_month) }}
    group by month
)

select
    coalesce(expected.month, actual.month) as month,
    expected.ai_cost as expected,
    actual.ai_cost as actual
from expected
full outer join actual on expected.month = actual.month
where
    coalesce(expected.ai_cost, 0) != coalesce(actual.ai_cost, 0)
    or (expected.month is not null and actual.month is null)
