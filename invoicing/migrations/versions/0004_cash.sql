-- Bank deposits and what they pay (rules 10.14 to 10.16). Runs as billing_keeper.

create table billing.payer_aliases (
    id bigint generated always as identity primary key,
    payer text not null check (payer <> ''),
    client_id text not null,
    payment_id text not null references billing.payments,
    actor text not null check (actor <> ''),
    decided_at timestamptz not null default clock_timestamp(),
    withdrawn_at timestamptz
);
create unique index one_alias_of_payer_and_client on billing.payer_aliases (payer, client_id) where withdrawn_at is null;
create index on billing.payer_aliases (payment_id);
comment on table billing.payer_aliases is
'Who pays for which client, as a person has decided (`workledger cash apply --remember`); withdrawn with the payment that it came from.';

create table billing.joined_deposits (
    id bigint generated always as identity primary key,
    payment_id text not null references billing.payments,
    bank_transaction_id text not null,
    reasons jsonb not null default '[]',
    actor text not null check (actor <> ''),
    joined_at timestamptz not null default clock_timestamp(),
    parted_at timestamptz
);
create unique index one_deposit_of_a_payment on billing.joined_deposits (payment_id) where parted_at is null;
create index on billing.joined_deposits (bank_transaction_id);
comment on table billing.joined_deposits is
'Which bank deposit is a payment that was recorded by hand before; several payments may have come as one deposit.';

create table billing.unmatched_deposits (
    bank_transaction_id text primary key,
    why text not null,
    candidates jsonb not null default '[]',
    looked_at timestamptz not null default clock_timestamp()
);
comment on table billing.unmatched_deposits is
'Why a deposit was not matched when it was last looked at, and what it could be; reports.unmatched_deposits leaves out those that were used since.';

-- They run as whoever inserts, who can take these locks and read these tables.

create function billing.guard_join() returns trigger language plpgsql set search_path = '' as $$
begin
    if tg_op = 'UPDATE' then
        if (to_jsonb(new) - 'parted_at') is distinct from (to_jsonb(old) - 'parted_at') or old.parted_at is not null then
            raise exception 'deposit % and payment % are joined or parted, and nothing else', old.bank_transaction_id, old.payment_id
                using errcode = 'restrict_violation';
        end if;
        return new;
    end if;
    if new.parted_at is not null then
        raise exception 'deposit % must begin joined', new.bank_transaction_id using errcode = 'restrict_violation';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('workledger.deposit|' || new.bank_transaction_id, 0));
    -- As whoever takes the payment back.
    perform pg_advisory_xact_lock(hashtextextended('workledger.payment|' || new.payment_id, 0));
    perform 1 from billing.payments as p
    where p.id = new.payment_id and p.source = 'manual' and p.kind = 'receipt' and p.reverses_payment_id is null and not exists (
        select 1 from billing.payments as r where r.reverses_payment_id = p.id
    );
    if not found then
        raise exception 'payment % is no payment by hand, or was taken back', new.payment_id using errcode = 'restrict_violation';
    end if;
    if exists (
        select 1 from billing.payments as p
        where
            p.bank_transaction_id = new.bank_transaction_id and p.kind = 'receipt' and p.reverses_payment_id is null
            and not exists (select 1 from billing.payments as r where r.reverses_payment_id = p.id)
    ) then
        raise exception 'deposit % is used already', new.bank_transaction_id using errcode = 'unique_violation';
    end if;
    return new;
end
$$;

-- The other way round: a deposit that is joined is no new payment.
create function billing.guard_joined() returns trigger language plpgsql set search_path = '' as $$
begin
    if new.reverses_payment_id is null and new.kind = 'receipt' and new.bank_transaction_id is not null then
        perform pg_advisory_xact_lock(hashtextextended('workledger.deposit|' || new.bank_transaction_id, 0));
        if exists (
            select 1 from billing.joined_deposits as j where j.bank_transaction_id = new.bank_transaction_id and j.parted_at is null
        ) then
            raise exception 'deposit % is joined with a payment by hand', new.bank_transaction_id using errcode = 'unique_violation';
        end if;
    end if;
    return new;
end
$$;

create function billing.guard_alias() returns trigger language plpgsql set search_path = '' as $$
begin
    if (to_jsonb(new) - 'withdrawn_at') is distinct from (to_jsonb(old) - 'withdrawn_at') or old.withdrawn_at is not null then
        raise exception 'payer % is remembered or withdrawn, and nothing else', old.payer using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

do $$
declare
    name text;
begin
    foreach name in array array['payer_aliases', 'joined_deposits', 'unmatched_deposits'] loop
        execute format('create trigger no_delete before delete on billing.%I for each row execute function billing.refuse()', name);
        execute format('create trigger no_truncate before truncate on billing.%I for each statement execute function billing.refuse()', name);
    end loop;
end
$$;

create trigger guard before insert or update on billing.joined_deposits for each row execute function billing.guard_join();
create trigger guard before update on billing.payer_aliases for each row execute function billing.guard_alias();
create trigger guard_joined before insert on billing.payments for each row execute function billing.guard_joined();

-- Also for a session that replays a stream of changes, in which triggers otherwise do not fire.
do $$
declare
    one record;
begin
    for one in
        select relations.relname, triggers.tgname
        from pg_trigger as triggers
        inner join pg_class as relations on triggers.tgrelid = relations.oid
        where relations.relnamespace = 'billing'::regnamespace and not triggers.tgisinternal and triggers.tgenabled <> 'A'
    loop
        execute format('alter table billing.%I enable always trigger %I', one.relname, one.tgname);
    end loop;
end
$$;

grant select on billing.payer_aliases, billing.joined_deposits, billing.unmatched_deposits to owner, transformer, finance;
grant select on all sequences in schema billing to owner;
grant insert on billing.payer_aliases, billing.joined_deposits, billing.unmatched_deposits to owner;
grant update (withdrawn_at) on billing.payer_aliases to owner;
grant update (parted_at) on billing.joined_deposits to owner;
grant update (why, candidates, looked_at) on billing.unmatched_deposits to owner;
revoke execute on function billing.guard_join, billing.guard_joined, billing.guard_alias from public;
