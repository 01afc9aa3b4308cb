{{ hours_report([
    'work_location',
    'client_id',
    'client',
    'contract_id',
    'contract_number',
    'developer_id',
    'developer',
    'project_id',
    'project',
    'source',
    'service_type',
    'local_date',
]) }}
