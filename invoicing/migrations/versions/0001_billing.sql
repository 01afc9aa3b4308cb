-- Invoices, payments and what proves them (rules, chapter 10). Runs as billing_keeper, which nobody logs in as; the schema exists.

create table billing.number_series (
    series text primary key,
    format text not null,
    reset text not null check (reset in ('never', 'year', 'month'))
);
comment on table billing.number_series is
'How invoice numbers are formed: one series of the agency, and one of each client whose numbers are its own.';

-- The row's lock and the triggers below make numbers gapless: a counter moves by one, and only with the invoice that took its number.
create table billing.number_counters (
    series text references billing.number_series,
    period text,
    next_number bigint not null default 1 check (next_number > 0),
    primary key (series, period)
);
comment on table billing.number_counters is 'The next number of a series in a year, a month, or at all.';

create table billing.invoices (
    id text primary key check (id ~ '^INV-[0-9a-f]{8,}$'),
    kind text not null default 'invoice' check (kind in ('invoice', 'credit_note')),
    corrects_invoice_id text references billing.invoices,
    client_id text not null,
    project_id text,
    currency char(3) not null,
    invoice_month date not null check (extract(day from invoice_month) = 1),
    prefill_id text not null,
    prefill_hash text not null,
    series text,
    number_period text,
    number bigint check (number > 0),
    invoice_number text unique,
    status text not null default 'draft' check (status in ('draft', 'sent', 'partial', 'paid', 'canceled')),
    issue_date date,
    supply_from date,
    supply_to date,
    due_date date,
    payment_terms text not null,
    subtotal numeric(14, 2) not null,
    tax_rate numeric(7, 4) not null check (tax_rate >= 0),
    tax numeric(14, 2) not null,
    total numeric(14, 2) not null,
    settled numeric(14, 2) not null default 0,
    seller jsonb not null,
    buyer jsonb not null,
    accepted_warnings jsonb not null default '[]',
    notes text,
    metadata jsonb not null default '{}',
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    approved_at timestamptz,
    finalized_at timestamptz,
    canceled_on date,
    canceled_at timestamptz,
    credited_at timestamptz,
    subtotal_cents bigint not null generated always as ((subtotal * 100)::bigint) stored,
    tax_cents bigint not null generated always as ((tax * 100)::bigint) stored,
    total_cents bigint not null generated always as ((total * 100)::bigint) stored,
    is_live boolean not null generated always as (kind = 'invoice' and canceled_at is null and credited_at is null) stored,
    foreign key (series, number_period) references billing.number_counters (series, period),
    unique (series, number_period, number),
    check (total = subtotal + tax),
    -- Half a unit is the most that rounding can do, in currencies without decimals.
    check (abs(tax - subtotal * tax_rate) <= 0.5),
    check (due_date >= issue_date),
    check (supply_to >= supply_from),
    check ((kind = 'credit_note') = (corrects_invoice_id is not null)),
    check (num_nonnulls(series, number_period, number, invoice_number, issue_date, due_date, finalized_at)
        = case status when 'draft' then 0 else 7 end),
    check (num_nonnulls(canceled_on, canceled_at) = case status when 'canceled' then 2 else 0 end),
    check (kind = 'invoice' or num_nonnulls(canceled_at, credited_at) = 0),
    constraint never_settled_beyond_the_total check (settled between least(0, total) and greatest(0, total))
);
create unique index one_live_invoice_per_prefill on billing.invoices (client_id, currency, invoice_month) where is_live;
create index on billing.invoices (client_id);
create index on billing.invoices (status);
create index on billing.invoices (due_date);
create index on billing.invoices (corrects_invoice_id);
comment on table billing.invoices is 'Invoices and credit notes. Once it has a number, nothing but its state can change.';
comment on column billing.invoices.settled is 'Paid, credited or written off so far: the sum of its allocations, kept by the database.';
comment on column billing.invoices.is_live is 'Whether it bills its month: neither canceled nor credited.';

