"""The warehouse: its server, its roles, how dbt builds it and what is known of the last build."""
