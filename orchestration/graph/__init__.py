"""What Dagster runs: the definitions, their resources, policies, schedules and sensors, and where runs are recorded."""
