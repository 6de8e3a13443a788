"""What customers do on the shop's pages: whose an event is there, since when it is known, and who is who."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns and the table."""
    op.add_column("events", sa.Column("person", sa.Text(), nullable=True))
    op.add_column("events", sa.Column("received_at", sa.BigInteger(), nullable=True))
    op.create_index("ix_events_person", "events", ["person"])
    op.create_table(
        "identities",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("stands_for", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_identities")),
    )
    for name in ("stands_for", "email"):
        op.create_index(f"ix_identities_{name}", "identities", [name])