create table billing.invoice_line_items (
    id text primary key check (id ~ '^LNI-[0-9a-f]{8,}$'),
    invoice_id text not null references billing.invoices,
    position int not null check (position > 0),
    prefill_line_id text,
    corrects_line_id text references billing.invoice_line_items,
    time_entry_id text,
    basis text not null,
    line_type text not null,
    project_id text,
    issue_key text,
    contract_id text,
    contract_period_id text,
    description text not null,
    raw_seconds bigint not null,
    billable_seconds bigint not null,
    quantity numeric(14, 4) not null,
    unit_price numeric(16, 4) not null,
    rate_multiplier numeric(8, 4) not null default 1,
    line_total numeric(14, 2) not null,
    rate_source text,
    billing_rule_snapshot jsonb not null default '{}',
    unit_price_cents numeric(16, 2) not null generated always as (unit_price * 100) stored,
    amount_cents bigint not null generated always as ((line_total * 100)::bigint) stored,
    unique (invoice_id, position)
);
comment on table billing.invoice_line_items is 'Lines of invoices, with the agreement as it was applied.';
comment on column billing.invoice_line_items.time_entry_id is 'The entry, where the line bills one alone; all are in invoice_line_entries.';
create index on billing.invoice_line_items (contract_period_id);

create table billing.invoice_line_entries (
    line_id text references billing.invoice_line_items,
    time_entry_id text,
    raw_seconds bigint not null,
    billable_seconds bigint not null,
    amount numeric(14, 2) not null,
    entry_snapshot jsonb not null,
    primary key (line_id, time_entry_id)
);
create index on billing.invoice_line_entries (time_entry_id);
comment on table billing.invoice_line_entries is 'Which time entries a line bills, and each entry as it was then.';

create table billing.invoice_events (
    id bigint generated always as identity primary key,
    invoice_id text not null references billing.invoices,
    event_type text not null check (event_type in (
        'issued', 'canceled', 'credited', 'credit_applied', 'payment_allocated', 'written_off', 'payment_reversed', 'document_stored', 'delivery'
    )),
    actor text not null check (actor <> ''),
    occurred_at timestamptz not null default clock_timestamp(),
    idempotency_key text unique,
    payload jsonb not null default '{}'
);
create index on billing.invoice_events (invoice_id);
comment on table billing.invoice_events is 'Who did what to an invoice, and when.';

create table billing.invoice_documents (
    id text primary key,
    invoice_id text not null references billing.invoices,
    kind text not null check (kind in ('html', 'pdf', 'cii', 'ubl', 'facturx_pdf', 'canceled_pdf')),
    media_type text not null,
    sha256 char(64) not null,
    bytes bytea not null,
    renderer text not null,
    template_version text not null,
    created_at timestamptz not null default clock_timestamp(),
    unique (invoice_id, kind),
    check (sha256 = encode(sha256(bytes), 'hex'))
);
comment on table billing.invoice_documents is 'The paper itself, written once and never made again.';

create table billing.deliveries (
    id text primary key,
    invoice_id text not null references billing.invoices,
    document_sha256 char(64) not null,
    channel text not null check (channel in ('email', 'storage', 'accounting', 'e_document')),
    target text not null,
    idempotency_key text not null unique,
    state text not null check (state in ('queued', 'sending', 'delivered', 'failed', 'unknown')),
    attempts int not null default 0,
    next_attempt_at timestamptz,
    external_id text,
    last_error text,
    created_at timestamptz not null default clock_timestamp(),
    delivered_at timestamptz
);
create index on billing.deliveries (invoice_id);
comment on table billing.deliveries is 'What was sent where, and whether it arrived; unknown after a crash while sending.';

