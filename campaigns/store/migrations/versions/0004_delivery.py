"""What delivery needs to know: how long a message is worth sending, customers' wishes, requests to links, rates."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the tables; messages that wait are worth sending for as long as most campaigns say."""
    op.add_column("messages", sa.Column("expires_at", sa.BigInteger(), nullable=True))
    op.execute("UPDATE messages SET expires_at = due_at + 172800000000")  # 48 hours in microseconds
    op.drop_index("ix_messages_state_due_at", "messages")
    op.create_index("ix_messages_state_due_at_rfc_message_id", "messages", ["state", "due_at", "rfc_message_id"])
    op.create_index("ix_messages_run_id_state", "messages", ["run_id", "state"])
    op.create_index("ix_messages_state_expires_at", "messages", ["state", "expires_at"])
    op.create_table(
        "preferences",
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("unwanted", sa.JSON(), nullable=False),
        sa.Column("every_days", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_preferences")),
    )
    op.create_table(
        "hits",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("customer_id", sa.Text(), nullable=True),
        sa.Column("product_id", sa.Text(), nullable=True),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("rules", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hits")),
    )
    op.create_index(op.f("ix_hits_at"), "hits", ["at"])
    op.create_index(op.f("ix_hits_customer_id"), "hits", ["customer_id"])
    op.create_table(
        "used_tokens",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_used_tokens")),
    )
    op.create_table(
        "buckets",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("refilled_at", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_buckets")),
    )
