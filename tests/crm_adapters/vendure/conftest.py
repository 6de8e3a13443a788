"""Shops: one of a thousand customers that the tests of a session share, and small ones that a test may kill."""

import logging
import shutil
from types import SimpleNamespace

import pytest

from campaigns.init import init
from crm_adapters.vendure.adapter import Vendure
from tests.crm_adapters.vendure.running import Server, installed, programs_are_there
from tests.crm_adapters.vendure.shop import OWNER, Shop

GUEST = {"firstName": "Guy", "lastName": "Guest", "emailAddress": "Guest@Example.com"}


@pytest.fixture(scope="session")
def packages(missing):
    if not programs_are_there():
        missing("node with npm")
    return installed()


@pytest.fixture(scope="session")
def big(packages):
    """A shop, its hand, and what stands in it; a test that adds to it takes it away again."""
    server = Server(packages)
    server.start()
    try:
        shop = Shop(server.url)
        shop.open_up()
        customers = shop.add_customers(1_000)
        catalogue = shop.add_catalogue(30)
        orders = [
            shop.place([(catalogue[n % 30][1][0], 1 + n % 3), (catalogue[(n + 7) % 30][1][1], 1)], customers[n])
            for n in range(30)
            if not {n % 30 % 5, (n + 7) % 30 % 5} & {4}
        ]
        guest = shop.place([(catalogue[0][1][0], 3)], guest=GUEST)
        yield SimpleNamespace(shop=shop, url=server.url, catalogue=catalogue, orders=orders, guest=guest)
        shop.close()
    finally:
        server.stop()


@pytest.fixture(scope="session")
def filled(packages, tmp_path_factory):
    """The database of a shop of 120 customers, and their ids."""
    database = tmp_path_factory.mktemp("vendure") / "shop.sqlite"
    server = Server(packages, database)
    server.start()
    try:
        shop = Shop(server.url)
        shop.open_up()
        customers = shop.add_customers(120)
        shop.close()
    finally:
        server.stop()
    return database, customers


@pytest.fixture
def small(packages, filled, tmp_path):
    """A shop of 120 customers whose database is a file of this test alone: it can be killed and started again."""
    database, customers = filled
    server = Server(packages, shutil.copy(database, tmp_path / "shop.sqlite"))
    server.start()
    try:
        shop = Shop(server.url)
        yield SimpleNamespace(shop=shop, url=server.url, server=server, customers=list(customers))
        shop.close()
    finally:
        server.stop()


class Calls(logging.Handler):
    """Counts the calls that adapters make; does something after one of them, if told to."""

    def __init__(self):
        super().__init__()
        self.made = 0
        self.then = {}

    def emit(self, record):
        self.made += 1
        self.then.pop(self.made, lambda: None)()


@pytest.fixture
def calls():
    log, handler = logging.getLogger("crm_adapters.http"), Calls()
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield handler
    log.removeHandler(handler)
    log.setLevel(before)


@pytest.fixture
def adapter_of():
    """Makes a new adapter of a shop, as a new process would."""

    def make(shop, **more):
        return Vendure(shop.url, OWNER["user"], OWNER["password"], **more)

    return make


@pytest.fixture
def lay_out(tmp_path):
    """Lays out a project with a connection `vendure`; gives its folder."""

    def make(shop, password=OWNER["password"], user=OWNER["user"]):
        folder = tmp_path / "project"
        if not folder.exists():
            init(folder)
            settings = folder / "handpicked.toml"
            start = settings.read_text().index("[connections.shop]")
            (folder / "handpicked.without").write_text(settings.read_text()[:start])
        kept = (folder / "handpicked.without").read_text()
        (folder / "handpicked.toml").write_text(
            f'{kept}[connections.vendure]\nadapter = "vendure"\nurl = "{shop.url}"\n'
            f'user = "{user}"\npassword = "{password}"\n'
        )
        return folder

    return make
