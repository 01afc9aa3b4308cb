-- A client disputes an invoice, and the dispute ends (rule 10.24). Runs as billing_keeper.

alter table billing.invoice_events drop constraint invoice_events_event_type_check;
alter table billing.invoice_events add constraint invoice_events_event_type_check check (event_type in (
    'issued', 'canceled', 'credited', 'credit_applied', 'payment_allocated', 'written_off', 'payment_reversed', 'document_stored', 'delivery',
    'disputed', 'dispute_ended'
));
