select
    id as event_id,
    invoice_id,
    event_type,
    actor,
    occurred_at,
    payload
from {{ source('invoicing', 'invoice_events') }}
