select
    coalesce(model, '(no model)') as model,
    answers,
    sessions,
    output_tokens,
    first_answered_at,
    last_answered_at
from reports.unpriced_models
order by answers desc, model asc;
