{{ hours_report([
    'local_date',
    'project_id',
    'project',
    'client_id',
    'client',
    'contract_id',
    'contract_number',
    'developer_id',
    'developer',
    'source',
    'service_type',
    'work_location',
]) }}
