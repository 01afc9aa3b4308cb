-- The documents of an invoice (rules 10.14 and 10.15). Runs as billing_keeper.

alter table billing.invoice_documents drop constraint invoice_documents_kind_check;
alter table billing.invoice_documents add constraint invoice_documents_kind_check check (kind in (
    'html', 'pdf', 'cii', 'ubl', 'canceled_html', 'canceled_pdf', 'appendix_html', 'appendix_pdf'
));

-- Invoices of before cannot have their document in the transaction that issued them; they get it when it is first asked for.
create table billing.invoices_before_documents (
    invoice_id text primary key references billing.invoices
);
insert into billing.invoices_before_documents select id from billing.invoices where status <> 'draft';
comment on table billing.invoices_before_documents is
'Invoices that were issued before documents were kept, and so may lack one. Nothing is ever added.';

create function billing.has_its_document() returns trigger language plpgsql security definer set search_path = '' as $$
declare
    needed text;
begin
    foreach needed in array case new.status when 'draft' then '{}' when 'canceled' then '{html,canceled_html}' else '{html}' end::text[] loop
        if not exists (select 1 from billing.invoice_documents as d where d.invoice_id = new.id and d.kind = needed)
            and not exists (select 1 from billing.invoices_before_documents as b where b.invoice_id = new.id) then
            raise exception 'invoice % lacks its document %', new.invoice_number, needed using errcode = 'check_violation';
        end if;
    end loop;
    return null;
end
$$;

create constraint trigger documented after insert or update on billing.invoices
deferrable initially deferred for each row execute function billing.has_its_document();
create trigger no_delete before delete on billing.invoices_before_documents for each row execute function billing.refuse();
create trigger no_truncate before truncate on billing.invoices_before_documents for each statement execute function billing.refuse();
create trigger no_update before update on billing.invoices_before_documents for each row execute function billing.refuse();

-- Also for a session that replays a stream of changes, in which triggers otherwise do not fire.
alter table billing.invoices enable always trigger documented;
alter table billing.invoices_before_documents enable always trigger no_delete;
alter table billing.invoices_before_documents enable always trigger no_truncate;
alter table billing.invoices_before_documents enable always trigger no_update;

grant select on billing.invoices_before_documents to owner, transformer, finance;
revoke execute on function billing.has_its_document from public;
