{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['issue_id', 'transitioned_at']},
    {'columns': ['issue_key']},
    {'columns': ['author_id']},
    {'columns': ['to_status']},
    {'columns': ['transitioned_at']},
]) }}

with

transitions as (
    select * from {{ ref('stg_jira__transitions') }}
),

stints as (
    select * from {{ ref('int_engineering__status_stints') }}
),

accounts as (
    select * from {{ ref('int_identity__accounts') }}
    where system = 'jira'
),

agency as (
    select * from {{ ref('int_identity__agency') }}
),

final as (
    select
        transitions.transition_id as id,
        transitions.issue_id,
        transitions.issue_key,
        transitions.from_status,
        coalesce(previous_stints.status_category, 'undefined') as from_status_category,
        transitions.to_status,
        stints.status_category as to_status_category,
        transitions.author_name as author,
        transitions.author_account_id,
        accounts.developer_id as author_id,
        transitions.transitioned_at,
        previous_stints.seconds as seconds_in_from_status,
        stints.seconds as seconds_in_to_status,
        stints.left_at is null as is_latest,
        transitions.is_deleted,
        stints.number as position
    from transitions
    cross join agency
    inner join stints on transitions.transition_id = stints.transition_id
    left join stints as previous_stints
        on
            stints.issue_id = previous_stints.issue_id
            and stints.number - 1 = previous_stints.number
    left join accounts on
        transitions.author_account_id = accounts.native_id
        and {{ local_date('transitions.transitioned_at', 'agency.timezone') }} between accounts.valid_from and accounts.valid_to
)

select * from final
