select
    id as payment_id,
    client_id,
    kind,
    method,
    source,
    received_on,
    amount,
    currency::text as currency,
    reverses_payment_id,
    actor,
    recorded_at
from {{ source('invoicing', 'payments') }}
