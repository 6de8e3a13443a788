"""A real Vendure shop with as many customers as wanted: one is made through its own API, the others are its copies."""

import sqlite3
import tempfile
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.crm_adapters.vendure.running import Server, installed
from tests.crm_adapters.vendure.shop import Shop

START = datetime(2026, 1, 1, tzinfo=UTC)


@contextmanager
def shop_of(count):
    """Run one; gives its URL."""
    with tempfile.TemporaryDirectory() as name:
        server = Server(installed(), Path(name) / "shop.sqlite")
        server.start()
        shop = Shop(server.url)
        shop.open_up()
        (first,) = shop.add_customers(1)
        shop.close()
        server.end(15)
        with closing(sqlite3.connect(server.database)) as database:
            multiply(database, int(first), count)
        server.start()
        try:
            yield server.url
        finally:
            server.stop()


def multiply(database, first, count):
    """Copy a customer with its addresses, each copy changed a minute after the one before."""
    copies = [(first + n, f"customer{n}@example.com", f"{START + timedelta(minutes=n):%F %T}") for n in range(1, count)]
    for table, of in (("customer", "id"), ("address", "customerId"), ("customer_channels_channel", "customerId")):
        cursor = database.execute(f'SELECT * FROM {table} WHERE "{of}" = {first}')
        names = [told[0] for told in cursor.description]
        for row in cursor.fetchall():
            held = dict(zip(names, row, strict=True))
            if table == "address":
                del held["id"]
            quoted = ", ".join(f'"{name}"' for name in held)
            rows = [tuple(({**held, of: one} | _own(table, email, at)).values()) for one, email, at in copies]
            database.executemany(f"INSERT INTO {table} ({quoted}) VALUES ({', '.join('?' * len(held))})", rows)
    database.commit()


def _own(table, email, at):
    return {"emailAddress": email, "userId": None, "createdAt": at, "updatedAt": at} if table == "customer" else {}