create table billing.payments (
    id text primary key check (id ~ '^PAY-[0-9a-f]{8,}$'),
    client_id text,
    method text not null check (method in ('ach', 'card', 'wire', 'check', 'other')),
    source text not null check (source in ('bank', 'manual')),
    bank_transaction_id text,
    deposit_use int,
    kind text not null default 'receipt' check (kind in ('receipt', 'refund', 'write_off', 'fee', 'fx_difference')),
    received_on date not null,
    amount numeric(14, 2) not null check (amount <> 0),
    currency char(3) not null,
    allocated numeric(14, 2) not null default 0,
    reference text,
    reverses_payment_id text unique references billing.payments,
    recorded_at timestamptz not null default clock_timestamp(),
    actor text not null check (actor <> ''),
    idempotency_key text not null unique,
    check ((source = 'bank') = (bank_transaction_id is not null)),
    check (reverses_payment_id is not null
        or case kind when 'receipt' then amount > 0 when 'write_off' then amount > 0 when 'refund' then amount < 0 else true end),
    constraint never_allocated_beyond_the_amount check (allocated between least(0, amount) and greatest(0, amount))
);
create unique index one_receipt_per_deposit on billing.payments (bank_transaction_id, deposit_use);
create index on billing.payments (client_id);
comment on table billing.payments is 'Money that came or went, and what stands for it: write-offs, fees, exchange differences.';
comment on column billing.payments.allocated is 'Of amount, what is allocated to invoices: kept by the database.';

create table billing.payment_allocations (
    id bigint generated always as identity primary key,
    payment_id text references billing.payments,
    credit_note_id text references billing.invoices,
    invoice_id text not null references billing.invoices,
    amount numeric(14, 2) not null check (amount <> 0),
    payment_amount numeric(14, 2) not null check (payment_amount <> 0),
    effective_on date not null,
    reverses_allocation_id bigint unique references billing.payment_allocations,
    match_rule text,
    confidence numeric(5, 4),
    reasons jsonb not null default '[]',
    recorded_at timestamptz not null default clock_timestamp(),
    actor text not null check (actor <> ''),
    check (num_nonnulls(payment_id, credit_note_id) = 1),
    check (sign(amount) = sign(payment_amount))
);
create index on billing.payment_allocations (payment_id);
create index on billing.payment_allocations (credit_note_id);
create index on billing.payment_allocations (invoice_id);
comment on table billing.payment_allocations is 'Which payment, or which credit note, settles how much of which invoice.';
comment on column billing.payment_allocations.payment_amount is 'In the currency of the payment; amount is in that of the invoice.';

create table billing.restatements (
    id text primary key check (id ~ '^RES-[0-9a-f]{8,}$'),
    invoice_id text not null references billing.invoices,
    client_id text not null,
    currency char(3) not null,
    invoice_month date not null,
    time_entry_id text,
    prefill_line_id text,
    was_seconds bigint not null,
    now_seconds bigint not null,
    was_amount numeric(14, 2) not null,
    now_amount numeric(14, 2) not null,
    amount numeric(14, 2) not null generated always as (now_amount - was_amount) stored,
    found_at timestamptz not null default clock_timestamp(),
    -- An entry's time, or a line that bills a fixed amount.
    check (num_nonnulls(time_entry_id, prefill_line_id) = 1),
    check ((was_seconds, was_amount) <> (now_seconds, now_amount))
);
create index on billing.restatements (client_id, currency, invoice_month);
comment on table billing.restatements is 'What changed after it was billed: the entry, what was billed, what would be billed now.';

create table billing.settled_restatements (
    restatement_id text references billing.restatements,
    line_id text references billing.invoice_line_items,
    primary key (restatement_id, line_id)
);
comment on table billing.settled_restatements is 'Which adjustment line bills which restatement.';

create table billing.contract_reports (
    id text primary key,
    contract_period_id text not null unique,
    recipient text not null,
    sha256 char(64) not null,
    idempotency_key text not null unique,
    state text not null check (state in ('queued', 'sending', 'delivered', 'failed', 'unknown')),
    sent_at timestamptz
);
comment on table billing.contract_reports is 'Reports on contracts'' periods, each sent once.';

