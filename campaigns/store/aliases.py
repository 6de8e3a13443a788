"""Who is the same person: customer records that stand for another one."""

from datetime import datetime

import pandas as pd
import pyarrow as pa
from sqlalchemy import delete, func, select

from campaigns.store.database import Store
from campaigns.store.tables import customer_aliases, customers


def save_aliases(store: Store, aliases: pd.DataFrame, now: datetime) -> None:
    """Replace the table of duplicates: alias_id is another record of customer_id."""
    with store.bulk() as bulk:
        bulk.execute(delete(customer_aliases))
        rows = aliases.assign(found_at=pd.Timestamp(now))
        bulk.append(customer_aliases, pa.Table.from_pandas(rows, preserve_index=False))


def alias_ids(store: Store) -> list[str]:
    """List the records that another one stands for."""
    with store.engine.connect() as read:
        return list(read.execute(select(customer_aliases.c.alias_id)).scalars())


def records_of(store: Store, connection: str) -> dict[str, str]:
    """Say whom each customer record of a connection stands for: its id, to the id that is learnt from."""
    whom = func.coalesce(customer_aliases.c.customer_id, customers.c.id)
    joined = customers.outerjoin(customer_aliases, customer_aliases.c.alias_id == customers.c.id)
    query = select(customers.c.id, whom).select_from(joined)
    with store.engine.connect() as read:
        return {row[0]: row[1] for row in read.execute(query.where(customers.c.system == connection))}
