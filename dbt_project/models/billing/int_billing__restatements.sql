{{ config(indexes=[{'columns': ['client_id', 'currency', 'restated_month']}]) }}

with

billed as (
    select * from {{ ref('stg_invoicing__invoiced') }}
),

billed_months as (
    select * from {{ ref('int_billing__billed_months') }}
),

lines as (
    select * from {{ ref('int_billing__lines') }}
),

line_entries as (
    select * from {{ ref('int_billing__line_entries') }}
),

currencies as (
    select * from {{ ref('stg_reference__currencies') }}
),

agency as (
    select {{ month_of(as_of_date('timezone')) }} as last_month
    from {{ ref('int_identity__agency') }}
),

-- Months that a live invoice bills.
closed_months as (
    select * from billed_months
    where invoice_id is not null
),

-- Entry by entry, and fixed amount by fixed amount: `item_id` is the time entry, or the line of the amount.
billed_items as (
    select
        client_id,
        currency,
        billed_month,
        time_entry_id is not null as is_entry,
        coalesce(time_entry_id, prefill_line_id, line_id) as item_id,
        coalesce(raw_seconds, 0) as raw_seconds,
        coalesce(billable_seconds, 0) as billable_seconds,
        amount
    from billed
    where restated_amounts is null
    union all
    select
        billed.client_id,
        billed.currency,
        billed.billed_month,
        false as is_entry,
        amounts.line_id as item_id,
        0 as raw_seconds,
        0 as billable_seconds,
        amounts.amount::numeric as amount
    from billed
    cross join lateral jsonb_each_text(billed.restated_amounts) as amounts (line_id, amount)
),

-- The same as computed now; of a month that is open, it stands in the bill itself.
items_now as (
    select
        lines.client_id,
        lines.currency,
        lines.invoice_month as billed_month,
        line_entries.time_entry_id is not null as is_entry,
        coalesce(line_entries.time_entry_id, lines.line_id) as item_id,
        coalesce(line_entries.raw_seconds, 0) as raw_seconds,
        coalesce(line_entries.billable_seconds, 0) as billable_seconds,
        coalesce(line_entries.amount, lines.line_total) as amount
    from lines
    inner join closed_months
        on
            lines.client_id = closed_months.client_id
            and lines.currency = closed_months.currency
            and lines.invoice_month = closed_months.billed_month
    left join line_entries on lines.line_id = line_entries.line_id
),

sums as (
    select
        client_id,
        currency,
        billed_month,
        is_entry,
        item_id,
        sum(raw_seconds) filter (where is_billed)::bigint as was_raw_seconds,
        sum(billable_seconds) filter (where is_billed)::bigint as was_seconds,
        sum(amount) filter (where is_billed) as was_amount,
        sum(case when is_billed then -raw_seconds else raw_seconds end)::bigint as raw_seconds,
        sum(case when is_billed then -billable_seconds else billable_seconds end)::bigint as billable_seconds,
        sum(case when is_billed then -amount else amount end) as amount
    from (
        select
            client_id,
            currency,
            billed_month,
            is_entry,
            item_id,
            raw_seconds,
            billable_seconds,
            amount,
            true as is_billed
        from billed_items
        union all
        select
            client_id,
            currency,
            billed_month,
            is_entry,
            item_id,
            raw_seconds,
            billable_seconds,
            amount,
            false as is_billed
        from items_now
    ) as items
    group by client_id, currency, billed_month, is_entry, item_id
),

-- A line's cents are shared out anew when one of its entries changes. What only that moves by the smallest unit is not a change of the entry.
compared as (
    select
        sums.*,
        billed_months.invoice_id,
        billed_months.invoice_number,
        billed_months.adjusted_by,
        billed_months.billed_by,
        billed_months.invoice_id is not null
        and sums.is_entry
        and sums.raw_seconds = 0
        and sums.billable_seconds = 0
        and abs(sums.amount) * power(10, {{ decimals_of('currencies') }}) <= 1 as is_share
    from sums
    inner join billed_months
        on
            sums.client_id = billed_months.client_id
            and sums.currency = billed_months.currency
            and sums.billed_month = billed_months.billed_month
    left join currencies on sums.currency = currencies.currency
    where sums.raw_seconds != 0 or sums.billable_seconds != 0 or sums.amount != 0
),

