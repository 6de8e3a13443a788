"""Orders that only the shop's pages tell of.

Such an order counts as long as no connection brings orders (`frames.purchases`): whether two orders are the same can't
be told from ids that two systems gave them. No address is kept with it: whose it is, its customer says.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from campaigns.store.identities import person_of
from campaigns.store.known import Known
from campaigns.store.statements import insert_new
from campaigns.store.tables import orders
from campaigns.store.told import Event, Item, Order

SYSTEM = "behaviour events"


def order_key(order: Order) -> str:
    """The id of an order of these events: never that of an order which a connection brings."""
    return f"{SYSTEM}:{order.id}"


def keep_orders(
    connection: Connection, told: Sequence[Event], known: Mapping[str, Known], named: Mapping[Item, str | None]
) -> None:
    """Keep completed orders, each once, in the caller's transaction."""
    rows: dict[str, dict[str, Any]] = {}
    for each in told:
        whom = known.get(person_of(each))
        if each.order is None or (whom and whom.erased):
            continue
        items = list(each.items)
        row: dict[str, Any] = {
            "id": order_key(each.order),
            "system": SYSTEM,
            "customer_id": whom.id if whom else None,
            "placed_at": each.at,
            "status": "paid",
            "currency": each.order.currency,
            "test": False,
            "lines": {
                "line_id": [str(number) for number in range(1, len(items) + 1)],
                "product_id": [named[item] for item in items],
                "title": [item.title for item in items],
                "quantity": [float(item.quantity) for item in items],
                "unit_price_minor": [item.price_minor for item in items],
            },
        }
        rows.setdefault(row["id"], row)
    insert_new(connection, orders, [rows[key] for key in sorted(rows)])
