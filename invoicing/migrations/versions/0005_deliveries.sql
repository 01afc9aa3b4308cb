-- What is to be signed of an e-document, and its signature (rule 10.20). Runs as billing_keeper.

alter table billing.deliveries add column to_sign text;
alter table billing.deliveries add column signature text;
alter table billing.deliveries add column signed_at timestamptz;
comment on column billing.deliveries.to_sign is 'What a person is to sign, in base64, as the other side has made it.';
comment on column billing.deliveries.signature is 'The signature that was handed in: PKCS#7 in base64.';
comment on column billing.deliveries.signed_at is 'When it was handed in.';

create or replace function billing.guard_delivery() returns trigger language plpgsql security definer set search_path = '' as $$
declare
    movable constant text[] := array[
        'state', 'attempts', 'next_attempt_at', 'external_id', 'last_error', 'delivered_at', 'to_sign', 'signature', 'signed_at'
    ];
begin
    if tg_op = 'UPDATE' then
        if (to_jsonb(new) - movable) is distinct from (to_jsonb(old) - movable) or old.state || '>' || new.state not in (
            'queued>queued', 'queued>sending', 'sending>delivered', 'sending>failed', 'sending>unknown', 'failed>failed', 'failed>sending',
            'unknown>unknown', 'unknown>delivered', 'unknown>failed', 'delivered>delivered'
        ) then
            raise exception 'delivery %: % to % is no step', old.id, old.state, new.state using errcode = 'restrict_violation';
        end if;
        -- Written once.
        if old.signature is not null and (old.to_sign, old.signature, old.signed_at) is distinct from (new.to_sign, new.signature, new.signed_at) then
            raise exception 'delivery % is signed', old.id using errcode = 'restrict_violation';
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

grant update (to_sign, signature, signed_at) on billing.deliveries to owner;
