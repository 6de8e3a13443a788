"""Which product of ours an event means: pages name products by id, or by what the shop calls a SKU."""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, select

from campaigns.store.statements import in_parts
from campaigns.store.tables import products
from campaigns.store.told import Item


def resolved(connection: Connection, items: Collection[Item]) -> dict[Item, str | None]:
    """Say which product each is: by id, by SKU, by a SKU told as the id; else as told: it may come later."""
    told = {word for item in items for word in (item.product_id, item.sku) if word}
    ids = {word for part in in_parts(told) for word in _ids(connection, part)}
    skus = {sku: key for part in in_parts(told) for sku, key in _skus(connection, part)}
    return {item: _one(item, ids, skus) for item in items}


def _one(item: Item, ids: Collection[str], skus: dict[str, str]) -> str | None:
    by_sku = skus.get(item.sku or "") or skus.get(item.product_id or "")
    return item.product_id if item.product_id in ids else by_sku or item.product_id or item.sku


def _ids(connection: Connection, words: Collection[str]) -> Iterable[str]:
    return connection.execute(select(products.c.id).where(products.c.id.in_(words))).scalars()


def _skus(connection: Connection, words: Collection[str]) -> Iterable[tuple[str, str]]:
    """Of a SKU that several products have, the first id counts."""
    query = select(products.c.sku, products.c.id).where(products.c.sku.in_(words)).order_by(products.c.id.desc())
    return [(row[0], row[1]) for row in connection.execute(query)]
