"""Customers whom a connected system has made part of another: what they did counts as the other's.

What was written down under the old id stays as it is, for a report must still find whom it wrote to; who reads asks
`whom` an id stands for. The old record itself is gone: nobody writes to it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, Select, delete, exists, func, select, union, update
from sqlalchemy.sql.selectable import CompoundSelect

from campaigns.store.bulk import BulkConnection
from campaigns.store.statements import in_parts
from campaigns.store.tables import customers, merges, microseconds


def keep_merges(bulk: BulkConnection, system: str, told: Mapping[str, str], now: datetime) -> list[str]:
    """Remember who has become part of whom, also where that one becomes part of a third.

    Args:
        bulk: the transaction.
        system: which tells it.
        told: the id that was, to the id that stays.
        now: the moment.

    Returns:
        who is part of another now. A circle says nothing of anybody, and no system says anything of another's records.
    """
    others = _of_other_systems(bulk, system, {*told, *told.values()})
    final = {merged: end for merged in told if (end := _end(told, merged)) and not {merged, end} & others}
    if not final:
        return []
    for some in in_parts(sorted(set(final.values()))):  # who takes others in is nobody's part, whatever was said before
        bulk.execute(delete(merges).where(merges.c.merged_id.in_(some)))
    for merged, stays in final.items():
        bulk.execute(update(merges).where(merges.c.customer_id == merged).values(customer_id=stays))
    rows = {"merged_id": list(final), "customer_id": list(final.values())}
    count = len(final)
    bulk.upsert(merges, pa.table({**rows, "system": [system] * count, "merged_at": [microseconds(now)] * count}))
    return list(final)


def _of_other_systems(bulk: BulkConnection, system: str, ids: Collection[str]) -> set[str]:
    found: set[str] = set()
    for some in in_parts(sorted(ids)):
        query = select(customers.c.id).where(customers.c.system != system, customers.c.id.in_(some))
        found.update(bulk.read(query)["id"].to_pylist())
    return found


def _end(told: Mapping[str, str], merged: str) -> str | None:
    """Follow a chain to its end; a circle has none."""
    seen = [merged]
    while (one := told.get(seen[-1])) is not None:
        if one in seen:
            return None
        seen.append(one)
    return seen[-1]


def part_again(bulk: BulkConnection, system: str, there: pa.ChunkedArray) -> None:
    """Forget of records that a system shows again that they were made part of another."""
    known = bulk.read(select(merges.c.merged_id).where(merges.c.system == system))["merged_id"].to_pylist()
    back = sorted(set(known).intersection(there.to_pylist())) if known else []
    for some in in_parts(back):
        bulk.execute(delete(merges).where(merges.c.merged_id.in_(some)))


def whom(column: ColumnElement[str]) -> ColumnElement[str]:
    """Whom a customer's id in a column stands for; `part_of(column)` is to be joined from the left."""
    return func.coalesce(merges.c.customer_id, column)


def part_of(column: ColumnElement[str]) -> ColumnElement[bool]:
    """The condition of the left join that `whom` needs."""
    return merges.c.merged_id == column


def masters(connection: Connection, ids: Collection[str]) -> dict[str, str]:
    """Those of these customers who are part of another, and of whom."""
    found: dict[str, str] = {}
    for some in in_parts(ids):
        query = select(merges.c.merged_id, merges.c.customer_id).where(merges.c.merged_id.in_(some))
        found |= {row[0]: row[1] for row in connection.execute(query)}
    return found


def erased_ids() -> CompoundSelect[tuple[str]]:
    """Select the ids of the erased, and of those who are part of them; who is part of another is not erased."""
    is_erased = customers.c.erased_at.is_not(None)
    is_part = exists().where(merges.c.merged_id == customers.c.id)
    own: Select[tuple[str]] = select(customers.c.id).where(is_erased, ~is_part)
    parts = select(merges.c.merged_id).join(customers, customers.c.id == merges.c.customer_id).where(is_erased)
    return union(own, parts)
