{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['client_id', 'invoice_month']},
    {'columns': ['invoice_month']},
]) }}

with

prefills as (
    select * from {{ ref('int_billing__prefills') }}
),

warnings as (
    select
        prefill_id,
        jsonb_agg(jsonb_build_object('code', code, 'detail', detail) order by code, detail) as warnings,
        array_agg(distinct code order by code) as warning_codes
    from {{ ref('int_billing__warnings') }}
    group by prefill_id
),

final as (
    select
        prefills.prefill_id as id,
        prefills.client_id,
        prefills.currency,
        prefills.invoice_month,
        prefills.subtotal,
        prefills.tax_rate,
        prefills.tax,
        prefills.subtotal + prefills.tax as total,
        coalesce(warnings.warnings, '[]'::jsonb) as warnings,
        coalesce(warnings.warning_codes, '{}'::text[]) as warning_codes,
        prefills.vat_category,
        prefills.vat_exemption_reason
    from prefills
    left join warnings on prefills.prefill_id = warnings.prefill_id
)

select * from final
