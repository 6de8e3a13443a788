"""What a message says stands apart from its state, which changes on its way."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Move the contents into a table of their own, in the order in which messages are claimed."""
    op.create_table(
        "message_contents",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id", "customer_id"],
            ["messages.run_id", "messages.customer_id"],
            name=op.f("fk_message_contents_run_id_customer_id"),
        ),
        sa.PrimaryKeyConstraint("run_id", "customer_id", name=op.f("pk_message_contents")),
    )
    op.execute(
        "INSERT INTO message_contents SELECT run_id, customer_id, content FROM messages"
        " WHERE CAST(content AS TEXT) <> 'null' ORDER BY rfc_message_id"
    )
    op.drop_column("messages", "content")
    op.drop_index("ix_messages_state_expires_at", "messages")
    not_left = sa.text("state IN ('waiting', 'paused')")
    columns = ["state", "expires_at"]
    op.create_index(
        "ix_messages_state_expires_at", "messages", columns, sqlite_where=not_left, postgresql_where=not_left
    )