-- What is refused ---------------------------------------------------------------------------------------------------------------------------

create function billing.refuse() returns trigger language plpgsql as $$
begin
    raise exception 'billing.% keeps its rows: % is refused', tg_table_name, lower(tg_op) using errcode = 'restrict_violation';
end
$$;

-- They run as billing_keeper, because nobody else may write the columns that they keep, and so their search path is fixed.

create function billing.guard_counter() returns trigger language plpgsql as $$
begin
    if new.next_number <> (case tg_op when 'INSERT' then 1 else old.next_number + 1 end) then
        raise exception 'the counter of series % moves by one', new.series using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

create function billing.counter_moved_with_its_invoice() returns trigger language plpgsql security definer set search_path = '' as $$
begin
    if new.next_number > 1 and not exists (
        select 1 from billing.invoices as i
        where i.series = new.series and i.number_period = new.period and i.number = new.next_number - 1
    ) then
        raise exception 'number % of series % would be missing', new.next_number - 1, new.series using errcode = 'check_violation';
    end if;
    return null;
end
$$;

create function billing.guard_invoice() returns trigger language plpgsql security definer set search_path = '' as $$
declare
    -- Generated columns are empty before the row is written.
    movable constant text[] := array[
        'status', 'settled', 'canceled_on', 'canceled_at', 'credited_at', 'updated_at', 'is_live', 'subtotal_cents', 'tax_cents', 'total_cents'
    ];
begin
    if tg_op = 'INSERT' then
        if new.status <> 'draft' or new.settled <> 0 then
            raise exception 'invoice % must begin as a draft', new.id using errcode = 'restrict_violation';
        end if;
        return new;
    end if;
    if old.status <> 'draft' and (to_jsonb(new) - movable) is distinct from (to_jsonb(old) - movable) then
        raise exception 'invoice % is issued and cannot change', old.invoice_number using errcode = 'restrict_violation';
    end if;
    if old.status || '>' || new.status not in (
        'draft>draft', 'draft>sent', 'sent>sent', 'sent>partial', 'sent>paid', 'sent>canceled', 'partial>partial', 'partial>sent',
        'partial>paid', 'paid>paid', 'paid>partial', 'paid>sent'
    ) then
        raise exception 'invoice %: % to % is no step', coalesce(old.invoice_number, old.id), old.status, new.status
            using errcode = 'restrict_violation';
    end if;
    if old.credited_at is not null and new.credited_at is distinct from old.credited_at then
        raise exception 'invoice % is credited and stays so', old.invoice_number using errcode = 'restrict_violation';
    end if;
    if new.status in ('sent', 'partial', 'paid')
        and new.status <> (case when new.settled = 0 then 'sent' when new.settled = new.total then 'paid' else 'partial' end) then
        raise exception 'invoice % is not %: % of % are settled', new.invoice_number, new.status, new.settled, new.total
            using errcode = 'restrict_violation';
    end if;
    if new.status = 'canceled' then
        if new.kind <> 'invoice' or new.settled <> 0 or new.credited_at is not null or exists (
            select 1 from billing.deliveries as d where d.invoice_id = new.id and d.state in ('sending', 'delivered', 'unknown')
        ) then
            raise exception 'invoice % has left the house and cannot be canceled', new.invoice_number using errcode = 'restrict_violation';
        end if;
    end if;
    new.updated_at := clock_timestamp();
    return new;
end
$$;

-- At commit an issued invoice has lines that sum, entries that are its lines, events, its number within the counter, and a date in order.
create function billing.complete() returns trigger language plpgsql security definer set search_path = '' as $$
declare
    found_total numeric;
    spoilt text;
