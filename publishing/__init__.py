"""Marts and reports in ClickHouse: the same tables and columns as in Postgres, moved by ClickHouse itself and compared.

`columns` says what becomes of each type, `layout` how large tables are sorted, `catalogue` what Postgres holds,
`statements` what ClickHouse is told, `publisher` the order of it all. Neither Dagster nor dbt is known here.
"""
