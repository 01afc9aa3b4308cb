select
    restatements.state,
    restatements.client,
    restatements.invoice_number as invoice,
    restatements.invoice_month,
    restatements.local_date as day,
    developers.name as person,
    restatements.issue_key,
    case when restatements.time_entry_id is null then 'fixed amount' else restatements.description end as what,
    round(restatements.was_seconds / 3600.0, 2) as billed_hours,
    round(restatements.now_seconds / 3600.0, 2) as hours_now,
    restatements.was_amount as billed_amount,
    restatements.now_amount as amount_now,
    restatements.amount as difference,
    restatements.currency,
    restatements.adjusted_by,
    restatements.found_at,
    restatements.time_entry_id
from reports.restatements
left join marts.developers on restatements.developer_id = developers.id
where
    (
        restatements.state = 'waits'
        or (
            restatements.found_at >= %(start_date)s::timestamp at time zone 'UTC'
            -- A finding of the day of as_of may be past midnight in UTC.
            and restatements.found_at < (%(end_date)s::date + 2)::timestamp at time zone 'UTC'
        )
    )
    and (%(client)s::text is null or restatements.client_id = %(client)s)
    and (%(currency)s::text is null or restatements.currency = %(currency)s)
order by restatements.state = 'waits' desc, restatements.found_at desc, restatements.id asc;