begin
    if new.status = 'draft' then
        return null;
    end if;
    select sum(l.line_total) into found_total from billing.invoice_line_items as l where l.invoice_id = new.id;
    if found_total is distinct from new.subtotal then
        raise exception 'invoice %: lines sum to %, not %', new.invoice_number, coalesce(found_total::text, 'nothing'), new.subtotal
            using errcode = 'check_violation';
    end if;
    select l.id into spoilt
    from billing.invoice_line_items as l
    inner join billing.invoice_line_entries as e on l.id = e.line_id
    where l.invoice_id = new.id
    group by l.id
    having sum(e.billable_seconds) <> l.billable_seconds or sum(e.raw_seconds) <> l.raw_seconds or sum(e.amount) <> l.line_total
    limit 1;
    if spoilt is not null then
        raise exception 'invoice %: the entries of line % are not the line', new.invoice_number, spoilt using errcode = 'check_violation';
    end if;
    if not exists (select 1 from billing.invoice_events as e where e.invoice_id = new.id and e.event_type = 'issued')
        or new.status = 'canceled'
        and not exists (select 1 from billing.invoice_events as e where e.invoice_id = new.id and e.event_type = 'canceled')
        or new.credited_at is not null
        and not exists (select 1 from billing.invoice_events as e where e.invoice_id = new.id and e.event_type = 'credited') then
        raise exception 'invoice % lacks an event', new.invoice_number using errcode = 'check_violation';
    end if;
    if not exists (
        select 1 from billing.number_counters as c
        where c.series = new.series and c.period = new.number_period and c.next_number > new.number
    ) then
        raise exception 'invoice %: number % was not taken from its counter', new.invoice_number, new.number using errcode = 'check_violation';
    end if;
    if exists (
        select 1 from billing.invoices as i
        where i.series = new.series and i.number_period = new.number_period and i.number < new.number and i.issue_date > new.issue_date
    ) then
        raise exception 'invoice % is dated before one with a lower number', new.invoice_number using errcode = 'check_violation';
    end if;
    if new.credited_at is not null and not exists (
        select 1 from billing.invoices as n where n.corrects_invoice_id = new.id and n.status <> 'draft' and n.total = -new.total
    ) then
        raise exception 'invoice % has no credit note', new.invoice_number using errcode = 'check_violation';
    end if;
    return null;
end
$$;

create function billing.guard_line() returns trigger language plpgsql security definer set search_path = '' as $$
declare
    issued text;
begin
    select i.invoice_number into issued
    from billing.invoices as i
    where
        i.id = case tg_table_name
            when 'invoice_line_items' then to_jsonb(new) ->> 'invoice_id'
            else (select l.invoice_id from billing.invoice_line_items as l where l.id = to_jsonb(new) ->> 'line_id')
        end
        and i.status <> 'draft';
    if found then
        raise exception 'invoice % is issued and gets no more lines', issued using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

create function billing.settle_once() returns trigger language plpgsql security definer set search_path = '' as $$
begin
    perform 1 from billing.restatements as r where r.id = new.restatement_id for no key update;
    if exists (
        select 1
        from billing.settled_restatements as s
        inner join billing.invoice_line_items as l on s.line_id = l.id
        inner join billing.invoices as i on l.invoice_id = i.id
        where s.restatement_id = new.restatement_id and i.is_live
    ) then
        raise exception 'restatement % is on an invoice already', new.restatement_id using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

create function billing.guard_payment() returns trigger language plpgsql security definer set search_path = '' as $$
declare
    original billing.payments;
    receipts int;
    reversed int;
