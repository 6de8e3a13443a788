"""Who is the same person: customer records that stand for another one."""

from datetime import datetime

import pandas as pd
import pyarrow as pa
from sqlalchemy import delete, select

from campaigns.store.database import Store
from campaigns.store.tables import customer_aliases


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
