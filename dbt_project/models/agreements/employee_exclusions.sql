{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['developer_id']},
    {'columns': ['jira_account_id']},
    {'columns': ['valid_from']},
    {'columns': ['valid_to']},
]) }}

with

exclusions as (
    select * from {{ ref('stg_reference__employee_exclusions') }}
),

identifiers as (
    select * from {{ ref('identifiers') }}
    where kind = 'EXC'
),

accounts as (
    select * from {{ ref('int_identity__accounts') }}
    where system = 'jira'
),

-- The developer who has the account now, or had it last.
holders as (
    select distinct on (native_id)
        native_id,
        developer_id
    from accounts
    order by native_id asc, valid_from desc
),

final as (
    select
        identifiers.id,
        exclusions.jira_account_id,
        holders.developer_id,
        exclusions.type,
        exclusions.valid_from,
        exclusions.valid_to,
        exclusions.is_deleted,
        exclusions.deleted_at
    from exclusions
    inner join identifiers on exclusions.row_key = identifiers.natural_key
    left join holders on exclusions.jira_account_id = holders.native_id
)

select * from final