begin
    if tg_op = 'UPDATE' then
        if (to_jsonb(new) - 'allocated') is distinct from (to_jsonb(old) - 'allocated') then
            raise exception 'payment % is recorded and cannot change', old.id using errcode = 'restrict_violation';
        end if;
        return new;
    end if;
    if new.allocated <> 0 then
        raise exception 'payment % must begin unallocated', new.id using errcode = 'restrict_violation';
    end if;
    new.deposit_use := null;
    if new.reverses_payment_id is not null then
        select p.* into original from billing.payments as p where p.id = new.reverses_payment_id for no key update;
        if (new.amount, new.currency, new.kind, new.client_id) is distinct from
            (-original.amount, original.currency, original.kind, original.client_id)
            or original.reverses_payment_id is not null or original.allocated <> 0 then
            raise exception 'payment % does not reverse %, or it is still allocated', new.id, new.reverses_payment_id
                using errcode = 'restrict_violation';
        end if;
    elsif new.kind = 'receipt' and new.bank_transaction_id is not null then
        select count(*), count(r.id) into receipts, reversed
        from billing.payments as p
        left join billing.payments as r on p.id = r.reverses_payment_id
        where p.bank_transaction_id = new.bank_transaction_id and p.kind = 'receipt' and p.reverses_payment_id is null;
        if receipts > reversed then
            raise exception 'deposit % is used already', new.bank_transaction_id using errcode = 'unique_violation';
        end if;
        -- Two at once get the same number, and the index refuses one.
        new.deposit_use := receipts + 1;
    end if;
    return new;
end
$$;

-- Payment first, invoice second, always in this order, and before the foreign keys take their locks: an update takes a lock that goes together
-- with theirs, so callers wait for each other and do not deadlock.
create function billing.allocate() returns trigger language plpgsql security definer set search_path = '' as $$
declare
    original billing.payment_allocations;
    payer text;
    payer_currency text;
    target billing.invoices;
begin
    if new.reverses_allocation_id is not null then
        select a.* into original from billing.payment_allocations as a where a.id = new.reverses_allocation_id;
        if (new.payment_id, new.credit_note_id, new.invoice_id, new.amount, new.payment_amount) is distinct from
            (original.payment_id, original.credit_note_id, original.invoice_id, -original.amount, -original.payment_amount)
            or original.reverses_allocation_id is not null then
            raise exception 'allocation % is not what is reversed', new.reverses_allocation_id using errcode = 'restrict_violation';
        end if;
    end if;
    if new.payment_id is not null then
        update billing.payments as p set allocated = p.allocated + new.payment_amount
        where p.id = new.payment_id
        returning p.client_id, p.currency into payer, payer_currency;
    else
        update billing.invoices as n
        set
            settled = n.settled - new.payment_amount,
            status = case when n.settled = new.payment_amount then 'sent' when n.settled - new.payment_amount = n.total then 'paid' else 'partial' end
        where n.id = new.credit_note_id and n.kind = 'credit_note' and n.status <> 'draft'
        returning n.client_id, n.currency into payer, payer_currency;
        if not found then
            raise exception '% is no issued credit note', new.credit_note_id using errcode = 'restrict_violation';
        end if;
    end if;
    update billing.invoices as i
    set
        settled = i.settled + new.amount,
        status = case when i.settled = -new.amount then 'sent' when i.settled + new.amount = i.total then 'paid' else 'partial' end
    where i.id = new.invoice_id and i.status in ('sent', 'partial', 'paid')
    returning i.* into target;
    if not found then
        raise exception 'invoice % is not open for payments', new.invoice_id using errcode = 'restrict_violation';
    end if;
    if payer_currency = target.currency and new.amount <> new.payment_amount then
        raise exception 'in one currency, % of the payment settle % of the invoice', new.payment_amount, new.amount
            using errcode = 'check_violation';
    end if;
    if new.credit_note_id is not null and (payer, payer_currency) is distinct from (target.client_id, target.currency::text) then
        raise exception 'credit note % is of another client or currency', new.credit_note_id using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

create function billing.guard_delivery() returns trigger language plpgsql security definer set search_path = '' as $$
declare
    movable constant text[] := array['state', 'attempts', 'next_attempt_at', 'external_id', 'last_error', 'delivered_at'];
