with

projects as (
    select * from {{ ref('int_identity__projects') }}
),

project_names as (
    select * from {{ ref('int_identity__project_names') }}
),

classifications as (
    select * from {{ ref('stg_reference__project_classifications') }}
    where not is_deleted and project is not null
),

former_project_keys as (
    select * from {{ ref('int_identity__former_project_keys') }}
),

label_classes as (
    select * from {{ ref('int_agreements__label_classes') }}
),

own_classes as (
    select distinct on (project_names.project_id)
        project_names.project_id,
        classifications.classification
    from classifications
    inner join project_names on {{ natural_key('classifications.project') }} = project_names.name
    order by
        project_names.project_id,
        array_position(array['excluded', 'overhead', 'internal', 'billable'], classifications.classification)
),

-- For a classification, a project's labels, name and Jira keys (present and former) are all labels.
labels as (
    select
        project_id,
        {{ natural_key('name') }} as label
    from projects
    union
    select
        project_id,
        {{ natural_key('jira_project_key') }}
    from projects
    where jira_project_key is not null
    union
    select
        projects.project_id,
        {{ natural_key('former_project_keys.former_key') }}
    from projects
    inner join former_project_keys on projects.jira_project_key = former_project_keys.project_key
    union
    select
        projects.project_id,
        {{ natural_key('labels.label') }}
    from projects
    cross join lateral unnest(projects.labels) as labels (label)
),

labelled_classes as (
    select
        labels.project_id,
        max(array_position(array['billable', 'internal', 'overhead', 'excluded'], label_classes.classification)) as strictness
    from labels
    inner join label_classes on labels.label = label_classes.label
    group by labels.project_id
),

final as (
    select
        projects.project_id,
        own_classes.classification as own_classification,
        (array['billable', 'internal', 'overhead', 'excluded'])[labelled_classes.strictness] as label_classification,
        coalesce(
            own_classes.classification,
            (array['billable', 'internal', 'overhead', 'excluded'])[labelled_classes.strictness],
            'billable'
        ) as classification
    from projects
    left join own_classes on projects.project_id = own_classes.project_id
    left join labelled_classes on projects.project_id = labelled_classes.project_id
)

select * from final
