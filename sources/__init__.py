"""What the outside world looks like: one pure dlt package per system. Dagster, dbt, environments are unknown here."""
