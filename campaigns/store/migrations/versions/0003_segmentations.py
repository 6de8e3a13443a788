"""Each customer keeps the segment of the last run, and each run what it found out about its segments."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column and the table; both are filled by the next training."""
    op.add_column("customer_traits", sa.Column("previous_segment", sa.Text(), nullable=True))
    op.create_table(
        "segmentations",
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("as_of", name=op.f("pk_segmentations")),
    )