begin
    if tg_op = 'UPDATE' then
        if (to_jsonb(new) - movable) is distinct from (to_jsonb(old) - movable) or old.state || '>' || new.state not in (
            'queued>queued', 'queued>sending', 'sending>delivered', 'sending>failed', 'sending>unknown', 'failed>failed', 'failed>sending',
            'unknown>unknown', 'unknown>delivered', 'unknown>failed', 'delivered>delivered'
        ) then
            raise exception 'delivery %: % to % is no step', old.id, old.state, new.state using errcode = 'restrict_violation';
        end if;
    end if;
    -- Waits for whoever is canceling the invoice, and the other way round.
    perform 1 from billing.invoices as i where i.id = new.invoice_id and i.status not in ('draft', 'canceled') for share;
    if not found and new.state in ('queued', 'sending') then
        raise exception 'invoice % is canceled or a draft and is not sent', new.invoice_id using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

do $$
declare
    name text;
begin
    foreach name in array array[
        'number_series', 'number_counters', 'invoices', 'invoice_line_items', 'invoice_line_entries', 'invoice_events', 'invoice_documents',
        'deliveries', 'payments', 'payment_allocations', 'restatements', 'settled_restatements', 'contract_reports'
    ] loop
        execute format('create trigger no_delete before delete on billing.%I for each row execute function billing.refuse()', name);
        execute format('create trigger no_truncate before truncate on billing.%I for each statement execute function billing.refuse()', name);
    end loop;
    foreach name in array array[
        'invoice_line_items', 'invoice_line_entries', 'invoice_events', 'invoice_documents', 'payment_allocations', 'restatements',
        'settled_restatements'
    ] loop
        execute format('create trigger no_update before update on billing.%I for each row execute function billing.refuse()', name);
    end loop;
end
$$;

create trigger guard before insert or update on billing.number_counters for each row execute function billing.guard_counter();
create trigger guard before insert or update on billing.invoices for each row execute function billing.guard_invoice();
create trigger guard before insert on billing.invoice_line_items for each row execute function billing.guard_line();
create trigger guard before insert on billing.invoice_line_entries for each row execute function billing.guard_line();
create trigger guard before insert on billing.settled_restatements for each row execute function billing.settle_once();
create trigger guard before insert or update on billing.payments for each row execute function billing.guard_payment();
create trigger guard before insert on billing.payment_allocations for each row execute function billing.allocate();
create trigger guard before insert or update on billing.deliveries for each row execute function billing.guard_delivery();
create constraint trigger complete after insert or update on billing.invoices
deferrable initially deferred for each row execute function billing.complete();
create constraint trigger taken after insert or update on billing.number_counters
deferrable initially deferred for each row execute function billing.counter_moved_with_its_invoice();

-- Also for a session that replays a stream of changes, in which triggers otherwise do not fire.
do $$
declare
    one record;
begin
    for one in
        select relations.relname, triggers.tgname
        from pg_trigger as triggers
        inner join pg_class as relations on triggers.tgrelid = relations.oid
        where relations.relnamespace = 'billing'::regnamespace and not triggers.tgisinternal
    loop
        execute format('alter table billing.%I enable always trigger %I', one.relname, one.tgname);
    end loop;
end
$$;

-- What is read ------------------------------------------------------------------------------------------------------------------------------

create view billing.invoice_payments as
select
    allocations.id::text as id,
    allocations.invoice_id,
    (allocations.amount * 100)::bigint as amount_cents,
    coalesce(payments.method, 'other') as method,
    coalesce(payments.received_on, allocations.effective_on)::timestamptz as received_at,
    coalesce(payments.reference, notes.invoice_number) as reference,
    allocations.recorded_at as created_at,
    allocations.payment_id,
    allocations.credit_note_id,
    coalesce(payments.kind, 'credit_note') as kind,
    allocations.amount
from billing.payment_allocations as allocations
left join billing.payments on allocations.payment_id = payments.id
left join billing.invoices as notes on allocations.credit_note_id = notes.id;
comment on view billing.invoice_payments is
'What settles an invoice, one row per invoice and payment; negative where it was taken back.';