weighed as (
    select
        *,
        bool_or(is_entry and not is_share) over bill as has_changed_entry,
        coalesce(sum(amount) filter (where is_share) over bill, 0) as shares,
        row_number() over (
            partition by client_id, currency, billed_month order by is_entry and not is_share desc, abs(amount) desc, item_id
        ) as place
    from compared
    window bill as (partition by client_id, currency, billed_month)
),

-- The entry that changed most takes them; where no entry changed, a price has changed by so little, or nothing has.
kept as (
    select
        client_id,
        currency,
        billed_month,
        is_entry,
        item_id,
        invoice_id,
        invoice_number,
        adjusted_by,
        billed_by,
        coalesce(was_raw_seconds, 0) as was_raw_seconds,
        coalesce(was_seconds, 0) as was_seconds,
        coalesce(was_amount, 0) as was_amount,
        raw_seconds,
        billable_seconds,
        amount + case when has_changed_entry and place = 1 then shares else 0 end as amount
    from weighed
    where not is_share or not has_changed_entry and shares != 0
),

-- The next bill of the client and currency: a month that has lines, else that of as_of, or the first after it that is open.
next_bills as (
    select
        billed_months.client_id,
        billed_months.currency,
        billed_months.billed_month,
        coalesce(
            case when billed_months.invoice_id is null then billed_months.billed_month end,
            (
                select min(lines.invoice_month)
                from lines
                where
                    lines.client_id = billed_months.client_id
                    and lines.currency = billed_months.currency
                    and lines.invoice_month > billed_months.billed_month
                    and lines.invoice_month <= agency.last_month
                    and not exists (
                        select 1 from closed_months
                        where
                            closed_months.client_id = lines.client_id
                            and closed_months.currency = lines.currency
                            and closed_months.billed_month = lines.invoice_month
                    )
            ),
            (
                select min(months.first_day)::date
                from
                    generate_series(
                        greatest(agency.last_month, (billed_months.billed_month + interval '1 month')::date)::timestamp,
                        -- One of so many is open.
                        greatest(agency.last_month, billed_months.billed_month)
                        + make_interval(months => 1 + (select count(*) from closed_months)::integer),
                        interval '1 month'
                    ) as months (first_day)
                where not exists (
                    select 1 from closed_months
                    where
                        closed_months.client_id = billed_months.client_id
                        and closed_months.currency = billed_months.currency
                        and closed_months.billed_month = months.first_day::date
                )
            )
        ) as adjusted_month
    from billed_months
    cross join agency
    where exists (
        select 1 from kept
        where
            kept.client_id = billed_months.client_id
            and kept.currency = billed_months.currency
            and kept.billed_month = billed_months.billed_month
    )
),

-- Seconds worked that change nothing of the bill make no line, and neither do amounts that are only written otherwise.
stated as (
    select
        kept.*,
        next_bills.adjusted_month,
        case
            when kept.is_entry
                then bool_or(kept.billable_seconds != 0 or kept.amount != 0) over lines_of_bill
            else sum(kept.amount) over lines_of_bill != 0
        end as is_stated
    from kept
    inner join next_bills
        on
            kept.client_id = next_bills.client_id
            and kept.currency = next_bills.currency
            and kept.billed_month = next_bills.billed_month
    window lines_of_bill as (partition by kept.client_id, kept.currency, kept.billed_month, kept.is_entry)
),

final as (
    select
        client_id,
        currency,
        billed_month as restated_month,
        invoice_id,
        invoice_number,
        adjusted_by,
        billed_by,
        case when is_entry then item_id end as time_entry_id,
        case when not is_entry then item_id end as prefill_line_id,
        was_seconds,
        was_seconds + billable_seconds as now_seconds,
        was_amount,
        was_amount + amount as now_amount,
        raw_seconds,
        billable_seconds,
        amount,
        adjusted_month,
        case
            when is_stated
                then
                    -- All digits, so that it is nobody else's.
                    'LIN-' || left({{ natural_key_hash(
                        "concat_ws('|', client_id, currency, adjusted_month, 'adjustment', billed_month, is_entry)"
                    ) }}, 16)
        end as line_id
    from stated
)

select * from final
