"""A small shop whose pages tell of customers, and what they tell."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import insert, select

from campaigns.store.behaviour import keep
from campaigns.store.tables import customers, events, products
from crm_adapters.events.event import Event, Item, Order

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
AGREED = {"yes"}
LATER = NOW + timedelta(days=1)


def person(name, email=None, tracking="yes", **more):
    told = {"id": name, "system": "shop", "email": email, "email_normalised": email, "consent_email": "subscribed"}
    return {**told, "objected": False, "attributes": {"tracking_consent": tracking}, "erased_at": None, **more}


def fill(store):
    """Open a shop: Ada (c1) and Bea (c2), who agreed to be tracked; tea (p1, SKU s1)."""
    with store.writing() as write:
        write.execute(insert(customers), [person("c1", "ada@example.com"), person("c2", "bea@example.com")])
        tea = {"id": "p1", "system": "shop", "sku": "s1", "title": "Tea", "available": True}
        write.execute(insert(products).values(**tea, published=True, recommendable=True))
    return store


def viewed(number, user=None, anonymous=None, product="p1", minutes=0, **more):
    at = NOW - timedelta(minutes=minutes)
    items = (Item(product, None),)
    return Event(f"m{number}", "viewed", at, NOW, user, anonymous, items=items, **more)


def identify(user=None, anonymous=None, email=None, minutes=0, **more):
    return Event("i", None, NOW - timedelta(minutes=minutes), NOW, user, anonymous, email=email, **more)


TEA = (Item("p1", None, "Tea", 2, 1999),)


def bought(order, user=None, anonymous=None, lines=TEA):
    return Event(f"order {order}", "ordered", NOW, NOW, user, anonymous, items=lines, order=Order(order, "USD"))


def say(store, *told, agreed=AGREED):
    with store.writing() as write:
        return keep(write, told, NOW, agreed)


def read(store, *columns):
    with store.engine.connect() as connection:
        return sorted((tuple(row) for row in connection.execute(select(*columns))), key=str)


def whose(store):
    """The customer of each event, in the order of when they happened."""
    with store.engine.connect() as connection:
        return list(connection.execute(select(events.c.customer_id).order_by(events.c.at, events.c.id)).scalars())
