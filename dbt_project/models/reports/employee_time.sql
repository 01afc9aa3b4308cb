{{ hours_report([
    'developer_id',
    'developer',
    'client_id',
    'client',
    'project_id',
    'project',
    'contract_id',
    'contract_number',
    'source',
    'service_type',
    'work_location',
    'local_date',
]) }}
