"""Alembic's entry: runs the migrations on the connection that `service.store` hands over."""

from alembic import context

import service.account_tables  # noqa: F401 - so that METADATA knows them
from service.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, transactional_ddl=True
)
context.run_migrations()
