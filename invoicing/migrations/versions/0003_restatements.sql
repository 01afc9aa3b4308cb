-- Later edits of billed time reach the next bill; a negative bill is a credit note (rules 10.4 and 10.7). Runs as billing_keeper.

-- What a prefill's line says about itself, so that the line of an issued month is shown as it was billed.
alter table billing.invoice_line_items
add column application_id text,
add column billing_rule_id text,
add column rate_tier text;

-- A credit note that corrects one invoice mirrors it; one that corrects none is a negative bill, and bills its month as an invoice does.
do $$
declare
    one text;
begin
    select c.conname into strict one
    from pg_constraint as c
    where
        c.conrelid = 'billing.invoices'::regclass and c.contype = 'c'
        and pg_get_constraintdef(c.oid) like '%credit_note%' and pg_get_constraintdef(c.oid) like '%corrects_invoice_id%';
    execute format('alter table billing.invoices drop constraint %I', one);
end
$$;
alter table billing.invoices add constraint only_credit_notes_correct check (corrects_invoice_id is null or kind = 'credit_note');
-- Not of rows that somebody wrote by hand before.
alter table billing.invoices add constraint a_bill_is_a_credit_note_if_negative
check (corrects_invoice_id is not null or (kind = 'credit_note') = (total < 0)) not valid;

-- The column keeps four decimals of the tax rate, and a rate of 8.875 % has more.
do $$
declare
    one text;
begin
    select c.conname into strict one
    from pg_constraint as c
    where
        c.conrelid = 'billing.invoices'::regclass and c.contype = 'c'
        and pg_get_constraintdef(c.oid) like '%tax_rate%' and pg_get_constraintdef(c.oid) like '%abs%';
    execute format('alter table billing.invoices drop constraint %I', one);
end
$$;
alter table billing.invoices add constraint tax_is_of_the_subtotal
check (abs(tax - subtotal * tax_rate) <= 0.5 + abs(subtotal) * 0.00005);

-- The trigger below keeps it, because a generated column cannot get another expression before PostgreSQL 17.
alter table billing.invoices alter column is_live drop expression;

create function billing.keep_is_live() returns trigger language plpgsql security definer set search_path = '' as $$
begin
    new.is_live := new.corrects_invoice_id is null and new.canceled_at is null and new.credited_at is null;
    return new;
end
$$;
-- After `guard`, which compares the rest of the row; triggers run in order of their names.
create trigger keep_is_live before insert or update on billing.invoices
for each row execute function billing.keep_is_live();
alter table billing.invoices enable always trigger keep_is_live;
comment on column billing.invoices.is_live is
'Whether it bills its month: neither canceled, nor credited, nor the mirror of an invoice that is credited.';
revoke execute on function billing.keep_is_live from public;

-- An adjustment bills the month that it restates. Invoices never change, so the same ones bill the same.
create function billing.billed_by(client_id text, currency text, billed_month date) returns text
language sql stable security definer set search_path = '' as $$
    select coalesce(string_agg(i.id, ',' order by i.id), '')
    from billing.invoices as i
    where
        i.is_live and i.status <> 'draft' and i.client_id = $1 and i.currency = $2
        and (
            i.invoice_month = $3
            or exists (
                select 1 from billing.invoice_line_items as l
                where l.invoice_id = i.id and (l.billing_rule_snapshot ->> 'restated_month')::date = $3
            )
        )
$$;
comment on function billing.billed_by is 'Live invoices of a month, and those that adjust it.';
revoke execute on function billing.billed_by from public;
grant execute on function billing.billed_by to owner, transformer, finance, analyst;
