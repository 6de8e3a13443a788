"""A shop for each test, and worlds of a feed and of a site for the checks."""

import pytest

from crm_adapters.product_pages import known
from crm_adapters.product_pages.adapter import Manners, ProductPages
from crm_adapters.records import Stream
from tests.crm_adapters.product_pages.shop import Clock, Shop, feed, page, sitemap

PRODUCTS = Stream.PRODUCTS


class World:
    """Products in a shop, as a feed or as pages."""

    streams = (PRODUCTS,)
    tells_deletions = False
    tells_merges = False
    page_records = 7

    def __init__(self, shop):
        self.shop = shop
        self.clear()

    def clear(self):
        self.records = {}
        self.shop.clear()

    def put(self, stream, records):
        if stream is PRODUCTS:
            self.records |= {record["id"]: record for record in records}
        self.write()

    def open(self):
        return ProductPages(
            self.shop.url + self.source,
            None,
            Manners(allow_private=True, pause_seconds=0),
            page_records=self.page_records,
        )

    def pushed(self):
        return {}


class FeedWorld(World):
    """A feed; where something has changed, it is read again from its start."""

    source, by_change = "/feed.xml", False

    def write(self):
        items = [
            {"id": name, "title": each["title"], "price": f"{each['price']} {each['currency']}"}
            for name, each in sorted(self.records.items())
        ]
        self.shop.put(self.source, feed(*items))


class SiteWorld(World):
    """Pages, each with the date of its change in the sitemap."""

    source, by_change = "/sitemap.xml", True

    def write(self):
        dates = [(f"{self.shop.url}/p/{name}", each["updated_at"].isoformat()) for name, each in self.records.items()]
        self.shop.put(self.source, sitemap(dates))
        for name, each in self.records.items():
            offer = {"price": each["price"], "priceCurrency": each["currency"]}
            self.shop.put(f"/p/{name}", page({"@type": "Product", "name": each["title"], "sku": name, "offers": offer}))


@pytest.fixture(autouse=True)
def apart(monkeypatch):
    """No two of a few urls share a bucket; else a page is read for the sake of another, once in fifty."""
    places = {}
    monkeypatch.setattr(known, "bucket_of", lambda url: places.setdefault(url, len(places)) % known.BUCKETS)


@pytest.fixture(scope="session")
def one_shop():
    """One server for all tests: starting one takes longer than most of them."""
    shop = Shop()
    yield shop
    shop.stop()


@pytest.fixture
def shop(one_shop):
    one_shop.clear()
    return one_shop


@pytest.fixture(params=[FeedWorld, SiteWorld], ids=["feed", "site"])
def pages_world(request, shop):
    return request.param(shop)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def opened(shop, clock):
    """Opens an adapter on the shop, as after a restart: `opened("/feed.xml", page_records=2)`."""

    def open_one(source="/", mapping=None, manners=None, **more):
        manners = manners or Manners(allow_private=True, pause_seconds=0)
        return ProductPages(shop.url + source, mapping, manners, **{"clock": clock} | more)

    return open_one


@pytest.fixture
def pull():
    """Pulls to the end: rows, rejects, and the last cursor."""

    def go(adapter, since=None, stream=PRODUCTS):
        found = list(adapter.pull(stream, since))
        rows = [row for each in found for row in each.rows.to_pylist()]
        rejects = [reject for each in found for reject in each.rejects]
        return rows, rejects, found[-1].cursor if found else since

    return go
