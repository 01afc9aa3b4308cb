"""Tests of the SQL models, mirroring dbt_project/models: raw rows in, marts out. Nothing of vendors' formats."""
