select
    deposits.date,
    deposits.amount,
    deposits.currency,
    deposits.payer,
    deposits.description,
    deposits.client,
    deposits.why,
    (
        select string_agg(
            concat_ws(
                ' ',
                (select string_agg(numbers.number, ' + ') from jsonb_array_elements_text(candidate.said -> 'numbers') as numbers (number)),
                '(open ' || (candidate.said ->> 'open') || ' ' || (candidate.said ->> 'currency') || '):',
                candidate.said ->> 'why_not'
            ), '; ' order by candidate.place
        )
        from jsonb_array_elements(deposits.candidates) with ordinality as candidate (said, place)
    ) as candidates,
    deposits.id as deposit
from reports.unmatched_deposits as deposits
where
    (%(client)s::text is null or deposits.client_id = %(client)s)
    and (%(currency)s::text is null or deposits.currency = %(currency)s)
order by deposits.date desc, deposits.id asc;
