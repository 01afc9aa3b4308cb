"""What the outside world looks like: one pure dlt package per system. Nothing here knows Dagster, dbt or environments."""