create function billing.ar_open(as_of date, known_at timestamptz default 'infinity')
returns table (
    invoice_id text, invoice_number text, client_id text, currency char(3), issue_date date, due_date date, total numeric, settled numeric,
    open_amount numeric, days_past_due int, bucket text
) language sql stable security definer set search_path = '' as $$
    with allocations as (
        select * from billing.payment_allocations
        where effective_on <= as_of and recorded_at <= known_at
    ),
    invoices as (
        select i.*, coalesce(p.settled, 0) - coalesce(n.settled, 0) as settled_then
        from billing.invoices as i
        left join (select invoice_id, sum(amount) as settled from allocations group by invoice_id) as p on i.id = p.invoice_id
        left join (
            select credit_note_id, sum(payment_amount) as settled from allocations group by credit_note_id
        ) as n on i.id = n.credit_note_id
        where
            i.status <> 'draft' and i.issue_date <= as_of and i.finalized_at <= known_at
            and not (i.canceled_on is not null and i.canceled_on <= as_of and i.canceled_at <= known_at)
    ),
    -- One that was taken back, together with what took it back.
    payments as (
        select
            min(p.client_id) as client_id, min(p.currency) as currency, min(p.received_on) as received_on, sum(p.amount) as amount,
            coalesce(sum(a.used), 0) as used
        from billing.payments as p
        left join (select payment_id, sum(payment_amount) as used from allocations group by payment_id) as a on p.id = a.payment_id
        where p.kind in ('receipt', 'refund') and p.received_on <= as_of and p.recorded_at <= known_at
        group by coalesce(p.reverses_payment_id, p.id)
    )
    select
        id, invoice_number, client_id, currency, issue_date, due_date, total, settled_then, total - settled_then,
        case when kind = 'invoice' then greatest(as_of - due_date, 0) else 0 end,
        case
            when kind = 'credit_note' then 'unapplied'
            when as_of <= due_date then 'current'
            when as_of - due_date <= 30 then '1-30'
            when as_of - due_date <= 60 then '31-60'
            when as_of - due_date <= 90 then '61-90'
            else 'over 90'
        end
    from invoices
    where total <> settled_then
    union all
    select null, null, client_id, currency, received_on, null, -amount, -used, used - amount, 0, 'unapplied'
    from payments
    where used <> amount
$$;
comment on function billing.ar_open is
'Receivables as of a date: what was true then, or with known_at what was known then. Buckets sum to the receivable; money that is not allocated, and
credit notes, are in bucket unapplied.';

-- Who may do what ---------------------------------------------------------------------------------------------------------------------------

grant usage on schema billing to owner, transformer, finance, analyst;
grant select on all tables in schema billing to owner, transformer, finance;
-- For a dump of the schema.
grant select on all sequences in schema billing to owner;
grant select on billing.invoices, billing.invoice_line_items, billing.invoice_line_entries, billing.invoice_events, billing.invoice_payments
to analyst;
grant insert on
    billing.number_series, billing.number_counters, billing.invoices, billing.invoice_line_items, billing.invoice_line_entries,
    billing.invoice_events, billing.invoice_documents, billing.deliveries, billing.payments, billing.payment_allocations, billing.restatements,
    billing.settled_restatements, billing.contract_reports
to owner;
grant update (format, reset) on billing.number_series to owner;
grant update (next_number) on billing.number_counters to owner;
grant update (
    status, series, number_period, number, invoice_number, issue_date, due_date, finalized_at, canceled_on, canceled_at, credited_at
) on billing.invoices to owner;
grant update (state, attempts, next_attempt_at, external_id, last_error, delivered_at) on billing.deliveries to owner;
grant update (state, sent_at) on billing.contract_reports to owner;
revoke execute on all functions in schema billing from public;
grant execute on function billing.ar_open to owner, transformer, finance, analyst;
