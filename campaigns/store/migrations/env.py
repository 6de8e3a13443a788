"""Alembic's way in: it migrates over the connection that it is given."""

from alembic import context

from campaigns.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
