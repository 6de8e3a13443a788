"""An order's lines move from a table of their own into the order's row."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_LINE = ("line_id", "product_id", "title", "quantity", "unit_price_minor", "refunded_quantity")
_OLD = sa.table("order_lines", sa.column("order_id"), *map(sa.column, _LINE))
_FOLD = {
    "postgresql": "UPDATE orders SET lines = CAST(:lines AS JSON) WHERE id = :id",
    "sqlite": "UPDATE orders SET lines = :lines WHERE id = :id",
}
_MANY = 100_000


def upgrade() -> None:
    """Fold the lines into their orders."""
    op.add_column("orders", sa.Column("lines", sa.JSON(), nullable=False, server_default="{}"))
    connection = op.get_bind()
    fold = sa.text(_FOLD[connection.dialect.name])
    kept: list[dict[str, object]] = []
    found = connection.execute(sa.select(_OLD).order_by(_OLD.c.order_id, _OLD.c.line_id)).mappings()
    for some in found.partitions(_MANY):
        kept += [dict(row) for row in some]
        last = kept[-1]["order_id"]  # more of its lines may come
        _fold(connection, fold, [row for row in kept if row["order_id"] != last])
        kept = [row for row in kept if row["order_id"] == last]
    _fold(connection, fold, kept)
    op.drop_table("order_lines")


def _fold(connection: sa.Connection, fold: sa.TextClause, rows: list[dict[str, object]]) -> None:
    # Each opening of a store reads this file; only who still has the old table needs 80 MB of pandas and Arrow.
    import pyarrow as pa  # noqa: PLC0415

    from campaigns.store import lines  # noqa: PLC0415

    if rows:
        schema = pa.schema([pa.field("order_id", pa.string()), *lines.LINE])
        packed = lines.pack(pa.Table.from_pylist(rows, schema=schema))
        connection.execute(fold, packed.rename_columns({"order_id": "id"}).to_pylist())
