"""Who became part of whom in a connected system."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "merges",
        sa.Column("merged_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("merged_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merged_id", name=op.f("pk_merges")),
    )
    op.create_index("ix_merges_customer_id", "merges", ["customer_id"])
