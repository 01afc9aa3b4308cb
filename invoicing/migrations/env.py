"""Run by alembic: migrates in the transaction that `invoicing.schema` has opened."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"], version_table_schema="billing", transactional_ddl=False
)
context.run_migrations()
